"""When the pool of one engine is reported, and by which thread; `report_writer` makes the report."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Callable

from db_health_reporter.engine_pools import EnginePools
from db_health_reporter.loop_watchdog import LoopWatchdog
from db_health_reporter.naming import database_name
from db_health_reporter.report_writer import ReportWriter

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine
    from sqlalchemy.pool import Pool

    from db_health_reporter.call_site import FileClassifier
    from db_health_reporter.identity import ProcessIdentity
    from db_health_reporter.settings import Settings
    from db_health_reporter.totals import Totals

_FIRST_REPORT = 0.1  # seconds after the first checkout

logger = logging.getLogger("db_health_reporter")


@dataclass(frozen=True)
class SharedState:
    """The objects that the reporters of one process share."""

    identity: ProcessIdentity
    classifier: FileClassifier
    start_thread: Callable[[], None]
    """Starts the reporter's thread, or wakes it."""
    reset_process: Callable[[], None]
    """Makes all reporters a forked child's, if Python did not know of the fork."""


class PoolReporter:
    """Sends the reports of one engine's pool: from its event loop, from the reporter's thread, or at a checkin."""

    def __init__(
        self,
        engine: Engine,
        *,
        name: str,
        settings: Settings,
        given: dict[str, Any],
        totals: Totals,
        shared: SharedState,
    ) -> None:
        """Instrument the engine's pool; reports begin with the first checkout.

        Raises:
            TypeError: the pool's class cannot be instrumented.
        """
        self.name = name
        self.base_name = name  # before it got a number
        self.naming_key: tuple[str, ...] = ()
        self.settings = settings
        self.given = given  # by the URL and by calls: an argument that a later call leaves out stays
        self.started = False
        self._shared = shared
        self._dialect, self._database = engine.dialect.name, engine.url.database
        self._asynchronous = bool(getattr(engine.dialect, "is_async", False))
        self._watchdog: LoopWatchdog | None = None
        self._lag: float | None = None  # of the event loop whose thread uses a synchronous engine
        self._due = 0.0
        self.pools = EnginePools(engine, totals, shared.classifier, self)
        self._make_writer()
        self.pools.instrument(engine.pool)  # last: another thread may check out at once

    @property
    def pool(self) -> Pool | None:
        """The engine's present pool; None once engine and pool have been collected."""
        return self.pools.present

    @property
    def totals(self) -> Totals:
        """The counts under this name."""
        return self.pools.totals

    @property
    def interval(self) -> float:
        """Seconds between two reports."""
        return self.settings.interval

    @property
    def is_in_use(self) -> bool:
        """Whether this process has used the pool, so that there is something to report or watch."""
        return self.started or self._watchdog is not None

    def configure(self, name: str, settings: Settings, given: dict[str, Any]) -> None:
        """Use another name or other settings from the next checkout on."""
        self.name, self.settings, self.given = name, settings, given
        self._make_writer()
        self._restart_on_checkout()

    def tick(self, now: float) -> float:
        """Send a report if one is due, in the reporter's thread; return when the next is due."""
        if self._asynchronous:
            self._check_loop(now)
            return now + self.interval
        if now >= self._due:
            self._due = now + self.interval
            self._send_from_thread(now)
        return self._due

    def goodbye(self) -> None:
        """Send the final totals; the next checkout starts the reports again."""
        if not self.started or self._shared.identity.pid != os.getpid():  # a fork unknown to Python: the parent's pool
            return
        self.started = False
        self._writer.send_goodbye()

    def close(self) -> None:
        """Send the final totals and give the socket back: engine and pool have been collected."""
        self.goodbye()
        self._make_writer()  # the old one ends with its last user; left to a cycle, its socket would end unclosed

    def reset_after_fork(self) -> None:
        """Start again in a child, with a socket of its own, at the child's first checkout."""
        self.started = False
        self._watchdog = self._lag = None
        self._writer.sender.reset()
        instrumentation = self.pools.instrumentation
        if instrumentation is not None:
            instrumentation.clear()

    # Called by the watchdog and the instrumentation

    def report_from_loop(self, watchdog: LoopWatchdog, lag: float) -> bool:
        """Send a report; False if another loop uses the pool by now, or engine and pool have been collected."""
        if watchdog is not self._watchdog or self.pool is None:
            return False
        if self._asynchronous:
            self.started = True
            self._writer.send(lag=lag)
        else:
            self._lag = lag
        return True

    def start(self) -> None:
        """Begin to report: from the running event loop, or from the thread that all synchronous engines share."""
        instrumentation = self.pools.instrumentation
        if instrumentation is not None:
            instrumentation.on_checkout = None
        self.started = True
        self._due = perf_counter() + min(_FIRST_REPORT, self.interval)
        self._writer.expect_next()
        try:
            if self._asynchronous:
                self.watch_loop(asyncio.get_running_loop())
            self._shared.start_thread()
        except Exception as error:  # noqa: BLE001 - no event loop, no thread at exit, whatever: a checkout must not fail
            logger.debug("the pool %s is not watched (%s)", self.name, error)

    def on_fork(self) -> None:
        """Start again in a child that was forked without Python's hooks."""
        if self._shared.identity.pid != os.getpid():
            self._shared.reset_process()

    def watch_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start a timer in the event loop that runs in this thread."""
        instrumentation = self.pools.instrumentation
        if instrumentation is not None:
            instrumentation.watch_loop = False
        if self._watchdog is None or not self._watchdog.watches(loop):  # a pool made by `dispose` calls this again
            try:
                self._watchdog = LoopWatchdog(loop, self)
            except Exception as error:  # noqa: BLE001 - a loop of another library may refuse a timer in any way
                logger.debug("the event loop of pool %s is not watched (%s)", self.name, error)

    def report_from_checkin(self) -> None:
        """Report the pool that has become idle: a process may end without a goodbye right after a checkin.

        It also serves where the thread gets no time to run. This may run in the garbage collector: it starts no thread
        and describes none, because both take locks.
        """
        instrumentation = self.pools.instrumentation
        if instrumentation is not None:
            instrumentation.report_when_idle = False
            if perf_counter() > instrumentation.overdue_at:
                self._writer.log_starved_thread()
        is_own = self._shared.identity.pid == os.getpid()  # not a connection inherited by an unknown fork
        if self.started and is_own and self._writer.sender.is_resolved:
            self._writer.send(describe=False)

    def follow(self, pool: Pool) -> None:
        """Instrument the pool that replaces the present one; never raises."""
        self.pools.follow(pool, self.name)

    def _send_from_thread(self, now: float) -> None:
        """Report a synchronous engine, and the event loop that its use may have blocked."""
        watchdog, stalled = self._watchdog, None
        if watchdog is not None:
            if watchdog.is_open:
                stalled = watchdog.stalled_for(now)
            else:
                self._watchdog = self._lag = None
                instrumentation = self.pools.instrumentation
                if instrumentation is not None:
                    instrumentation.watch_loop = True
        stalled_thread = watchdog.thread if watchdog is not None and stalled is not None else None
        self._writer.send(stalled_thread=stalled_thread, stalled=stalled, lag=self._lag)

    def _check_loop(self, now: float) -> None:
        """Report for an event loop that cannot do it itself: it is paused or blocked."""
        watchdog = self._watchdog
        if watchdog is None:
            return
        if not watchdog.is_open:
            self.goodbye()
            self._watchdog = None
            self._restart_on_checkout()
            return
        stalled = watchdog.stalled_for(now)
        if stalled is not None:
            self._writer.send(outside_loop=True, stalled_thread=watchdog.thread, stalled=stalled)
        elif not watchdog.is_running and self.started:
            self._writer.send(outside_loop=True)

    def _make_writer(self) -> None:
        database = database_name(self.settings, self._database, self._dialect)
        self._writer = ReportWriter(self.name, self.settings, database, self._shared.identity, self.pools)

    def _restart_on_checkout(self) -> None:
        instrumentation = self.pools.instrumentation
        if instrumentation is not None:
            instrumentation.restart()
