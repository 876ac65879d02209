"""The databases that the settings name, and the precedence of settings that describe the same one."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.dsn import DsnError, Source, document_state, entries, read_text
from exporter.dsn.text import clean, printable
from exporter.model.role import ExpectedRole
from exporter.settings.config import DatabaseConfig

UNKNOWN = "unknown"  # the name of a database whose address cannot be read
_ROLES = tuple(ExpectedRole)
_KEYS = ("url", "url_file", "host", "port", "name", "user", "password", "password_file", "parameters")
_PARTS = ("host", "port", "name", "user", "parameters")  # also parts of a URL


@dataclass(slots=True)
class Databases:
    """The databases that the settings name.

    Strict reading raises at the first that cannot be used; the lenient one of `serve` keeps it with its problem, so
    that the exporter answers and says what to change.
    """

    expect: ExpectedRole
    lenient: bool
    problem: str = ""  # of a setting that describes the single database
    notes: list[str] = field(default_factory=list)
    document: str = ""  # the file that holds them
    state: str = ""  # of that file

    def read(self, given: Mapping[str, Any]) -> tuple[DatabaseConfig, ...]:
        """Return every database.

        Args:
            given: the settings whose names begin with `database`, those not given left out.

        Raises:
            DsnError: strictly read, one of them cannot be used; the sentence names the setting to change.
        """
        given = {name: value for name, value in given.items() if not _is_blank(name, value)}
        single = {key: given[f"database_{key}"] for key in _KEYS if f"database_{key}" in given}
        several: list[str] = [name for name in ("databases", "databases_file") if name in given]
        if not several or (single.keys() & {"url", "url_file"} and not self._is_ours(given)):
            self._leave_out(several, "DATABASE_URL")
            return (self._single(single),)
        self._leave_out([f"database_{key}" for key in single], several[0].upper())
        self._leave_out(several[1:], several[0].upper())
        path = "" if "databases" in given else given["databases_file"]
        self.document, self.state = path, document_state(path) if path else ""
        try:
            return self._several(read_text(path, "DATABASES_FILE") if path else clean(given["databases"]))
        except DsnError as error:
            return (self._unusable(UNKNOWN, str(error)),)

    def _is_ours(self, given: Mapping[str, Any]) -> bool:
        """Whether DATABASES is the exporter's: applications have variables of that name, too."""
        if "databases_file" in given:
            return True
        text = clean(given["databases"])
        try:
            found = entries(text).values()
        except DsnError:
            return text.startswith("{")
        # Django's, for one, has an object for each name, too.
        return any(isinstance(entry, str) or (isinstance(entry, dict) and entry.keys() & set(_KEYS)) for entry in found)

    def _leave_out(self, names: list[str], winner: str) -> None:
        if names:
            shown = ", ".join(name.upper() for name in names)
            self.notes.append(f"{shown}: not used, because {winner} counts")

    def _single(self, given: dict[str, Any]) -> DatabaseConfig:
        url = next((key for key in ("url", "url_file") if key in given), None)
        if url is not None:
            self._prefer(given, url)
        if "password" in given and "password_file" in given:
            del given["password"]
            self._leave_out(["database_password"], "DATABASE_PASSWORD_FILE")
        if self.problem:
            return self._unusable(str(given.get("name", UNKNOWN)), self.problem)
        if url is None and "host" not in given:
            missing = "DATABASE_URL (or DATABASE_URL_FILE, DATABASE_HOST, DATABASES) must be given"
            if os.environ.get("PGHOST"):
                missing += "; PGHOST and its kin are not read"
            return self._unusable(UNKNOWN, missing)
        return self._database(Source(**given), name=None, expect=self.expect, required=True)

    def _prefer(self, given: dict[str, Any], url: str) -> None:
        """Let the URL count before the settings that describe the same database in parts."""
        parts = [key for key in _PARTS if key in given]
        if "host" in parts and Source(**{url: given[url]}).needs_host():
            parts = []
        others = [key for key in ("url", "url_file") if key in given and key != url]
        # A password beside a URL takes the place of the URL's; beside parts, it is one of them.
        if "host" in parts and _has_password(Source(**{url: given[url]})):
            parts += [key for key in ("password", "password_file") if key in given]
        for key in (*parts, *others):
            del given[key]
        self._leave_out([f"database_{key}" for key in (*parts, *others)], f"DATABASE_{url.upper()}")

    def _several(self, text: str) -> tuple[DatabaseConfig, ...]:
        return tuple(self._entry(name, entry) for name, entry in entries(text).items())

    def _entry(self, name: str, entry: object) -> DatabaseConfig:
        beside = entry if isinstance(entry, dict) else {}
        role, required = beside.get("expect", self.expect), beside.get("required", True)
        role = role.lower() if isinstance(role, str) else role
        if role not in _ROLES:
            return self._unusable(name, f'DATABASES: "{name}": expect must be any, primary or replica')
        if not isinstance(required, bool):
            return self._unusable(name, f'DATABASES: "{name}": required must be true or false')
        try:
            source = Source.of(entry, name=name)
        except DsnError as error:
            return self._unusable(name, str(error), source=self._anew(name))
        found = self._database(source, name=name, expect=ExpectedRole(role), required=required)
        return DatabaseConfig(found.name, self._anew(name) or source, found.expect, found.required)

    def _database(self, source: Source, *, name: str | None, expect: ExpectedRole, required: bool) -> DatabaseConfig:
        """Try the address out, so that a mistake shows at once."""
        try:
            database: str | None = source.try_out().database
        except DsnError:
            if not self.lenient:
                raise
            database = source.database() or source.name
        self.notes.extend(source.notes())
        return DatabaseConfig(name or printable(database or UNKNOWN), source, expect, required)

    def _unusable(self, name: str, problem: str, *, source: Source | None = None) -> DatabaseConfig:
        if not self.lenient:
            raise DsnError(problem)
        source = source or Source(problem=problem, document=self.document, document_state=self.state)
        return DatabaseConfig(printable(name), source, self.expect, required=True)

    def _anew(self, name: str) -> Source | None:
        """Return the source that looks an entry up in its file at each connect; None where it stands in a variable."""
        return Source(entry=name, document=self.document) if self.document else None


def _is_blank(name: str, value: Any) -> bool:
    """Whether a setting holds nothing but white space or quotes; a password may."""
    return "password" not in name and isinstance(value, str) and not clean(value)


def _has_password(source: Source) -> bool:
    try:
        return bool(source.target().password)
    except DsnError:
        return False
