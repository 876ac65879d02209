"""A whole secret as one JSON object, as AWS Secrets Manager and other stores keep it for a database."""

import dataclasses
import json
import re
from typing import Any

from exporter.dsn.errors import DsnError
from exporter.dsn.hosts import listed
from exporter.dsn.parameters import canonical, may_ask_for_tls
from exporter.dsn.split import Parts, split
from exporter.dsn.text import clean

# Names of a part without a prefix, in lower case and letters alone: dbName, DB_NAME and POSTGRES_DB are one.
_PARTS = {
    "url": "url", "uri": "url", "connectionstring": "url", "connectionuri": "url", "connectionurl": "url",
    "host": "host", "hostname": "host", "port": "port",
    "database": "database", "user": "user", "username": "user", "password": "password", "pass": "password",
}  # fmt: skip
_PREFIX = re.compile(r"(?:database|postgresql|postgres|pg|db)+")


def is_secret_document(text: str) -> bool:
    """Whether a text is a JSON object: never a URL, and never a password alone."""
    return bool(_object(clean(text)))


def parts_of(text: str) -> Parts:
    """Return the parts of the address that a secret's JSON object holds; without a host, if it has none.

    Raises:
        DsnError: the text is no JSON object, or it is about another kind of database.
    """
    found = _object(text)
    if not found:
        raise DsnError("begins with { and is not a JSON object with host, username and password")
    engine = found.get("engine", "postgres")
    if not (isinstance(engine, str) and "postgres" in engine.lower()):
        raise DsnError('holds a JSON object whose "engine" is not PostgreSQL')
    given = {name: text for name, value in found.items() if (text := _text(value))}
    texts: dict[str, str] = {}
    for name in sorted(given, key=lambda name: _PREFIX.match(name.lower()) is not None):  # the plain one counts
        texts.setdefault(_part(name), given[name])
    tls = tuple((canonical(name), text) for name, text in given.items() if may_ask_for_tls(name))
    if "url" in texts:
        parts = split(texts["url"])
        return dataclasses.replace(parts, query=(*parts.query, *tls))
    return Parts(
        hosts=listed(texts["host"]) if "host" in texts else (),
        database=texts.get("database", ""),
        user=texts.get("user", ""),
        password=texts.get("password", ""),
        query=((("port", texts["port"]),) if "port" in texts else ()) + tls,
    )


def _part(name: str) -> str:
    """Return the part of an address that a key names; empty for any other."""
    letters = re.sub("[^a-z0-9]", "", name.lower())
    prefix = _PREFIX.match(letters)
    rest = letters[prefix.end() :] if prefix else letters
    if prefix and rest in {"", "name"}:
        return "database"
    return _PARTS.get(rest, "")


def _object(text: str) -> dict[str, Any]:
    if not text.lstrip().startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (str, int)) else ""
