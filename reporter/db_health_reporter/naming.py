"""Names pools so that every process of an application uses the same names."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from db_health_reporter.labels import to_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.engine import Engine

    from db_health_reporter.settings import Settings

_MAX_NUMBERED_NAME = 60  # characters before the number
_POSTGRESQL = frozenset({"postgresql", "cockroachdb"})  # dialects of databases that the exporter can ask

Key = tuple[str, ...]


def base_name(engine: Engine, settings: Settings, given: Mapping[str, Any]) -> str:
    """Return a pool's name without a number: from the call or URL, SQLAlchemy, the environment, or the database."""
    logging_name = getattr(engine.pool, "_orig_logging_name", None) or getattr(engine, "logging_name", None)
    if logging_name and "dbhealth_pool" not in given:
        return to_label(logging_name)
    return to_label(settings.pool or engine.url.database)


def database_name(settings: Settings, in_url: str | None, dialect: str) -> str | None:
    """Return the name of an engine's database: from the call, URL or environment, or as the engine's URL has it.

    None means the exporter's only database: the URL names none where a function makes the connections (`creator=`, as
    Cloud SQL's and AlloyDB's connectors want it).
    """
    name = settings.database or in_url
    return None if not name and dialect in _POSTGRESQL else to_label(name)


def naming_key(engine: Engine, call_site: str = "") -> Key:
    """Return a key that is the same in every process: address, pool, and the place that makes the engine."""
    pool: Any = engine.pool
    size = getattr(getattr(pool, "_pool", None), "maxsize", None)
    limits = (getattr(pool, name, None) for name in ("_max_overflow", "_timeout", "_recycle"))
    return (str(engine.url), type(pool).__name__, str(size), *map(str, limits), call_site)


def unique(name: str, taken: Iterable[str]) -> str:
    """Add the smallest number that makes the name unique."""
    others = set(taken)
    if name not in others:
        return name
    return next(other for n in itertools.count(2) if (other := f"{name[:_MAX_NUMBERED_NAME]}-{n}") not in others)


def insert_by_key(free: str, key: Key, present: Mapping[str, Key]) -> tuple[str, list[tuple[str, str]]]:
    """Return a new pool's name, and (old, new) names of pools that must be renamed for it, in this order.

    Pools of one base name get their numbers by their keys and not by their age: each process makes its engines when it
    first needs them. `present` are those pools by name, `free` is a name that none has.
    """
    names = sorted([*present, free], key=_by_number)
    later = sorted((name for name, other in present.items() if other > key), key=_by_number)
    if not later:
        return free, []
    moves = [(old, new) for old, new in zip(later, names[-len(later) :]) if old != new]
    return later[0], moves[::-1]  # the last first: its new name is free


def _by_number(name: str) -> tuple[int, str]:
    return len(name), name
