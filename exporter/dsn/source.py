"""Where a target comes from; files are read anew each time, so that a rotated secret needs no restart."""

import dataclasses
import json
import re
from dataclasses import dataclass, field
from typing import Any

from exporter.dsn import files
from exporter.dsn.errors import DsnError
from exporter.dsn.hosts import listed
from exporter.dsn.parse import assemble
from exporter.dsn.secret_document import is_secret_document, parts_of
from exporter.dsn.split import Parts, hides_nothing, pairs, split
from exporter.dsn.target import ASYNCPG, Target
from exporter.dsn.text import clean, refuse_variable, without_newline

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_TEXTS = frozenset({"url", "url_file", "host", "name", "user", "password", "password_file", "parameters"})
# Keys of an entry in DATABASES that are the settings' business, not the address's.
_BESIDE = frozenset({"expect", "required"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The settings that say where one database is; no secret in its repr."""

    entry: str = ""  # its name in DATABASES; empty for a single database
    document: str = ""  # the file that holds DATABASES itself
    url: str | None = field(default=None, repr=False)
    url_file: str | None = None
    host: str | None = None
    port: int | None = None
    name: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: str | None = None
    parameters: str | None = field(default=None, repr=False)
    problem: str = ""  # a sentence: why the settings describe no database at all
    document_state: str = ""  # of the file that has the problem, see the function of this name

    @classmethod
    def of(cls, entry: object, *, name: str) -> "Source":
        """Return the source of an entry of DATABASES, which is a URL or an object.

        Raises:
            DsnError: it is neither, or leaves open which of its keys counts.
        """
        given: dict[str, Any] = {"url": entry} if isinstance(entry, str) else _object(entry, name)
        source = cls(entry=name, **{key: value for key, value in given.items() if key not in _BESIDE})
        source.check()
        return source

    def check(self) -> None:
        """Refuse combinations that leave open which setting counts.

        Raises:
            DsnError: the sentence names both.
        """
        ways = [key for key in ("url", "url_file", "host") if getattr(self, key) is not None]
        if len(ways) > 1:
            raise DsnError(f"{self.say(ways[0])} and {self.say(ways[1])} are both given: give one of them")
        if not ways:
            raise DsnError(f"{self.say('url')}, {self.say('url_file')} or {self.say('host')} must be given")
        if self.password is not None and self.password_file is not None:
            raise DsnError(f"{self.say('password')} and {self.say('password_file')} are both given: give one of them")
        if self.host is None:
            for key in ("port", "name", "user", "parameters"):
                if getattr(self, key) is not None:
                    raise DsnError(f"{self.say(key)} goes with {self.say('host')}: write it into the URL")

    def say(self, key: str) -> str:
        """Return the name by which the user knows a part of this source."""
        return f'DATABASES: "{self.entry}": {key}' if self.entry else f"DATABASE_{key.upper()}"

    def target(self) -> Target:
        """Read the files and understand the address.

        Raises:
            DsnError: the sentence names the setting and says what to change.
        """
        if self.problem:
            raise DsnError(self.problem)
        if self.document:
            found = entries(read_text(self.document, "DATABASES_FILE"))
            if self.entry not in found:
                raise DsnError(f'DATABASES_FILE no longer holds "{self.entry}"')
            return Source.of(found[self.entry], name=self.entry).target()
        try:
            parts = self._parts()
            password = self._password()
            target = assemble(parts if password is None else _with_password(parts, password))
            return dataclasses.replace(target, setting=self.say(self._address()))
        except _NamedError:
            raise
        except DsnError as error:
            raise self._named(error) from None

    def try_out(self) -> Target:
        """Do all that a connection does before it connects, so that a mistake shows at the start.

        Raises:
            DsnError: as `target`, or a certificate cannot be used.
        """
        target = self.target()
        target.connect_arguments()
        return target

    def driver(self) -> str:
        """Return the driver that the address asks for; asyncpg while it cannot be used."""
        target = self._usable()
        return target.driver if target else ASYNCPG

    def database(self) -> str | None:
        """Return the database's name on its server; None while the address cannot be used."""
        target = self._usable()
        return target.database if target else None

    def server(self) -> str:
        """Return the server that the address names, see `Target.server`; empty while the address cannot be used."""
        target = self._usable()
        return target.server if target else ""

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each thing that is left out or replaced; none while the address cannot be used."""
        target = self._usable()
        return target.sentences if target else ()

    def has_changed(self) -> bool:
        """Whether the file that has the problem is another one by now, so that the settings must be read again."""
        return bool(self.document_state) and files.document_state(self.document) != self.document_state

    def _usable(self) -> Target | None:
        try:
            return self.target()
        except DsnError:
            return None

    def _address(self) -> str:
        return next((key for key in ("url", "url_file") if getattr(self, key) is not None), "host")

    def _named(self, error: DsnError) -> DsnError:
        """Return the same error with the name of the setting to change."""
        key = self._address()
        if key == "host" and not error.of_host and self.parameters is not None:
            key = "parameters"
        return DsnError(f"{self.say(key)} {error}")

    def _password(self) -> str | None:
        key = "password" if self.password_file is None else "password_file"
        password = self.password if self.password_file is None else read_text(self.password_file, self.say(key))
        if password is None:
            return None
        if is_secret_document(password):
            raise _NamedError(
                f"{self.say(key)} holds a whole secret as a JSON object instead of a password: name its password "
                f"alone, or give the object as {self.say('url_file')}"
            )
        if self.password_file is None:
            try:
                refuse_variable(password)
            except DsnError as error:
                raise _NamedError(f"{self.say(key)} {error}") from None
        return without_newline(password)

    def _parts(self) -> Parts:
        if self.host is None:
            text = clean(self.url if self.url is not None else read_text(self.url_file or "", self.say("url_file")))
            refuse_variable(text)
            return parts_of(text) if text.startswith("{") else split(text)
        host, name, user, parameters = (
            clean(each or "") for each in (self.host, self.name, self.user, self.parameters)
        )
        for each in (host, name, user, parameters):
            refuse_variable(each)
        query = pairs(parameters)
        if self.port is not None:
            query.append(("port", str(self.port)))
        return Parts(hosts=listed(host), database=name, user=user, query=tuple(query), nameable=hides_nothing(query))


class _NamedError(DsnError):
    """An error whose text names the setting already."""


def entries(text: str) -> dict[str, object]:
    """Return the JSON object of DATABASES, its names checked.

    Raises:
        DsnError: it is no such object.
    """
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise DsnError(f"DATABASES is not JSON (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise DsnError("DATABASES is nested too deeply") from None
    if not isinstance(found, dict) or not found:
        raise DsnError('DATABASES must be a JSON object with at least one database: {"orders": "postgresql://..."}')
    for name in found:
        if not NAME.fullmatch(name):
            raise DsnError(
                "DATABASES has a name that is not allowed: names are up to 63 letters, digits, _ . and -, "
                "a letter or digit first",
            )
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise DsnError("DATABASES has the same key twice in one object")
    return dict(pairs)


def _object(entry: object, name: str) -> dict[str, Any]:
    where = f'DATABASES: "{name}"'
    if not isinstance(entry, dict):
        raise DsnError(f"{where} must be a URL or an object")
    if entry.keys() - _TEXTS - _BESIDE - {"port"}:
        allowed = ", ".join(sorted(_TEXTS | _BESIDE | {"port"}))
        raise DsnError(f"{where} has an unknown key: allowed are {allowed}")
    for key, value in entry.items():
        if key in _TEXTS and not (isinstance(value, str) and value):
            raise DsnError(f"{where}: {key} must be a text that is not empty")
        if key == "port" and (isinstance(value, bool) or not re.fullmatch("-?[0-9]{1,9}", str(value))):
            raise DsnError(f"{where}: port must be a number")
    return {key: int(value) if key == "port" else value for key, value in entry.items()}


def _with_password(parts: Parts, password: str) -> Parts:
    query = tuple((name, value) for name, value in parts.query if name != "password")
    return dataclasses.replace(parts, password=password, query=query)


def read_text(path: str, variable: str) -> str:
    """Return the text of the file that a setting names.

    Raises:
        DsnError: it cannot be read, or is empty.
    """
    try:
        return files.text(path)
    except files.UnusableFileError as error:
        raise _NamedError(f"{variable} names {error}") from None
