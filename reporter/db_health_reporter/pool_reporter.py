"""Reports the pool of one engine."""

from __future__ import annotations

import asyncio
import logging
import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Any, Callable

from sqlalchemy import event
from sqlalchemy.pool import Pool, StaticPool

from db_health_reporter.instrumentation import PoolInstrumentation, instrument, instrumentation_of
from db_health_reporter.labels import to_label
from db_health_reporter.loop_watchdog import LoopWatchdog
from db_health_reporter.sender import Sender
from db_health_reporter.snapshot import take_snapshot
from db_health_reporter.totals import observe
from db_health_reporter.wire_format import encode, identity_fields, total_fields

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from db_health_reporter.call_site import FileClassifier
    from db_health_reporter.identity import ProcessIdentity
    from db_health_reporter.settings import Settings
    from db_health_reporter.totals import Totals

_FIRST_REPORT = 0.1  # seconds after the first checkout

logger = logging.getLogger("db_health_reporter")


class PoolReporter:
    """Instruments the pools of one engine, those that replace its first one included, and sends their reports."""

    def __init__(
        self,
        engine: Engine,
        *,
        name: str,
        settings: Settings,
        given: dict[str, Any],
        totals: Totals,
        identity: ProcessIdentity,
        classifier: FileClassifier,
        start_thread: Callable[[], None],
    ) -> None:
        """Instrument the engine's pool; reports begin with the first checkout, which calls `start_thread`.

        Raises:
            TypeError: the pool's class cannot be instrumented.
        """
        self.name = name
        self.settings = settings
        self.given = given  # by the URL and by calls: what a later call leaves out stays
        self.totals = totals
        self.started = False
        self._identity, self._classifier, self._start_thread = identity, classifier, start_thread
        self._engine = weakref.ref(engine)
        self._pool: weakref.ref[Pool] = weakref.ref(engine.pool)
        self._database = to_label(engine.url.database)
        self._asynchronous = bool(getattr(engine.dialect, "is_async", False))
        self._sender = Sender(settings.address)
        self._watchdog: LoopWatchdog | None = None
        self._due = 0.0
        self._logged = False
        self._instrument(engine.pool)

    @property
    def pool(self) -> Pool | None:
        """The engine's present pool; None when nobody can use it any more."""
        engine = self._engine()
        return self._pool() if engine is None else engine.pool

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
        self._sender = Sender(settings.address)
        self._restart_on_checkout()

    def tick(self, now: float) -> float:
        """Do what is due, in the reporter's thread; return when something is due again."""
        if self._asynchronous:
            return self._check_loop(now)
        if now >= self._due:
            self._due = now + self.interval
            self.send()
        return self._due

    def report_from_loop(self, watchdog: LoopWatchdog, lag: float) -> bool:
        """Send a report; False if another loop uses the pool by now, or nobody can use it any more."""
        if watchdog is not self._watchdog or self.pool is None:
            return False
        self.started = True
        self.send(lag=lag)
        return True

    def send(self, *, outside_loop: bool = False, stalled_thread: int | None = None, **seconds: float) -> None:
        """Send one report with these durations; never raises."""
        try:
            content = self._report(outside_loop=outside_loop, stalled_thread=stalled_thread)
            content.update({name: round(value, 6) for name, value in seconds.items()})
            self._sender.send(encode(content))
        except Exception:  # a custom pool class may raise anything
            if not self._logged:
                self._logged = True
                logger.debug("pool %s could not be reported; later failures are not logged", self.name, exc_info=True)

    def goodbye(self) -> None:
        """Send the final totals; the next checkout starts the reports again."""
        if not self.started:
            return
        self.started = False
        self._sender.send(encode({**self._identity_fields(), **total_fields(self.totals), "bye": True}))

    def reset_after_fork(self) -> None:
        """Start again in a child, with a socket of its own, at the child's first checkout."""
        self.started = False
        self._watchdog = None
        self._sender.reset()
        instrumentation = self._instrumentation()
        if instrumentation is not None:
            instrumentation.clear()

    def _instrument(self, pool: Pool) -> None:
        instrumentation = PoolInstrumentation(
            self.totals,
            self._classifier,
            start=self._start,
            on_recreate=self._follow,
            is_shared=isinstance(pool, StaticPool),
        )
        instance: Any = pool
        is_new = instrumentation_of(pool) is None
        instrument(pool, instrumentation, asynchronous=self._asynchronous)  # first, because it may fail
        if is_new:
            instance._invoke_creator = self._timed(instance._invoke_creator)
        for name in ("invalidate", "soft_invalidate"):  # a recreated pool may have inherited them
            if not event.contains(pool, name, self._count_invalidation):
                event.listen(pool, name, self._count_invalidation)
        self._pool = weakref.ref(pool)

    def _follow(self, pool: Pool) -> None:
        """Instrument the pool that replaces the present one; never raises: `dispose` must not fail."""
        try:
            self._instrument(pool)
        except Exception as error:  # noqa: BLE001 - a custom pool class may raise anything
            logger.warning("the pool %s is not reported any more (%s)", self.name, error)

    def _start(self) -> None:
        """Begin to report: from the running event loop, or from the thread that all synchronous engines share."""
        instrumentation = self._instrumentation()
        if instrumentation is not None:
            instrumentation.on_checkout = None
        self.started = True
        self._due = perf_counter() + min(_FIRST_REPORT, self.interval)
        try:
            if self._asynchronous:
                self._watch(asyncio.get_running_loop())
            self._start_thread()
        except RuntimeError as error:  # there is no event loop, or no thread can be started: at exit, out of resources
            logger.debug("the pool %s is not watched (%s)", self.name, error)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._watchdog is None or not self._watchdog.watches(loop):  # each `dispose` makes a pool that starts anew
            self._watchdog = LoopWatchdog(loop, self)

    def _check_loop(self, now: float) -> float:
        watchdog = self._watchdog
        if watchdog is not None and not watchdog.check(now):
            self.goodbye()
            self._watchdog = None
            self._restart_on_checkout()
        return now + self.interval

    def _restart_on_checkout(self) -> None:
        instrumentation = self._instrumentation()
        if instrumentation is not None:
            instrumentation.restart()

    def _report(self, *, outside_loop: bool, stalled_thread: int | None) -> dict[str, Any]:
        content = {**self._identity_fields(), **total_fields(self.totals)}
        pool = self.pool
        if pool is None:
            return content
        instrumentation = instrumentation_of(pool)
        if instrumentation is None:  # the application gave the engine another pool
            self._instrument(pool)
            return content
        snapshot = take_snapshot(
            pool,
            instrumentation,
            leak_after=self.settings.leak_after,
            outside_loop=outside_loop,
            stalled_thread=stalled_thread,
        )
        return {**content, **snapshot}

    def _identity_fields(self) -> dict[str, Any]:
        return identity_fields(self._identity, interval=self.interval, pool=self.name, database=self._database)

    def _instrumentation(self) -> PoolInstrumentation | None:
        pool = self.pool
        return None if pool is None else instrumentation_of(pool)

    def _timed(self, create: Any) -> Any:
        totals = self.totals

        def timed(record: Any) -> Any:
            began = perf_counter()
            connection = create(record)
            observe(totals.create, perf_counter() - began)
            return connection

        return timed

    def _count_invalidation(self, *_: object) -> None:
        self.totals.invalidations += 1
