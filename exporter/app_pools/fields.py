"""Reads one field of a report: its type, sign, size and finiteness are checked before it is kept."""

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


def flag(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def whole(value: object, *, least: int = 0, most: int = _MAX_TOTAL) -> int:
    """Read a whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    if not least <= value <= most:
        raise ValueError
    return value


def gauge(value: object) -> int:
    """Read a number of connections or requests."""
    return whole(value, most=_MAX_GAUGE)


def limit(value: object) -> float:
    """Read the most connections that a pool may open."""
    return math.inf if value == "unlimited" else whole(value, least=1, most=_MAX_GAUGE)


def seconds(value: object, *, most: float = _MAX_SECONDS) -> float:
    """Read a finite duration from 0 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if not (math.isfinite(value) and 0 <= value <= most):
        raise ValueError
    return float(value)


def text(value: object, *, longest: int = _MAX_TEXT) -> str:
    """Read printable text of 1 to `longest` characters."""
    # isprintable() also keeps out lone surrogates, which no scrape could encode.
    if not isinstance(value, str):
        raise TypeError
    if not value or len(value) > longest or not value.isprintable():
        raise ValueError
    return value


def name(value: object) -> str:
    """Read the name of a pool or database."""
    return text(value, longest=MAX_NAME)
