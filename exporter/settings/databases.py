"""Which databases the settings name, and where each one's address and password come from."""

from collections.abc import Mapping
from typing import Any

from exporter.dsn import DsnError, Source, entries, read_text
from exporter.model.role import ExpectedRole
from exporter.settings.config import Database

_ROLES = tuple(ExpectedRole)
_KEYS = ("url", "url_file", "host", "port", "name", "user", "password", "password_file", "parameters")


def databases(given: Mapping[str, Any], *, expect: ExpectedRole) -> tuple[Database, ...]:
    """Every database, its files readable and its address understood now, so that a mistake shows at once."""
    single = {key: given[f"database_{key}"] for key in _KEYS if f"database_{key}" in given}
    text, path = given.get("databases"), given.get("databases_file")
    if text is None and path is None:
        return (_single(single, expect=expect),)
    if text is not None and path is not None:
        raise DsnError("DATABASES and DATABASES_FILE are both given: give one of them")
    if single:
        first = next(iter(single)).upper()
        raise DsnError(f"DATABASES and DATABASE_{first} are both given: write every database into DATABASES")
    document = path or ""
    found = entries(text if text is not None else read_text(document, "DATABASES_FILE"))
    return tuple(_one(name, entry, document=document, expect=expect) for name, entry in found.items())


def _single(given: dict[str, Any], *, expect: ExpectedRole) -> Database:
    if not given.keys() & {"url", "url_file", "host"}:
        raise DsnError("DATABASE_URL (or DATABASE_URL_FILE, DATABASE_HOST, DATABASES) must be given")
    source = Source(**given)
    source.check()
    source.try_out()
    return Database(name=_shown(source.target().database), source=source, expect=expect, required=True)


def _shown(name: str) -> str:
    """A line break in a name would forge lines of the log and of `?verbose`; the names in DATABASES have none."""
    return "".join(character if character.isprintable() else "?" for character in name)


def _one(name: str, entry: object, *, document: str, expect: ExpectedRole) -> Database:
    source = Source.of(entry, name=name)
    source.try_out()
    beside = entry if isinstance(entry, dict) else {}
    role, required = beside.get("expect", expect), beside.get("required", True)
    if role not in _ROLES:
        raise DsnError(f'DATABASES: "{name}": expect must be any, primary or replica')
    if not isinstance(required, bool):
        raise DsnError(f'DATABASES: "{name}": required must be true or false')
    where = Source(entry=name, document=document) if document else source
    return Database(name=name, source=where, expect=ExpectedRole(role), required=required)
