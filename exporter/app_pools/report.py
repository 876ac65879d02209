"""The border where a datagram of an application becomes a report, or a reason to reject it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

from exporter.app_pools import fields
from exporter.app_pools.totals import Totals
from exporter.model.pool import BOUNDS, EMPTY, Histogram

VERSION = 1
MAX_BYTES = 8192
RESERVED_POOL = "sidecar"


class Rejection(StrEnum):
    """Why a datagram was dropped; the values of the label `reason`."""

    OVERSIZED = "oversized"
    MALFORMED = "malformed"
    VERSION = "version"
    FIELD = "field"
    WORKERS = "too_many_workers"
    POOLS = "too_many_pools"
    SOURCE = "source"


class RejectedError(Exception):
    """A datagram that is not taken."""

    def __init__(self, reason: Rejection) -> None:
        """Keep the reason, and nothing of what was sent."""
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Oldest:
    """The connection that has been checked out for longest."""

    age: float
    id: int
    where: str | None
    doing: str | None
    leak: bool


@dataclass(frozen=True, slots=True)
class PoolReport:
    """One datagram: one pool of one process."""

    pid: int
    parent: int
    start: float
    interval: float
    pool: str
    database: str | None
    size: int | None
    max_connections: float | None
    checked_out: int | None
    checked_in: int | None
    overflow: int | None
    pending: int | None
    oldest: Oldest | None
    since_checkin: float | None
    lag: float | None
    stalled: float | None
    bye: bool
    totals: Totals


def parse(datagram: bytes) -> PoolReport:
    """Check type, sign, size and finiteness of every field.

    Raises:
        RejectedError: the datagram is not a report of this version.
    """
    if len(datagram) > MAX_BYTES:
        raise RejectedError(Rejection.OVERSIZED)
    try:
        content = json.loads(datagram.decode(), parse_constant=_no_constant)
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


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _report(content: dict[str, Any]) -> PoolReport:
    pool = fields.text(content["pool"], longest=fields.MAX_NAME)
    if pool == RESERVED_POOL:
        raise ValueError(pool)
    return PoolReport(
        pid=fields.whole(content["pid"], most=2**32),
        parent=fields.optional(content, "ppid", fields.whole) or 0,
        start=fields.seconds(content["start"], most=1e12),
        interval=fields.optional(content, "interval", fields.seconds) or 2.0,
        pool=pool,
        database=fields.optional(content, "database", fields.name),
        size=fields.optional(content, "size", fields.gauge),
        max_connections=fields.optional(content, "max", fields.limit),
        checked_out=fields.optional(content, "checked_out", fields.gauge),
        checked_in=fields.optional(content, "checked_in", fields.gauge),
        overflow=fields.optional(content, "overflow", fields.gauge),
        pending=fields.optional(content, "pending", fields.gauge),
        oldest=fields.optional(content, "oldest", _oldest),
        since_checkin=fields.optional(content, "since_checkin", fields.seconds),
        lag=fields.optional(content, "lag", fields.seconds),
        stalled=fields.optional(content, "stalled", fields.seconds),
        bye=bool(fields.optional(content, "bye", fields.flag)),
        totals=_totals(content),
    )


def _totals(content: dict[str, Any]) -> Totals:
    return Totals(
        connects=fields.optional(content, "connects", fields.whole) or 0,
        timeouts=fields.optional(content, "timeouts", fields.whole) or 0,
        invalidations=fields.optional(content, "invalidations", fields.whole) or 0,
        wait=fields.optional(content, "wait", _histogram) or EMPTY,
        use=fields.optional(content, "use", _histogram) or EMPTY,
        create=fields.optional(content, "create", _histogram) or EMPTY,
    )


def _oldest(value: object) -> Oldest:
    content = fields.mapping(value)
    return Oldest(
        age=fields.seconds(content["age"]),
        id=fields.optional(content, "id", fields.whole) or 0,
        where=fields.optional(content, "where", fields.text),
        doing=fields.optional(content, "doing", fields.text),
        leak=bool(fields.optional(content, "leak", fields.flag)),
    )


def _histogram(value: object) -> Histogram:
    content = fields.mapping(value)
    counts = content["counts"]
    if not isinstance(counts, list) or len(counts) != len(BOUNDS) + 1:
        raise ValueError
    return Histogram(tuple(fields.whole(count) for count in counts), fields.seconds(content["sum"], most=1e15))
