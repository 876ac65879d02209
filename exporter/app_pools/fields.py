"""Reads one field of a report and checks its type, sign, size and finiteness: TypeError or ValueError otherwise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
MAX_NAME = 64
_MAX_TEXT = 512
_MAX_GAUGE = 1_000_000
_MAX_TOTAL = 2**53  # exact in a float, which is what a scrape carries
_MAX_SECONDS = 1e9


def optional(content: Mapping[str, object], name: str, read: Callable[[object], T]) -> T | None:
    """Read a field that may be missing or null."""
    value = content.get(name)
    return None if value is None else read(value)


def mapping(value: object) -> dict[str, Any]:
    """Read an object."""
    if not isinstance(value, dict):
        raise TypeError
    return value


def list_of_mappings(value: object) -> list[dict[str, Any]]:
    """Read a list of objects."""
    if not isinstance(value, list):
        raise TypeError
    return [mapping(each) for each in value]


def flag(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def whole(value: object, *, minimum: int = 0, maximum: int = _MAX_TOTAL) -> int:
    """Read a whole number from `minimum` to `maximum`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    if not minimum <= value <= maximum:
        raise ValueError
    return value


def gauge(value: object) -> int:
    """Read a number of connections or requests."""
    return whole(value, maximum=_MAX_GAUGE)


def limit(value: object) -> float:
    """Read how many connections a pool may open at most."""
    return math.inf if value == "unlimited" else whole(value, minimum=1, maximum=_MAX_GAUGE)


def seconds(value: object, *, maximum: float = _MAX_SECONDS) -> float:
    """Read a finite duration from 0 to `maximum`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if not (math.isfinite(value) and 0 <= value <= maximum):
        raise ValueError
    return float(value)


def text(value: object, *, max_length: int = _MAX_TEXT) -> str:
    """Read printable text of 1 to `max_length` characters."""
    # isprintable() also keeps out lone surrogates, which no scrape could encode.
    if not isinstance(value, str):
        raise TypeError
    if not value or len(value) > max_length or not value.isprintable():
        raise ValueError
    return value


def name(value: object) -> str:
    """Read the name of a pool or database."""
    return text(value, max_length=MAX_NAME)
