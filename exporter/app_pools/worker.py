"""What is remembered of each application process: its last word on each pool, and whether it still speaks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.app_pools.totals import Totals
from exporter.model.pool import PoolState

if TYPE_CHECKING:
    from exporter.app_pools.report import PoolReport

_MISSED_REPORTS = 3
_LEAST_SILENCE = 3.0  # seconds: a busy machine may hold up a report or two
_EARLY = 0.6  # seconds: gauges are gone within the TTL although that is only looked at twice a second


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds, before a missing report means something."""

    ttl: float
    wedged_after: float

    @property
    def presumed_dead_after(self) -> float:
        """When a worker that neither reports nor said goodbye counts as gone, no longer as silent."""
        return self.wedged_after + 2 * self.ttl


@dataclass(slots=True)
class Entry:
    """The last report of one pool of one worker."""

    database: str
    report: PoolReport
    patience: Patience
    seen: float = 0.0
    totals: Totals = field(default_factory=Totals)
    starved: float | None = None  # when requests were last seen waiting
    stuck_since: float | None = None  # while the pool is full: since when it has been, or the last check-in
    logged_leak: int | None = None
    logged_stall: bool = False
    dead: bool = False  # it said goodbye, or is presumed gone

    def take(self, report: PoolReport, *, now: float) -> Totals:
        """Keep a newer report and return what it adds to the totals."""
        totals = report.totals.raised_to(self.totals)
        added = totals - self.totals
        self.totals, self.report, self.seen, self.dead = totals, report, now, report.bye
        if report.pending or added.timeouts:
            self.starved = now
        self._note_stuck(now, returned=added.use.count > 0)
        return added

    def state(self, worker: str) -> PoolState:
        """Say what the last report said."""
        report, oldest = self.report, self.report.oldest
        return PoolState(
            database=self.database,
            pool=report.pool,
            worker=worker,
            size=report.size,
            checked_out=report.checked_out,
            checked_in=report.checked_in,
            overflow=report.overflow,
            max_connections=report.max_connections,
            pending=report.pending,
            oldest_checkout_seconds=oldest.age if oldest else None,
            oldest_location=oldest.where if oldest else None,
            oldest_doing=oldest.doing if oldest else None,
            since_checkin_seconds=report.since_checkin,
            event_loop_lag_seconds=report.lag,
        )

    @property
    def leaks(self) -> bool:
        """Whether a connection has been out for too long, by the application's own measure."""
        return self.report.oldest is not None and self.report.oldest.leak

    def age(self, now: float) -> float:
        """Seconds since the last report."""
        return max(0.0, now - self.seen)

    def is_missing(self, now: float) -> bool:
        """Tell whether reports stopped coming without a goodbye."""
        due = max(_MISSED_REPORTS * self.report.interval, _LEAST_SILENCE)
        return not self.dead and self.age(now) > min(due, self.patience.ttl)

    def is_silent(self, now: float) -> bool:
        """Tell whether reports are missing, or say themselves that the event loop stands still."""
        return not self.dead and (self.report.stalled is not None or self.is_missing(now))

    def is_shown(self, now: float) -> bool:
        """Tell whether the last report is recent enough to be shown."""
        return not self.dead and self.age(now) < self.patience.ttl - _EARLY

    def is_wedged(self, now: float, *, well_since: float = 0.0) -> bool:
        """Tell whether nobody gets a connection and none has come back for long, all of it with a database that works.

        A pool that was idle had no check-in either, and during an outage nothing can come back: neither counts.
        """
        if self.dead or self.stuck_since is None:
            return False
        if now - max(self.stuck_since, well_since) < self.patience.wedged_after:
            return False
        starving = self.starved is not None and now - self.starved < self.patience.ttl
        return self.is_silent(now) or (self.is_shown(now) and starving)

    def is_exhausted(self, now: float) -> bool:
        """Tell whether requests wait for a connection, whether others come back or not."""
        return self.is_shown(now) and bool(self.report.pending) and self.state("").full

    def _note_stuck(self, now: float, *, returned: bool) -> None:
        if not self.state("").full:
            self.stuck_since = None
            return
        if self.stuck_since is None or returned:
            self.stuck_since = now
        if self.report.since_checkin is not None:
            self.stuck_since = max(self.stuck_since, now - self.report.since_checkin)


@dataclass(slots=True)
class Worker:
    """One application process, known by its pid and when it started."""

    slot: int | None
    parent: int
    start: float
    last_word: float  # on the wall clock, as `start` is
    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)

    def bury(self, now: float, *, replaced: bool) -> None:
        """Presume dead what has been missing for too long, or has been replaced by a younger process."""
        for entry in self.entries.values():
            too_long = entry.age(now) > entry.patience.presumed_dead_after
            if entry.is_missing(now) and (replaced or too_long):
                entry.dead = True

    @property
    def is_dead(self) -> bool:
        """Tell whether there is nothing left to say about it but its totals."""
        return all(entry.dead for entry in self.entries.values())
