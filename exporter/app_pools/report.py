"""Parses a datagram to a checked report, or rejects it with a reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

from exporter.app_pools import fields
from exporter.model.pool import BOUNDS, EMPTY, Histogram, Leak, PoolState, PoolTotals

VERSION = 1
MAX_BYTES = 8192
MAX_LEAKS = 5
RESERVED_POOL = "sidecar"


class Rejection(StrEnum):
    """Why a datagram was dropped: the values of the label `reason`."""

    OVERSIZED = "oversized"
    MALFORMED = "malformed"
    VERSION = "version"
    FIELD = "field"
    WORKERS = "too_many_workers"
    POOLS = "too_many_pools"
    SOURCE = "source"


class RejectedError(Exception):
    """A datagram is rejected for a reason; `subject` is the pool or address that the reason is about, if any."""

    def __init__(self, reason: Rejection, subject: str = "") -> None:
        super().__init__(reason.value)
        self.reason, self.subject = reason, subject


@dataclass(frozen=True, slots=True)
class PoolReport:
    """One datagram: one pool of one process.

    Args:
        pid: the process, by its number in its own container.
        start: when the process started, in seconds of the wall clock.
        interval: seconds between two reports.
        database: the database as the application names it.
        state: the pool's numbers; the registry gives it the labels.
        totals: what the process has counted since it started.
        stalled_seconds: for how long the event loop has stood still.
        bye: whether this is the last report of the pool.
    """

    pid: int
    start: float
    interval: float
    database: str | None
    state: PoolState
    totals: PoolTotals
    stalled_seconds: float | None
    bye: bool


def parse(datagram: bytes) -> PoolReport:
    """Return the report of which every field has the right type, sign and size, and is finite.

    Raises:
        RejectedError: the datagram is not a report of this version.
    """
    if len(datagram) > MAX_BYTES:
        raise RejectedError(Rejection.OVERSIZED)
    try:
        content = json.loads(datagram.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise RejectedError(Rejection.MALFORMED) from None
    if not isinstance(content, dict):
        raise RejectedError(Rejection.MALFORMED)
    if isinstance(content.get("v"), bool) or content.get("v") != VERSION:
        raise RejectedError(Rejection.VERSION)
    try:
        return _report(content)
    except (TypeError, ValueError, KeyError, OverflowError):
        raise RejectedError(Rejection.FIELD) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _report(content: dict[str, Any]) -> PoolReport:
    pool = fields.name(content["pool"])
    if pool == RESERVED_POOL:
        raise ValueError(pool)
    database = fields.optional(content, "database", fields.name)
    oldest = fields.optional(content, "oldest", fields.mapping)
    return PoolReport(
        pid=fields.whole(content["pid"], maximum=2**32),
        start=fields.seconds(content["start"], maximum=1e12),
        interval=fields.optional(content, "interval", fields.seconds) or 2.0,
        database=database,
        state=_state(content, oldest or {}, labels=(database or "", pool)),
        totals=_totals(content, labels=(database or "", pool)),
        stalled_seconds=fields.optional(content, "stalled", fields.seconds),
        bye=fields.optional(content, "bye", fields.flag) or False,
    )


def _state(content: dict[str, Any], oldest: dict[str, Any], *, labels: tuple[str, str]) -> PoolState:
    return PoolState(
        *labels,
        size=fields.optional(content, "size", fields.gauge),
        max_connections=fields.optional(content, "max", fields.limit),
        checked_out=fields.optional(content, "checked_out", fields.gauge),
        checked_in=fields.optional(content, "checked_in", fields.gauge),
        overflow=fields.optional(content, "overflow", fields.gauge),
        pending=fields.optional(content, "pending", fields.gauge),
        oldest_checkout_seconds=fields.seconds(oldest["age"]) if content.get("oldest") is not None else None,
        oldest_location=fields.optional(oldest, "where", fields.text),
        oldest_doing=fields.optional(oldest, "doing", fields.text),
        since_checkin_seconds=fields.optional(content, "since_checkin", fields.seconds),
        event_loop_lag_seconds=fields.optional(content, "lag", fields.seconds),
        leaks=_leaks(content, oldest),
    )


def _totals(content: dict[str, Any], *, labels: tuple[str, str]) -> PoolTotals:
    return PoolTotals(
        *labels,
        connects=fields.optional(content, "connects", fields.whole) or 0,
        timeouts=fields.optional(content, "timeouts", fields.whole) or 0,
        invalidations=fields.optional(content, "invalidations", fields.whole) or 0,
        wait=fields.optional(content, "wait", _histogram) or EMPTY,
        use=fields.optional(content, "use", _histogram) or EMPTY,
        create=fields.optional(content, "create", _histogram) or EMPTY,
    )


def _leaks(content: dict[str, Any], oldest: dict[str, Any]) -> tuple[Leak, ...] | None:
    """Return every leak; None if the report does not say, as from a reporter in another language."""
    is_leak = fields.optional(oldest, "leak", fields.flag)
    several = fields.optional(content, "leaks", fields.list_of_mappings)
    if several:
        return tuple(_leak(each) for each in several[:MAX_LEAKS])
    if is_leak:
        return (_leak(oldest),)
    return None if is_leak is None else ()


def _leak(checkout: dict[str, Any]) -> Leak:
    return Leak(
        number=fields.optional(checkout, "id", fields.whole) or 0,
        seconds=fields.seconds(checkout["age"]),
        location=fields.optional(checkout, "where", fields.text),
        doing=fields.optional(checkout, "doing", fields.text),
    )


def _histogram(value: object) -> Histogram:
    content = fields.mapping(value)
    counts = content["counts"]
    if not isinstance(counts, list) or len(counts) != len(BOUNDS) + 1:
        raise ValueError
    return Histogram(tuple(fields.whole(count) for count in counts), fields.seconds(content["sum"], maximum=1e15))
