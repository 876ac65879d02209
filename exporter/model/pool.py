"""The numbers of a connection pool: its present state, and its totals since the start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import add, sub
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds, in seconds, of the buckets that reports carry; one more bucket takes the rest."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of durations: one count per bound and one for the rest, not cumulated; `sum` is in seconds."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    sum: float = 0.0
    bounds: tuple[float, ...] = BOUNDS

    @property
    def count(self) -> int:
        """All observations together."""
        return sum(self.counts)

    def __add__(self, other: Histogram) -> Histogram:
        return self._combine(other, add)

    def __sub__(self, other: Histogram) -> Histogram:
        return self._combine(other, sub)

    def raised_to(self, other: Histogram) -> Histogram:
        """Take the larger of each value, so that what is exported never falls."""
        return self._combine(other, max)

    def _combine(self, other: Histogram, combine: Callable[[Any, Any], Any]) -> Histogram:
        counts = tuple(combine(a, b) for a, b in zip(self.counts, other.counts, strict=True))
        return Histogram(counts, combine(self.sum, other.sum), self.bounds)


EMPTY = Histogram()


@dataclass(frozen=True, slots=True)
class Leak:
    """A connection that the application calls leaked; `number` identifies the checkout."""

    number: int
    seconds: float
    location: str | None
    doing: str | None


@dataclass(frozen=True, slots=True)
class PoolState:
    """The present state of one pool of one worker; None is unknown. `worker` is empty until it has a number."""

    database: str
    pool: str
    worker: str = ""
    size: int | None = None
    checked_out: int | None = None
    checked_in: int | None = None
    overflow: int | None = None
    max_connections: float | None = None  # inf: unlimited
    pending: int | None = None
    oldest_checkout_seconds: float | None = None
    oldest_location: str | None = None
    oldest_doing: str | None = None
    since_checkin_seconds: float | None = None
    event_loop_lag_seconds: float | None = None
    leaks: tuple[Leak, ...] | None = None  # the oldest first; the reporter names no more than five

    @property
    def leaked(self) -> int | None:
        """The number of connections that the application calls leaked."""
        return None if self.leaks is None else len(self.leaks)

    @property
    def full(self) -> bool:
        """Whether every connection that the pool may open is taken."""
        if self.checked_out is None or self.max_connections is None:
            return False
        return self.checked_out >= self.max_connections


@dataclass(frozen=True, slots=True)
class PoolTotals:
    """Everything counted in one pool, by one worker or by all together; None is unknown.

    Sums and differences keep the labels of the left side.
    """

    database: str
    pool: str
    connects: int | None = 0
    timeouts: int | None = 0
    invalidations: int | None = 0
    wait: Histogram | None = EMPTY
    use: Histogram | None = EMPTY
    create: Histogram | None = EMPTY

    def __add__(self, other: PoolTotals) -> PoolTotals:
        return self._combine(other, add)

    def __sub__(self, other: PoolTotals) -> PoolTotals:
        return self._combine(other, sub)

    def raised_to(self, other: PoolTotals) -> PoolTotals:
        """Take the larger of each value: a total never falls, whatever a peer sends."""
        return self._combine(other, lambda a, b: a.raised_to(b) if isinstance(a, Histogram) else max(a, b))

    def _combine(self, other: PoolTotals, combine: Callable[[Any, Any], Any]) -> PoolTotals:
        combined: dict[str, Any] = {}
        for name in ("connects", "timeouts", "invalidations", "wait", "use", "create"):
            mine, theirs = getattr(self, name), getattr(other, name)
            combined[name] = None if mine is None or theirs is None else combine(mine, theirs)
        return replace(self, **combined)
