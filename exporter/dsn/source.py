"""Where a target comes from; files are read anew each time, so that a rotated secret needs no restart."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from exporter.dsn import files
from exporter.dsn.entries import BESIDE, as_object, entries
from exporter.dsn.errors import DsnError
from exporter.dsn.hosts import listed
from exporter.dsn.parse import assemble
from exporter.dsn.secret_document import is_secret_document, parts_of
from exporter.dsn.split import Parts, hides_nothing, is_url, pairs, split
from exporter.dsn.target import ASYNCPG, Target
from exporter.dsn.text import clean, refuse_variable, without_newline


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
        given: dict[str, Any] = {"url": entry} if isinstance(entry, str) else as_object(entry, name)
        source = cls(entry=name, **{key: value for key, value in given.items() if key not in BESIDE})
        source.check()
        return source

    def check(self) -> None:
        """Refuse combinations that leave open which setting counts.

        Raises:
            DsnError: the sentence names both.
        """
        if self.host is not None and self.needs_host():
            return
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
        whole = "secret as a JSON object" if is_secret_document(password) else "URL" if is_url(clean(password)) else ""
        if whole:
            raise _NamedError(
                f"{self.say(key)} holds a whole {whole} instead of a password: name its password alone, or give it as "
                f"{self.say('url_file')}"
            )
        if self.password_file is None:
            try:
                refuse_variable(password)
            except DsnError as error:
                raise _NamedError(f"{self.say(key)} {error}") from None
        return without_newline(password)

    def needs_host(self) -> bool:
        """Whether the URL is a secret's JSON object without a host, as RDS makes it: user and password alone."""
        try:
            text = self._text()
            return text.startswith("{") and not parts_of(text).hosts
        except DsnError:
            return False

    def _text(self) -> str:
        return clean(self.url if self.url is not None else read_text(self.url_file or "", self.say("url_file")))

    def _parts(self) -> Parts:
        if self.url is None and self.url_file is None:
            return self._given_parts()
        text = self._text()
        refuse_variable(text)
        if not text.startswith("{"):
            return split(text)
        found = parts_of(text)
        if found.hosts:
            return found
        if self.host is None:
            raise DsnError(f'holds a JSON object without "host": add it, or give {self.say("host")} beside it')
        given = self._given_parts()
        return dataclasses.replace(
            given,
            database=given.database or found.database,
            user=found.user or given.user,
            password=found.password,
            query=(*found.query, *given.query),
        )

    def _given_parts(self) -> Parts:
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
