"""One application process: its latest report of each pool, and when its state last changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from exporter.app_pools.assessment import PoolView
from exporter.model.pool import PoolTotals

if TYPE_CHECKING:
    from exporter.app_pools.report import PoolReport
    from exporter.model.pool import PoolState

_MISSED_REPORTS = 3
_LEAST_SILENCE = 3.0  # seconds: a busy machine may delay one or two reports
_CROWDED_REPORTS = 2  # a single report may show a short burst
_EARLY = 0.6  # seconds: gauges end within the TTL although it is checked only twice a second


@dataclass(frozen=True, slots=True)
class StalenessPolicy:
    """How long a report may be missing, and a pool be without check-ins, before it counts; in seconds."""

    ttl: float
    wedged_after: float

    def presumed_dead_after(self, *, idle: bool) -> float:
        """When a worker without reports and without a goodbye counts as ended, no longer as silent.

        Many processes end without a goodbye. One whose pool was idle has most probably ended.
        """
        return self.ttl if idle else self.wedged_after + 2 * self.ttl


@dataclass(slots=True)
class WorkerPool:
    """The latest report of one pool of one worker. Times are monotonic seconds."""

    policy: StalenessPolicy
    report: PoolReport
    state: PoolState  # from the report, with the exported labels
    totals: PoolTotals
    reported_at: float = 0.0
    last_waiting_at: float | None = None  # when a report last showed waiting requests
    full_since: float | None = None  # while the pool is full: since when it has been, or the last check-in
    logged_leaks: frozenset[int] = frozenset()  # their numbers
    crowded_reports: int = 0  # the latest ones in a row that show a full pool with requests waiting
    ended: bool = False  # it sent a goodbye, is presumed dead, or was replaced

    @classmethod
    def first(cls, report: PoolReport, *, database: str, policy: StalenessPolicy) -> WorkerPool:
        """Begin with nothing counted; `update` follows."""
        return cls(policy, report, report.state, PoolTotals(database, report.state.pool))

    def update(self, report: PoolReport, *, worker: str, now: float) -> PoolTotals:
        """Keep a newer report and return what it adds to the totals."""
        totals = self.totals.raised_to(report.totals)
        added = totals - self.totals
        self.totals, self.report, self.reported_at, self.ended = totals, report, now, report.bye
        self.state = replace(report.state, database=totals.database, worker=worker)
        if self.state.pending or added.timeouts:
            self.last_waiting_at = now
        self.crowded_reports = self.crowded_reports + 1 if self.state.full and self.state.pending else 0
        self._note_full(now, returned=added.use is not None and added.use.count > 0)
        return added

    def view(self, now: float, *, one_of: tuple[str, ...] = (), last_failure_at: float = 0.0) -> PoolView:
        """Return the pool's state at this moment, for the assessment."""
        return PoolView(
            state=self.state,
            is_missing=self.is_missing(now),
            is_stalled=self.report.stalled_seconds is not None,
            is_shown=self.is_shown(now),
            is_crowded=self.crowded_reports >= _CROWDED_REPORTS,
            is_starving=self._is_starving(),
            full_since=self.full_since,
            one_of=one_of,
            last_failure_at=last_failure_at,
        )

    def age(self, now: float) -> float:
        """Seconds since the latest report."""
        return max(0.0, now - self.reported_at)

    def is_missing(self, now: float) -> bool:
        """Whether reports stopped coming without a goodbye."""
        due = max(_MISSED_REPORTS * self.report.interval, _LEAST_SILENCE)
        return not self.ended and self.age(now) > min(due, self.policy.ttl)

    def is_shown(self, now: float) -> bool:
        """Whether the latest report is recent enough to be shown."""
        return not self.ended and self.age(now) < self.policy.ttl - _EARLY

    def expire(self, now: float) -> None:
        """Presume the pool's worker dead if its reports have been missing for too long."""
        state, stalled = self.state, self.report.stalled_seconds is not None
        idle = state.checked_out == 0 and not state.pending and not stalled
        if self.is_missing(now) and self.age(now) > self.policy.presumed_dead_after(idle=idle):
            self.ended = True

    def _is_starving(self) -> bool:
        """Whether requests waited or timed out shortly before the latest report, without a checkin since."""
        if self.last_waiting_at is None or self.full_since is None:
            return False
        return self.last_waiting_at >= self.full_since and self.reported_at - self.last_waiting_at < self.policy.ttl

    def _note_full(self, now: float, *, returned: bool) -> None:
        if not self.state.full:
            self.full_since = None
            return
        if self.full_since is None or returned:
            self.full_since = now
        if self.state.since_checkin_seconds is not None:
            self.full_since = max(self.full_since, now - self.state.since_checkin_seconds)


@dataclass(slots=True)
class Worker:
    """One application process, known by its number and when it started."""

    slot: int | None  # the value of the label `worker`; None once all its pools have ended
    start: float  # wall clock
    pools: dict[tuple[str, str], WorkerPool] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        """Whether all its pools have ended, so that only totals are left."""
        return all(pool.ended for pool in self.pools.values())
