"""The monitor of one database: its engines and probes, and the status that follows from their results."""

from __future__ import annotations

import logging
import random
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from exporter.database.engine import close_db, make_engine
from exporter.database.errors import describe
from exporter.database.pool_stats import SidecarPool
from exporter.database.server_stats import ServerStats, read_server_stats
from exporter.model.outcome import Outcome
from exporter.model.result import ProbePath, ProbeResult
from exporter.probing.change_log import NoteLog
from exporter.probing.checks import ServerState, query_check, write_check
from exporter.probing.loops import ProbeLoops
from exporter.probing.probe import Probe
from exporter.probing.status import DatabaseStatus, PathStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from exporter.app_pools.assessment import Assessment
    from exporter.database.sqlalchemy_core import AsyncConnection
    from exporter.probing.config import MonitorConfig
    from exporter.probing.probe import Check
    from exporter.probing.status import Subscriber

log = logging.getLogger(__name__)

SLOW_SHARE = 0.5  # of the time-out: a probe that takes longer passes and counts as slow
WRITE_SHARE = 0.75  # of the time-out: the server's own statement time-out for the write probe
STATS_INTERVAL = 30.0  # seconds
STATS_JITTER = 0.2
STATS_TIMEOUT = 0.4  # seconds: the query takes under a millisecond, and the next probe may be waiting for it
CLOSE_TIMEOUT = 0.3  # seconds in which idle connections may close gracefully when the process ends


class Monitor:
    """Probes one database and passes every new status to its subscribers."""

    def __init__(
        self,
        config: MonitorConfig,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        """Build engines and probes; nothing is connected yet."""
        self.config = config
        self.driver = config.source.driver()
        self.server_address = config.source.server()
        self._clock, self._wall_clock = clock, wall_clock
        self._server_state = ServerState()
        on_notes = NoteLog(config.source.notes())
        self._pooled_engine = make_engine(
            config.source, config.pool, on_server_error=self._server_state.note_error, on_notes=on_notes
        )
        self._direct_engine = make_engine(config.source, config.pool, pooled=False, on_notes=on_notes)
        self.pool = SidecarPool(self._pooled_engine, database=config.name)
        self._probes = {path: self._make_probe(path) for path in self._paths()}
        self._loops = ProbeLoops(self._probes, config=config, clock=clock)
        self._status = DatabaseStatus(
            name=config.name,
            required=config.required,
            paths=dict.fromkeys(self._probes, PathStatus()),
            slow_after=SLOW_SHARE * config.limits.timeout,
        )
        self._subscribers: list[Subscriber] = []
        self._stats_due_at = 0.0

    @property
    def status(self) -> DatabaseStatus:
        """The latest status."""
        return self._status

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call the subscriber with each new status from now on; it must not raise."""
        self._subscribers.append(subscriber)

    def update(self, assessment: Assessment) -> None:
        """Use a new assessment of the application's pools."""
        if assessment != self._status.assessment:
            self._publish(replace(self._status, assessment=assessment))

    async def check(self, *, max_age: float) -> ProbeResult:
        """Return a pooled result at most `max_age` seconds old: the latest, or that of one shared probe."""
        return await self._probes[ProbePath.POOLED].read(max_age=max_age)

    def latest(self, *, max_age: float) -> ProbeResult | None:
        """Return the latest pooled result if it is at most `max_age` seconds old."""
        return self._probes[ProbePath.POOLED].cached(max_age)

    def stalled_loop(self) -> str:
        """Name a loop that has stopped making progress, or nothing."""
        return self._loops.stalled()

    def start(self) -> None:
        """Start the loops."""
        self._loops.start()

    async def close(self) -> None:
        """End loops and probes at once and dispose of the engines."""
        await self._loops.close()
        await close_db(self._pooled_engine, self._direct_engine, within=CLOSE_TIMEOUT)

    def _paths(self) -> list[ProbePath]:
        write = [ProbePath.WRITE] if self.config.write_interval else []
        return [ProbePath.POOLED, ProbePath.FRESH, *write]

    def _make_probe(self, path: ProbePath) -> Probe:
        return Probe(
            self._make_check(path),
            limits=self.config.limits,
            clock=self._clock,
            wall_clock=self._wall_clock,
            on_result=partial(self._on_result, path),
            on_settled=self._on_settled,
        )

    def _make_check(self, path: ProbePath) -> Check:
        config = self.config
        if path is ProbePath.WRITE:
            limit = WRITE_SHARE * config.limits.timeout
            return write_check(self._make_writer(limit), self._server_state, limit=limit)
        if path is ProbePath.FRESH:
            return query_check(self._direct_engine, self._server_state, expect=config.expect, fresh=True)
        return query_check(self._pooled_engine, self._server_state, expect=config.expect, after=self._after_answer)

    def _make_writer(self, limit: float) -> Callable[[], Awaitable[None]]:
        from exporter.database import sessions

        factory = sessions.session_factory(self._direct_engine)
        return partial(sessions.write_heartbeat, factory, slot=sessions.heartbeat_slot(self.config.host), limit=limit)

    async def _after_answer(self, connection: AsyncConnection) -> None:
        """Read the server's statistics when they are due, on the probe's connection: it has its answer already."""
        now = self._clock()
        if now < self._stats_due_at:
            return
        self._stats_due_at = now + STATS_INTERVAL * (1 + STATS_JITTER * (2 * random.random() - 1))  # noqa: S311
        stats: ServerStats | None = None
        try:
            stats = await read_server_stats(connection, pod_ip=self.config.pod_ip, within=STATS_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - an extra: the probe has passed
            log.debug("server statistics of %s: %s", self.config.name, describe(error))
        self._publish(replace(self._status, server_stats=stats))

    def _on_result(self, path: ProbePath, result: ProbeResult) -> None:
        status = self._status
        former = status.paths[path]
        status = replace(status, paths={**status.paths, path: former.add(result)})
        if not result.passed:
            # During an outage no connection can come back: a pool counts as wedged only by a later assessment.
            assessment = replace(status.assessment, wedged=False)
            status = replace(status, last_failure_at=result.taken_at, assessment=assessment)
        if path is ProbePath.POOLED:
            status = self._with_pooled(status, former.latest, result)
        self._publish(status, path)

    def _with_pooled(self, status: DatabaseStatus, former: ProbeResult | None, result: ProbeResult) -> DatabaseStatus:
        """Return the status with the facts about the server in a pooled result."""
        self._server_state.connected = result.passed
        if result.outcome is Outcome.POOL_EXHAUSTED:
            self.pool.timeouts += 1
        if result.outcome is not (former.outcome if former else Outcome.SUCCESS):
            self._loops.note_pooled_change()
            status = replace(status, pooled_changed_at=result.taken_at)
        if not result.passed:  # the server's role and statistics are known only while it answers
            self._stats_due_at = 0.0
            status = replace(status, server_stats=None)
            if result.outcome is not Outcome.READ_ONLY:
                self._server_state.in_recovery = None
        return status

    def _on_settled(self) -> None:
        """Note what a run does after its result: answer late, or have its connection aborted."""
        late = self._probes[ProbePath.POOLED].answered_late
        abandoned = sum(probe.abandoned for probe in self._probes.values())
        if (late, abandoned) != (self._status.answered_late, self._status.abandoned_connections):
            self._publish(replace(self._status, answered_late=late, abandoned_connections=abandoned))

    def _publish(self, status: DatabaseStatus, path: ProbePath | None = None) -> None:
        self._status = replace(status, in_recovery=self._server_state.in_recovery).diagnosed()
        for subscriber in self._subscribers:
            subscriber(self._status, path)
