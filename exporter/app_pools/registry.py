"""The pools of the application's processes, as these report them: what is kept, and what is known of it now."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from typing import TYPE_CHECKING

from exporter.app_pools.assessment import AppPoolFacts, Assessment, PoolView, SilentWorker, assess
from exporter.app_pools.event_log import log_changes
from exporter.app_pools.report import PoolReport, RejectedError, Rejection, parse
from exporter.app_pools.worker import StalenessPolicy, Worker, WorkerPool
from exporter.model.pool import PoolState, PoolTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MAX_WORKERS = 64
MAX_POOLS = 16
_MAX_REMEMBERED = 4 * MAX_WORKERS  # ended ones included: one that wakes up must not be counted twice
_TIDY_INTERVAL = 0.5  # seconds


class AppPools:
    """Keeps the latest report of each pool of each worker, and the sums over all workers there ever were."""

    def __init__(
        self,
        *,
        databases: Mapping[str, str | None],
        ttl: float = 15.0,
        wedged_after: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        on_change: Callable[[], None] = lambda: None,
        last_failure_at: Callable[[str], float] = lambda _: 0.0,
    ) -> None:
        """Start without a worker.

        Args:
            databases: for each configured name the database in its URL.
            ttl: seconds after which a worker that does not report is no longer shown.
            wedged_after: seconds without a check-in after which a full pool is wedged.
            clock: monotonic seconds.
            wall_clock: seconds since the epoch, as the reports have them.
            on_change: called whenever something that is shown or assessed has changed.
            last_failure_at: when a configured database was last seen failing, on `clock`.
        """
        self._names = {**{url: name for name, url in databases.items() if url}, **{n: n for n in databases}}
        self._databases = tuple(databases)
        self._policy = StalenessPolicy(ttl, wedged_after)
        self._clock, self._wall_clock, self._on_change = clock, wall_clock, on_change
        self._last_failure_at = last_failure_at
        self._workers: dict[tuple[int, float], Worker] = {}
        self._sums: dict[tuple[str, str], PoolTotals] = {}
        self._rejected = Counter(dict.fromkeys(Rejection, 0))
        self._seen_by_sweep: object = None
        self._tidy_at = clock()

    def receive(self, datagram: bytes) -> None:
        """Take one datagram in; one that is not a report is counted and dropped. Never raises."""
        try:
            self._accept(parse(datagram))
        except RejectedError as error:
            self.reject(error.reason)
        else:
            self._on_change()

    def reject(self, reason: Rejection) -> None:
        """Count a datagram that was dropped."""
        self._rejected[reason] += 1
        self._on_change()

    def sweep(self) -> None:
        """Call `on_change` if time alone has changed something; to be called twice a second."""
        now = self._clock()
        self._tidy(now)
        shown = [(view.state.worker, view.is_shown, view.silent_worker.silent) for view in self._views(now)]
        assessed = [(found.exhausted, found.wedged) for found in map(self.assess, self._databases)]
        if self._seen_by_sweep != (shown, assessed):
            self._seen_by_sweep = (shown, assessed)
            self._on_change()

    def states(self) -> tuple[PoolState, ...]:
        """Every pool of every worker that reported within the TTL."""
        now = self._clock()
        return tuple(pool.state for pool in self._active() if pool.is_shown(now))

    def totals(self) -> tuple[PoolTotals, ...]:
        """The sums for each pool, over all workers alive and dead."""
        return tuple(totals for _, totals in sorted(self._sums.items()))

    def rejected(self) -> dict[Rejection, int]:
        """How many datagrams were dropped for each reason."""
        return dict(self._rejected)

    def silent_workers(self) -> tuple[SilentWorker, ...]:
        """Every worker that should report, and whether it does."""
        return tuple(view.silent_worker for view in self._views(self._clock()))

    def assess(self, database: str) -> Assessment:
        """Assess the pools of a configured database."""
        return self._assess(database, last_failure_at=self._last_failure_at(database))

    def facts(self, database: str, *, well_since: float = 0.0) -> AppPoolFacts:
        """Return the assessment in the fields that it had before; `well_since` is the time of the last failure."""
        found = self._assess(database, last_failure_at=well_since)
        oldest = found.oldest_checkout
        if oldest is None:
            return AppPoolFacts(found.exhausted, found.wedged, silent_workers=found.silent_workers)
        culprit = (oldest.pool, oldest.worker, oldest.location, oldest.doing, oldest.seconds)
        return AppPoolFacts(found.exhausted, found.wedged, *culprit, found.silent_workers)

    def _assess(self, database: str, *, last_failure_at: float) -> Assessment:
        now, wedged_after = self._clock(), self._policy.wedged_after
        views = [view for view in self._views(now) if view.state.database == database]
        return assess(views, now=now, last_failure_at=last_failure_at, wedged_after=wedged_after)

    def _active(self) -> Iterator[WorkerPool]:
        for worker in self._workers.values():
            if worker.slot is not None:
                yield from (pool for pool in worker.pools.values() if not pool.ended)

    def _views(self, now: float) -> list[PoolView]:
        return [pool.view(now, replaced=self._is_replaced(pool, now)) for pool in self._active()]

    def _is_replaced(self, pool: WorkerPool, now: float) -> bool:
        """Whether the process is probably gone, and one that started after its last report uses the pool well."""
        if not pool.is_missing(now):
            return False
        last_report = self._wall_clock() - pool.age(now)
        key = (pool.state.database, pool.state.pool)
        return any(
            worker.start > last_report and other.is_shown(now) and not other.state.full
            for worker in self._workers.values()
            if (other := worker.pools.get(key)) is not None
        )

    def _accept(self, report: PoolReport) -> None:
        now = self._clock()
        if now >= self._tidy_at:
            self._tidy(now)
        key = database, name = self._label(report.database), report.state.pool
        if key not in self._sums and len(self._sums) >= MAX_POOLS:
            raise RejectedError(Rejection.POOLS)
        worker = self._admit(report)
        pool, before = worker.pools.get(key), None
        if pool is None:
            pool = worker.pools[key] = WorkerPool.first(report, database=database, policy=self._policy)
        else:
            before = pool.report
        added = pool.update(report, worker=str(worker.slot), now=now)
        self._sums[key] = self._sums.get(key, PoolTotals(database, name)) + added
        log_changes(before, report, pool.state)

    def _label(self, database: str | None) -> str:
        """Name the database; one that is not watched keeps its own name, and so has no part in any verdict."""
        if database:
            return self._names.get(database, database)
        return self._databases[0] if len(self._databases) == 1 else "unknown"

    def _admit(self, report: PoolReport) -> Worker:
        key = report.pid, report.start
        worker = self._workers.get(key)
        if worker is None or worker.slot is None:
            taken = {each.slot for each in self._workers.values()}
            slot = next(number for number in itertools.count(1) if number not in taken)
            if slot > MAX_WORKERS:
                raise RejectedError(Rejection.WORKERS)
            worker = worker or Worker(slot, report.parent, report.start)
            worker.slot = slot
            self._workers[key] = worker
        worker.reported_at = self._wall_clock()
        return worker

    def _tidy(self, now: float) -> None:
        self._tidy_at = now + _TIDY_INTERVAL
        youngest = {worker.parent: worker.start for worker in sorted(self._workers.values(), key=lambda w: w.start)}
        for worker in self._workers.values():
            worker.expire(now, replaced=youngest[worker.parent] > worker.reported_at)
            if worker.has_ended:
                worker.slot = None
        ended = [key for key, worker in self._workers.items() if worker.slot is None]
        for key in ended[: max(0, len(self._workers) - _MAX_REMEMBERED)]:
            del self._workers[key]
