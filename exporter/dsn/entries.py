"""The JSON object of DATABASES: its names and the keys of each entry."""

import json
import re
from typing import Any

from exporter.dsn.errors import DsnError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_TEXTS = frozenset({"url", "url_file", "host", "name", "user", "password", "password_file", "parameters"})
# Keys that are the settings' business, not the address's.
BESIDE = frozenset({"expect", "required"})


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


def as_object(entry: object, name: str) -> dict[str, Any]:
    """Return an entry that is an object, its keys and values checked.

    Raises:
        DsnError: it is none, or holds something else.
    """
    where = f'DATABASES: "{name}"'
    if not isinstance(entry, dict):
        raise DsnError(f"{where} must be a URL or an object")
    if entry.keys() - _TEXTS - BESIDE - {"port"}:
        allowed = ", ".join(sorted(_TEXTS | BESIDE | {"port"}))
        raise DsnError(f"{where} has an unknown key: allowed are {allowed}")
    for key, value in entry.items():
        if key in _TEXTS and not (isinstance(value, str) and value):
            raise DsnError(f"{where}: {key} must be a text that is not empty")
        if key == "port" and (isinstance(value, bool) or not re.fullmatch("-?[0-9]{1,9}", str(value))):
            raise DsnError(f"{where}: port must be a number")
    return {key: int(value) if key == "port" else value for key, value in entry.items()}
