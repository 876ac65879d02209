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
from exporter.dsn.split import Parts, hides_nothing, pairs, split
from exporter.dsn.target import Target

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

    @classmethod
    def of(cls, entry: object, *, name: str) -> "Source":
        """An entry of DATABASES: a URL or an object."""
        given: dict[str, Any] = {"url": entry} if isinstance(entry, str) else _object(entry, name)
        source = cls(entry=name, **{key: value for key, value in given.items() if key not in _BESIDE})
        source.check()
        return source

    def check(self) -> None:
        """Refuse combinations that leave open which setting counts."""
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
        """The words by which the user knows a part of this source."""
        return f'DATABASES: "{self.entry}": {key}' if self.entry else f"DATABASE_{key.upper()}"

    def target(self) -> Target:
        """Read the files and understand the address."""
        if self.document:
            found = entries(read_text(self.document, "DATABASES_FILE"))
            if self.entry not in found:
                raise DsnError(f'DATABASES_FILE no longer holds "{self.entry}"')
            return Source.of(found[self.entry], name=self.entry).target()
        try:
            parts = self._parts()
            if self.password_file is not None:
                password: str | None = _without_newline(read_text(self.password_file, self.say("password_file")))
            else:
                password = self.password
            return assemble(parts if password is None else _with_password(parts, password))
        except _FileError:
            raise
        except DsnError as error:
            raise self._named(error) from None

    def try_out(self) -> None:
        """Do all that a connection does before it connects, so that a mistake shows at the start."""
        target = self.target()
        try:
            target.connect_arguments()
        except DsnError as error:
            raise self._named(error) from None

    def _named(self, error: DsnError) -> DsnError:
        """The same error with the name of the setting to change."""
        if self.host is None:
            key = "url" if self.url is not None else "url_file"
        else:
            key = "host" if error.of_host or self.parameters is None else "parameters"
        return DsnError(f"{self.say(key)} {error}")

    def _parts(self) -> Parts:
        if self.url is not None:
            return split(self.url)
        if self.url_file is not None:
            return split(read_text(self.url_file, self.say("url_file")))
        query = pairs(self.parameters)
        if self.port is not None:
            query.append(("port", str(self.port)))
        return Parts(
            hosts=listed(self.host or ""),
            database=self.name or "",
            user=self.user or "",
            query=tuple(query),
            nameable=hides_nothing(query),
        )


class _FileError(DsnError):
    """A file that cannot be read; the text already names the variable."""


def entries(text: str) -> dict[str, object]:
    """The JSON object of DATABASES, its names checked."""
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
        if key == "port" and (isinstance(value, bool) or not isinstance(value, int)):
            raise DsnError(f"{where}: port must be a number")
    return entry


def _with_password(parts: Parts, password: str) -> Parts:
    query = tuple((name, value) for name, value in parts.query if name != "password")
    return dataclasses.replace(parts, password=password, query=query)


def _without_newline(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def read_text(path: str, variable: str) -> str:
    """The text of the file that a setting names."""
    try:
        return files.text(path)
    except files.UnusableFileError as error:
        raise _FileError(f"{variable} names {error}") from None
