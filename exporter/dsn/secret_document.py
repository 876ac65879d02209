"""A whole secret as one JSON object, as AWS Secrets Manager keeps it for a database."""

import json
from typing import Any

from exporter.dsn.errors import DsnError
from exporter.dsn.hosts import listed
from exporter.dsn.split import Parts, split

_NAMES = {
    "url": ("uri", "url"),
    "host": ("host", "hostname"),
    "port": ("port",),
    "database": ("dbname", "database"),
    "user": ("username", "user"),
    "password": ("password",),
}


def is_secret_document(text: str) -> bool:
    """Whether a text is a JSON object that holds a password: never a URL, and never a password alone."""
    return _object(text).keys() & {"password", "uri", "url"} != set()


def parts_of(text: str) -> Parts:
    """Return the parts of the address that a secret's JSON object holds.

    Raises:
        DsnError: the text is no JSON object, or it names no host, or another kind of database.
    """
    found = _object(text)
    if not found:
        raise DsnError("begins with { and is not a JSON object with host, username and password")
    engine = found.get("engine", "postgres")
    if not (isinstance(engine, str) and "postgres" in engine.lower()):
        raise DsnError('holds a JSON object whose "engine" is not PostgreSQL')
    texts = {key: _text(found, names) for key, names in _NAMES.items()}
    if texts["url"]:
        return split(texts["url"])
    if not texts["host"]:
        raise DsnError('holds a JSON object without "host": add it, or give DATABASE_HOST and its kin')
    return Parts(
        hosts=listed(texts["host"]),
        database=texts["database"],
        user=texts["user"],
        password=texts["password"],
        query=(("port", texts["port"]),) if texts["port"] else (),
    )


def _object(text: str) -> dict[str, Any]:
    if not text.lstrip().startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(found: dict[str, Any], names: tuple[str, ...]) -> str:
    value = next((found[name] for name in names if name in found), "")
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
