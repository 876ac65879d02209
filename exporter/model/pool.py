"""What can be known of a connection pool: its state now, and its totals since the beginning."""

from __future__ import annotations

from dataclasses import dataclass

BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds, in seconds, of the buckets that reports carry; one more bucket takes the rest."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often something took how long: one count per bound and one for the rest, not cumulated."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    sum: float = 0.0
    bounds: tuple[float, ...] = BOUNDS

    @property
    def count(self) -> int:
        """All observations together."""
        return sum(self.counts)

    def __add__(self, other: Histogram) -> Histogram:
        """Add up two histograms with the same bounds."""
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return Histogram(counts, self.sum + other.sum, self.bounds)

    def __sub__(self, other: Histogram) -> Histogram:
        """What was observed since an earlier histogram."""
        counts = tuple(a - b for a, b in zip(self.counts, other.counts, strict=True))
        return Histogram(counts, self.sum - other.sum, self.bounds)

    def raised_to(self, other: Histogram) -> Histogram:
        """Take the larger of each value, so that what is exported never falls."""
        counts = tuple(max(a, b) for a, b in zip(self.counts, other.counts, strict=True))
        return Histogram(counts, max(self.sum, other.sum), self.bounds)


EMPTY = Histogram()


@dataclass(frozen=True, slots=True)
class PoolState:
    """One pool of one worker now; None is what the pool cannot tell."""

    database: str
    pool: str
    worker: str
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

    @property
    def full(self) -> bool:
        """Whether every connection that the pool may open is taken."""
        if self.checked_out is None or self.max_connections is None:
            return False
        return self.checked_out >= self.max_connections


@dataclass(frozen=True, slots=True)
class PoolTotals:
    """All that happened in one pool, over every worker alive or dead; None is what cannot be told."""

    database: str
    pool: str
    connects: int | None = 0
    timeouts: int | None = 0
    invalidations: int | None = 0
    wait: Histogram | None = EMPTY
    use: Histogram | None = EMPTY
    create: Histogram | None = EMPTY
