"""The connection pools of the application's processes, as these processes report them."""

from __future__ import annotations

import itertools
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING

from exporter.app_pools.assessment import AppPoolFacts, SilentWorker
from exporter.app_pools.receiver import listen
from exporter.app_pools.report import PoolReport, RejectedError, Rejection, parse
from exporter.app_pools.totals import Totals
from exporter.app_pools.worker import Entry, Patience, Worker
from exporter.model.pool import BOUNDS, Histogram, PoolState, PoolTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "BOUNDS",
    "AppPoolFacts",
    "AppPools",
    "Histogram",
    "PoolState",
    "PoolTotals",
    "SilentWorker",
    "listen",
]

MAX_WORKERS = 64
MAX_POOLS = 16
_MAX_REMEMBERED = 4 * MAX_WORKERS  # the dead included: one that wakes up must not be counted twice
_TIDY_EVERY = 0.5  # seconds

logger = logging.getLogger(__name__)


class AppPools:
    """Keeps the last report of each pool of each worker, and the sums over all workers there ever were."""

    def __init__(
        self,
        *,
        databases: Mapping[str, str | None],
        ttl: float = 15.0,
        wedged_after: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """Start with no worker; `databases` gives the database in the URL of each configured name."""
        self._names = {**{url: name for name, url in databases.items() if url}, **{n: n for n in databases}}
        self._only_name = next(iter(databases)) if len(databases) == 1 else None
        self._patience = Patience(ttl, wedged_after)
        self._clock, self._wall_clock, self._on_change = clock, wall_clock, on_change
        self._workers: dict[tuple[int, float], Worker] = {}
        self._sums: dict[tuple[str, str], Totals] = {}
        self._rejected = Counter(dict.fromkeys(Rejection, 0))
        self._visible: list[tuple[bool, bool, bool]] = []
        self._tidy_at = clock()

    def receive(self, datagram: bytes) -> None:
        """Take one datagram in; what is not a report is counted and dropped."""
        try:
            self._take(parse(datagram))
        except RejectedError as error:
            self.reject(error.reason)
        else:
            self._on_change()

    def reject(self, reason: Rejection) -> None:
        """Count a datagram that was dropped."""
        self._rejected[reason] += 1
        self._on_change()

    def sweep(self) -> None:
        """Tell `on_change` if time alone has changed what is shown; to be called twice a second."""
        now = self._clock()
        self._tidy(now)
        visible = [(e.is_shown(now), e.is_silent(now), e.is_wedged(now)) for _, e in self._entries()]
        if visible != self._visible:
            self._visible = visible
            self._on_change()

    def states(self) -> tuple[PoolState, ...]:
        """Every pool of every worker that reported within the TTL."""
        now = self._clock()
        return tuple(entry.state(worker) for worker, entry in self._entries() if entry.is_shown(now))

    def totals(self) -> tuple[PoolTotals, ...]:
        """The sums for each pool, over all workers alive and dead."""
        return tuple(
            PoolTotals(database, pool, t.connects, t.timeouts, t.invalidations, t.wait, t.use, t.create)
            for (database, pool), t in sorted(self._sums.items())
        )

    def rejected(self) -> dict[Rejection, int]:
        """How many datagrams were dropped for each reason."""
        return dict(self._rejected)

    def silent_workers(self) -> tuple[SilentWorker, ...]:
        """Every worker that should report, and whether it does."""
        now = self._clock()
        return tuple(
            SilentWorker(entry.database, entry.report.pool, worker, entry.is_silent(now))
            for worker, entry in self._entries()
            if not entry.dead
        )

    def facts(self, database: str, *, well_since: float = 0.0) -> AppPoolFacts:
        """Tell whether pools of this database are exhausted or wedged, and who holds on for longest.

        `well_since` is when the database was last seen failing, on this object's clock.
        """
        now = self._clock()
        mine = [(worker, entry) for worker, entry in self._entries() if entry.database == database]
        wedged: list[PoolState] = []
        exhausted: list[PoolState] = []
        leaking: list[PoolState] = []
        for worker, entry in mine:
            if entry.is_wedged(now, well_since=well_since) and not self._succeeded(entry, now):
                wedged.append(entry.state(worker))
            elif entry.is_exhausted(now):
                exhausted.append(entry.state(worker))
            elif entry.leaks and entry.is_shown(now):
                leaking.append(entry.state(worker))
        silent = tuple(s for s in self.silent_workers() if s.silent and s.database == database)
        culprit = max(wedged or exhausted or leaking, key=lambda s: s.oldest_checkout_seconds or 0.0, default=None)
        if culprit is None:
            return AppPoolFacts(silent_workers=silent)
        return AppPoolFacts(
            exhausted=bool(exhausted),
            wedged=bool(wedged),
            culprit_pool=culprit.pool,
            culprit_worker=culprit.worker,
            culprit_location=culprit.oldest_location,
            culprit_doing=culprit.oldest_doing,
            culprit_age_seconds=culprit.oldest_checkout_seconds,
            silent_workers=silent,
        )

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        for worker in self._workers.values():
            if worker.slot is not None:
                for entry in worker.entries.values():
                    yield str(worker.slot), entry

    def _take(self, report: PoolReport) -> None:
        now = self._clock()
        if now >= self._tidy_at:
            self._tidy(now)
        key = self._label(report.database), report.pool
        if key not in self._sums and len(self._sums) >= MAX_POOLS:
            raise RejectedError(Rejection.POOLS)
        worker = self._admit(report)
        entry = worker.entries.setdefault(key, Entry(key[0], report, self._patience))
        self._sums[key] = self._sums.get(key, Totals()) + entry.take(report, now=now)
        self._log(worker, entry)

    def _label(self, database: str | None) -> str:
        """Name the database; one that is not watched keeps its own name, and so has no part in any verdict."""
        return self._names.get(database, database) if database else self._only_name or "unknown"

    def _succeeded(self, entry: Entry, now: float) -> bool:
        """Whether the process is gone for all one knows, and one that began after its last word uses the pool well."""
        if not entry.is_missing(now):
            return False
        last_word = self._wall_clock() - entry.age(now)
        return any(
            worker.start > last_word and other.is_shown(now) and not other.state("").full
            for worker in self._workers.values()
            for key, other in worker.entries.items()
            if key == (entry.database, entry.report.pool)
        )

    def _admit(self, report: PoolReport) -> Worker:
        worker = self._workers.get((report.pid, report.start))
        if worker is None or worker.slot is None:
            slots = {w.slot for w in self._workers.values()}
            slot = next(n for n in itertools.count(1) if n not in slots)
            if slot > MAX_WORKERS:
                raise RejectedError(Rejection.WORKERS)
            worker = worker or Worker(slot, report.parent, report.start, 0.0)
            worker.slot = slot
            self._workers[report.pid, report.start] = worker
        worker.last_word = self._wall_clock()
        return worker

    def _tidy(self, now: float) -> None:
        self._tidy_at = now + _TIDY_EVERY
        youngest = {w.parent: w.start for w in sorted(self._workers.values(), key=lambda w: w.start)}
        for worker in self._workers.values():
            worker.bury(now, replaced=youngest[worker.parent] > worker.last_word)
            if worker.is_dead:
                worker.slot = None
        dead = [key for key, worker in self._workers.items() if worker.slot is None]
        for key in dead[: max(0, len(self._workers) - _MAX_REMEMBERED)]:
            del self._workers[key]

    def _log(self, worker: Worker, entry: Entry) -> None:
        oldest, stalled = entry.report.oldest, entry.report.stalled is not None
        where = {"database": entry.database, "pool": entry.report.pool}
        if oldest is not None and oldest.leak and entry.logged_leak != oldest.id:
            entry.logged_leak = oldest.id
            logger.warning(
                "a connection of pool %s (worker %s) has been out for %.0f s: checked out at %s; now: %s",
                entry.report.pool,
                worker.slot,
                oldest.age,
                oldest.where or "an unknown place",
                oldest.doing or "unknown",
                extra={**where, "location": oldest.where},
            )
        if stalled and not entry.logged_stall:
            doing = oldest.doing if oldest is not None else None
            text = "the event loop of pool %s (worker %s) stands still; now: %s"
            logger.warning(text, entry.report.pool, worker.slot, doing or "unknown", extra=where)
        entry.logged_stall = stalled
