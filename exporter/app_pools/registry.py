"""The registry of the application's pools: the latest reports, the sums, and their present state."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from exporter.app_pools.assessment import Assessment, WorkerPresence, assess
from exporter.app_pools.databases import DatabaseNames
from exporter.app_pools.event_log import log_changes
from exporter.app_pools.rejections import Rejections
from exporter.app_pools.report import PoolReport, RejectedError, Rejection, parse
from exporter.app_pools.succession import Lifetime, replaced
from exporter.app_pools.worker import StalenessPolicy, Worker, WorkerPool
from exporter.model.pool import PoolState, PoolTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MAX_WORKERS = 64
MAX_POOLS = 16
_MAX_REMEMBERED = 4 * MAX_WORKERS  # ended ones included: one that was only stopped must not be counted twice
_TIDY_INTERVAL = 0.5  # seconds


class AppPools:
    """Keeps the latest report of each pool of each worker, and the sums over all workers, ended ones included."""

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
            on_change: called at each change of the metrics or of an assessment.
            last_failure_at: when a probe of a configured database last failed, on `clock`.
        """
        self._names = DatabaseNames(databases)
        self._databases = tuple(databases)
        self._policy = StalenessPolicy(ttl, wedged_after)
        self._clock, self._wall_clock, self._on_change = clock, wall_clock, on_change
        self._last_failure_at = last_failure_at
        self._workers: dict[tuple[int, float], Worker] = {}
        self._sums: dict[tuple[str, str], PoolTotals] = {}
        self._rejections = Rejections()
        self._seen_by_sweep: object = None
        self._tidy_at = clock()

    def receive(self, datagram: bytes) -> None:
        """Handle one datagram; one that is not a report is counted and dropped. Never raises."""
        try:
            self._accept(parse(datagram))
        except RejectedError as error:
            self.reject(error)
        else:
            self._on_change()

    def reject(self, error: RejectedError) -> None:
        """Count a datagram that was dropped."""
        self._rejections.add(error)
        self._on_change()

    def sweep(self) -> None:
        """Call `on_change` if time alone has changed something; to be called twice a second."""
        now = self._clock()
        self._tidy(now)
        shown = [(pool.state.worker, pool.is_shown(now), pool.is_missing(now)) for pool in self._active()]
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
        return self._rejections.counts()

    def worker_presences(self) -> tuple[WorkerPresence, ...]:
        """Every worker that should report, and whether it does."""
        now = self._clock()
        return tuple(pool.view(now).presence for pool in self._active())

    def assess(self, database: str) -> Assessment:
        """Assess the pools of a configured database."""
        now, views = self._clock(), []
        for pool in self._active():
            candidates = self._names.candidates(pool.state.database)
            if database in candidates:
                one_of = candidates if len(candidates) > 1 else ()
                views.append(pool.view(now, one_of=one_of, last_failure_at=max(map(self._last_failure_at, candidates))))
        return assess(views, now=now, wedged_after=self._policy.wedged_after)

    def _active(self) -> Iterator[WorkerPool]:
        for worker in self._workers.values():
            if worker.slot is not None:
                yield from (pool for pool in worker.pools.values() if not pool.ended)

    def _accept(self, report: PoolReport) -> None:
        now = self._clock()
        if now >= self._tidy_at:
            self._tidy(now)
        key = database, name = self._names.label(report.database), report.state.pool
        self._make_place(key)
        worker = self._admit(report)
        pool, before = worker.pools.get(key), None
        if pool is None:
            pool = worker.pools[key] = WorkerPool.first(report, database=database, policy=self._policy)
        else:
            before = pool.report
        added = pool.update(report, worker=str(worker.slot), now=now)
        self._sums[key] = self._sums.get(key, PoolTotals(database, name)) + added
        log_changes(before, pool)
        if before is None and not report.bye:
            self._end_replaced(key, now)

    def _make_place(self, key: tuple[str, str]) -> None:
        """Keep the bound on pools: drop one that no worker has any more for a new one."""
        if key in self._sums or len(self._sums) < MAX_POOLS:
            return
        last_report = dict.fromkeys(self._sums, 0.0)
        for worker in self._workers.values():
            for used, pool in worker.pools.items():
                last_report[used] = max(last_report[used], pool.reported_at if pool.ended else float("inf"))
        oldest = min(last_report, key=lambda used: last_report[used])
        if last_report[oldest] == float("inf"):
            raise RejectedError(Rejection.POOLS, key[1])
        del self._sums[oldest]
        for worker in self._workers.values():
            worker.pools.pop(oldest, None)

    def _admit(self, report: PoolReport) -> Worker:
        key = report.pid, report.start
        worker = self._workers.get(key)
        if worker is None or worker.slot is None:
            taken = {each.slot for each in self._workers.values()}
            slot = next(number for number in itertools.count(1) if number not in taken)
            if slot > MAX_WORKERS:
                raise RejectedError(Rejection.WORKERS)
            worker = worker or Worker(slot, report.start)
            worker.slot = slot
            self._workers[key] = worker
        return worker

    def _tidy(self, now: float) -> None:
        self._tidy_at = now + _TIDY_INTERVAL
        for key in {key for worker in self._workers.values() for key in worker.pools}:
            self._end_replaced(key, now)
        for worker in self._workers.values():
            for pool in worker.pools.values():
                pool.expire(now)
            if worker.has_ended:
                worker.slot = None
        ended = [who for who, worker in self._workers.items() if worker.slot is None]
        for who in ended[: max(0, len(self._workers) - _MAX_REMEMBERED)]:
            del self._workers[who]

    def _end_replaced(self, key: tuple[str, str], now: float) -> None:
        """Forget each worker whose successor reports the same pool: it was killed, or ended without a goodbye."""
        found = [(worker.start, pool) for worker in self._workers.values() if (pool := worker.pools.get(key))]
        if not any(pool.is_missing(now) for _, pool in found):
            return
        offset = self._wall_clock() - now
        lifetimes = [
            Lifetime(start, pool.reported_at + offset, is_over=pool.ended or pool.is_missing(now))
            for start, pool in found
        ]
        for (_, pool), has_successor in zip(found, replaced(lifetimes), strict=True):
            pool.ended = pool.ended or has_successor
