"""Everything about one database: its engines, its three probes and their loops, its server's facts, its verdict."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from functools import partial
from typing import TYPE_CHECKING

from exporter.database.engine import close_db, make_engine
from exporter.database.errors import describe
from exporter.database.server_stats import ServerStats, read_server_stats
from exporter.diagnosis import advice
from exporter.diagnosis.verdict import Facts, Verdict, diagnose
from exporter.model.outcome import Outcome
from exporter.model.result import ProbePath, ProbeResult
from exporter.probing.change_log import Changes
from exporter.probing.checks import Seen, query_check, write_check
from exporter.probing.probe import Probe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from exporter.database.sqlalchemy_core import AsyncConnection
    from exporter.probing.config import Plan, Sensors

log = logging.getLogger(__name__)

SLOW_SHARE = 0.5  # of the time-out: a probe that takes longer passes, and says that the database is slow
WRITE_SHARE = 0.75  # of the time-out: the server's own statement time-out for the write probe
FACTS_INTERVAL = 30.0  # seconds
FACTS_JITTER = 0.2
FACTS_LIMIT = 0.4  # seconds: the query takes under a millisecond, and the next probe may be waiting for it
FAREWELL = 0.3  # seconds for idle connections to part politely when the process ends
STALLED_AFTER = 5.0  # seconds a loop may be late beyond three of its intervals


class Watch:
    """Watches one database. `start` its loops in the loop that owns it, `close` it in the same."""

    def __init__(self, plan: Plan, sensors: Sensors) -> None:
        """Build engines and probes; nothing is connected yet."""
        self.plan = plan
        self.facts: ServerStats | None = None
        self.seen = Seen()
        self.driver = plan.source.target().driver
        self.pooled_engine = make_engine(plan.source, plan.pool, on_server_error=self.seen.hear)
        self.direct_engine = make_engine(plan.source, plan.pool, pooled=False)
        self._sensors = sensors
        self._facts_due_at = 0.0
        self._beats: dict[str, tuple[float, float]] = {}
        self._changed = asyncio.Event()
        self._changed_at = 0.0
        self.well_since = 0.0  # when a probe last failed: whoever waits for a database that is down is not to blame
        self._tasks: list[asyncio.Task[None]] = []
        self._changes = Changes(plan.name)
        self.probes = {ProbePath.POOLED: self._probe(ProbePath.POOLED), ProbePath.FRESH: self._probe(ProbePath.FRESH)}
        if plan.write_interval:
            self.probes[ProbePath.WRITE] = self._probe(ProbePath.WRITE)

    def start(self) -> None:
        """Start the loops."""
        loops = {"pooled": self._watch_pooled()}
        if self.plan.fresh_interval or self.plan.write_interval:
            loops["direct"] = self._watch_direct()
        for name, loop in loops.items():
            self._tasks.append(asyncio.create_task(loop, name=f"watch-{self.plan.name}-{name}"))

    async def close(self) -> None:
        """End loops and probes at once and dispose of the engines."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *(probe.close() for probe in self.probes.values()), return_exceptions=True)
        await close_db(self.pooled_engine, self.direct_engine, within=FAREWELL)

    def verdict(self) -> Verdict:
        """Diagnose what is known now."""
        pooled = self.probes[ProbePath.POOLED]
        exhausted, wedged = self._sensors.app_pools(self.plan.name, self.well_since)
        found = diagnose(
            Facts(
                pooled=self._outcome(ProbePath.POOLED),
                fresh=self._outcome(ProbePath.FRESH, since=self._changed_at),
                write=self._outcome(ProbePath.WRITE, since=self._changed_at),
                slow=pooled.last is not None and pooled.last.seconds > SLOW_SHARE * self.plan.limits.timeout,
                answered_late=pooled.answered_late,
                in_recovery=self.seen.in_recovery,
                app_exhausted=exhausted,
                app_wedged=wedged,
            ),
        )
        self._changes.verdict(found, self.culprit())
        return found

    def advice(self) -> advice.Advice:
        """Return the sentence and the next step that go with the verdict."""
        return advice.advise_on(self.verdict(), self.culprit())

    def culprit(self) -> ProbeResult | None:
        """Return the reading of the first path that fails, if one does."""
        failing = (probe.last for probe in self.probes.values() if probe.last and not probe.last.passed)
        return next(failing, None)

    def stalled(self) -> str:
        """Name a loop that has stopped making progress, or nothing."""
        now = self._sensors.clock()
        late = (name for name, (beat, allowed) in self._beats.items() if now - beat > allowed)
        dead = (task.get_name() for task in self._tasks if task.done())
        return next(late, "") or next(dead, "")

    def _probe(self, path: ProbePath) -> Probe:
        if path is ProbePath.WRITE:
            limit = WRITE_SHARE * self.plan.limits.timeout
            check = write_check(self._writer(limit), self.seen, limit=limit)
        elif path is ProbePath.FRESH:
            check = query_check(self.direct_engine, self.seen, expect=self.plan.expect, fresh=True)
        else:
            check = query_check(self.pooled_engine, self.seen, expect=self.plan.expect, after=self._after_answer)
        return Probe(
            check,
            limits=self.plan.limits,
            clock=self._sensors.clock,
            wall_clock=self._sensors.wall_clock,
            on_reading=partial(self._on_reading, path),
        )

    def _writer(self, limit: float) -> Callable[[], Awaitable[None]]:
        from exporter.database import sessions

        factory = sessions.session_factory(self.direct_engine)
        return partial(sessions.write_heartbeat, factory, slot=sessions.heartbeat_slot(self.plan.host), limit=limit)

    def _outcome(self, path: ProbePath, *, since: float = 0.0) -> Outcome | None:
        """Return a path's latest outcome; a failure older than `since` belongs to another state of affairs."""
        last = self.probes[path].last if path in self.probes else None
        return None if last is None or (last.taken_at < since and not last.passed) else last.outcome

    async def _watch_pooled(self) -> None:
        while True:
            next_at = self._beat("pooled", self.plan.interval)
            await self.probes[ProbePath.POOLED].read()
            await asyncio.sleep(max(0.0, next_at - self._sensors.clock()))

    async def _watch_direct(self) -> None:
        """Ask by new connections, one path after the other: at most one of them exists beside the pool's."""
        plan = self.plan
        intervals = {ProbePath.FRESH: plan.fresh_interval, ProbePath.WRITE: plan.write_interval}
        due = {path: self._sensors.clock() for path, interval in intervals.items() if interval}
        while True:
            path = min(due, key=lambda each: due[each])
            if await self._pooled_changed(within=due[path] - self._sensors.clock()):
                due = dict.fromkeys(due, self._sensors.clock())
                path = min(due)
            probe = self.probes[path]
            reading = await probe.read()
            await probe.settle()
            # A failure is asked after as often as the pooled path is, so that its end is seen as soon.
            pause = intervals[path] if reading.passed else min(intervals[path], plan.interval)
            due[path] = self._sensors.clock() + pause

    async def _pooled_changed(self, *, within: float) -> bool:
        """Wait so many seconds, or until the pooled path's outcome changes: new connections may then fare otherwise."""
        self._beat("direct", max(within, 0.0))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), max(within, 0.0))
        changed = self._changed.is_set()
        self._changed.clear()
        return changed

    def _beat(self, name: str, interval: float) -> float:
        now = self._sensors.clock()
        self._beats[name] = (now, 3 * interval + STALLED_AFTER)
        return now + interval

    async def _after_answer(self, connection: AsyncConnection) -> None:
        """Read the server's facts on the probe's connection when they are due; the probe has its answer already."""
        now = self._sensors.clock()
        if now < self._facts_due_at:
            return
        self._facts_due_at = now + FACTS_INTERVAL * (1 + FACTS_JITTER * (2 * random.random() - 1))  # noqa: S311
        try:
            self.facts = await read_server_stats(connection, pod_ip=self.plan.pod_ip, within=FACTS_LIMIT)
        except Exception as error:  # noqa: BLE001 - facts are an extra: the probe has passed
            self.facts = None
            log.debug("server facts of %s: %s", self.plan.name, describe(error))

    def _on_reading(self, path: ProbePath, reading: ProbeResult) -> None:
        changed = self._changes.reading(path, reading)
        if not reading.passed:
            self.well_since = reading.taken_at
        if path is ProbePath.POOLED:
            self.seen.connected = reading.passed
            if changed:
                self._changed_at = reading.taken_at
                self._changed.set()
            if not reading.passed:  # what the server said of itself held for a server that answered
                self.facts, self._facts_due_at = None, 0.0
                if reading.outcome is not Outcome.READ_ONLY:
                    self.seen.in_recovery = None
        self._sensors.on_reading(self.plan.name, path, reading)
        self.verdict()
