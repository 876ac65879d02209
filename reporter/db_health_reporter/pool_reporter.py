"""Reports the pool of one engine."""

from __future__ import annotations

import asyncio
import json
import logging
import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.pool import Pool, StaticPool

from db_health_reporter import snapshot
from db_health_reporter.instrumentation import SUM, Meter, Totals, attach, meter_of, observe
from db_health_reporter.loop_watchdog import Pulse
from db_health_reporter.sender import Channel
from db_health_reporter.settings import name_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from db_health_reporter.process_reporter import Process
    from db_health_reporter.settings import Settings

_FIRST_REPORT = 0.1  # seconds after the first checkout

logger = logging.getLogger("db_health_reporter")


class Reporter:
    """Knows an engine's pools, the present one and those it had, and tells the exporter of the present one."""

    def __init__(
        self,
        engine: Engine,
        *,
        name: str,
        settings: Settings,
        given: dict[str, Any],
        totals: Totals,
        process: Process,
    ) -> None:
        """Make the engine's pool count; the first report follows the first checkout."""
        self.name = name
        self.settings = settings
        self.given = given  # in the URL and by a call; what a later call leaves out stays as it is
        self.totals = totals
        self.started = False
        self._process = process
        self._engine = weakref.ref(engine)
        self._pool: weakref.ref[Pool] = weakref.ref(engine.pool)
        self._database = name_of(engine.url.database)
        self._asynchronous = bool(getattr(engine.dialect, "is_async", False))
        self._channel = Channel(settings.address)
        self._pulse: Pulse | None = None
        self._due = 0.0
        self._told = False
        self.adopt(engine.pool)

    def adopt(self, pool: Pool) -> None:
        """Count in this pool from now on: the engine's first one, or the one that `dispose` made."""
        meter = Meter(self.totals, self._process.places, self, shares=isinstance(pool, StaticPool))
        instance: Any = pool
        is_new = meter_of(pool) is None
        attach(pool, meter, asynchronous=self._asynchronous)  # first: it fails where a class refuses a subclass
        if is_new:
            instance._invoke_creator = self._timed(instance._invoke_creator)
        for name in ("invalidate", "soft_invalidate"):  # the new pool may have them from the old one
            if not event.contains(pool, name, self._invalidated):
                event.listen(pool, name, self._invalidated)
        self._pool = weakref.ref(pool)

    def follow(self, pool: Pool) -> None:
        """Count in the pool that replaces this one, if its class lets itself be counted in."""
        try:
            self.adopt(pool)
        except Exception as error:  # noqa: BLE001 - `dispose` must not fail of it
            logger.warning("the pool %s is not counted any more (%s)", self.name, error)

    def configure(self, name: str, settings: Settings, given: dict[str, Any]) -> None:
        """Report under another name, or to elsewhere, from the next checkout on."""
        self.name, self.settings, self.given = name, settings, given
        self._channel = Channel(settings.address)
        self._restart_on_use()

    def start(self) -> None:
        """Begin to report: from this event loop, or from the thread that all synchronous engines share."""
        meter = self._meter()
        if meter is not None:
            meter.start = None
        self.started = True
        self._due = perf_counter() + min(_FIRST_REPORT, self.settings.interval)
        try:
            if self._asynchronous:
                self._enter(asyncio.get_running_loop())
            self._process.serve()
        except RuntimeError as error:  # no event loop, or no thread to be had: at exit, or out of resources
            logger.debug("the pool %s is not watched (%s)", self.name, error)

    def tick(self, now: float) -> float:
        """Do what is due; return when something is due again. The thread calls this."""
        if self._asynchronous:
            return self._watch(now)
        if now >= self._due:
            self._due = now + self.settings.interval
            self.send()
        return self._due

    def beat(self, pulse: Pulse, lag: float) -> bool:
        """Report from an event loop; False where another one does by now, or nobody can use the pool any more."""
        if pulse is not self._pulse or self.pool is None:
            return False
        self.started = True
        self.send(lag=lag)
        return True

    def send(self, *, outside: bool = False, stalled_thread: int | None = None, **seconds: float) -> None:
        """Send one report, with what the event loop says of itself; whatever goes wrong stays here."""
        try:
            content = self._report(outside=outside, stalled_thread=stalled_thread)
            content.update({name: round(value, 6) for name, value in seconds.items()})
            self._channel.send(json.dumps(content, separators=(",", ":")).encode())
        except Exception:  # a pool class of the application's own may do anything
            if not self._told:
                self._told = True
                logger.debug("no report of pool %s could be made; later ones say nothing", self.name, exc_info=True)

    def goodbye(self) -> None:
        """Send the final totals; reports may begin again with the next checkout."""
        if not self.started:
            return
        self.started = False
        content = {**self._identity(), **self._counted(), "bye": True}
        self._channel.send(json.dumps(content, separators=(",", ":")).encode())

    def forked(self) -> None:
        """Be the child's, whose totals are clear: report over a socket of its own and not before it uses the pool."""
        self.started = False
        self._pulse = None
        self._channel.reset()
        meter = self._meter()
        if meter is not None:
            meter.clear()

    @property
    def in_use(self) -> bool:
        """Whether this process has used the pool, so that there is something to watch."""
        return self.started or self._pulse is not None

    @property
    def pool(self) -> Pool | None:
        """The engine's pool now; None when nobody can use it any more."""
        engine = self._engine()
        return self._pool() if engine is None else engine.pool

    def _enter(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._pulse is None or not self._pulse.is_of(loop):  # each `dispose` makes a pool that starts anew
            self._pulse = Pulse(loop, self)

    def _watch(self, now: float) -> float:
        pulse = self._pulse
        if pulse is not None and not pulse.watch(now):
            self.goodbye()
            self._pulse = None
            self._restart_on_use()
        return now + self.settings.interval

    def _restart_on_use(self) -> None:
        meter = self._meter()
        if meter is not None:
            meter.start = self.start

    def _report(self, *, outside: bool, stalled_thread: int | None) -> dict[str, Any]:
        content = {**self._identity(), **self._counted()}
        pool = self.pool
        if pool is None:
            return content
        meter = meter_of(pool)
        if meter is None:  # the application gave the engine another pool
            self.adopt(pool)
            return content
        seen = snapshot.of(
            pool, meter, self._process.places, self.settings.leak_after, outside=outside, stalled_thread=stalled_thread
        )
        return {**content, **seen}

    def _identity(self) -> dict[str, Any]:
        return {
            "v": 1,
            "pid": self._process.pid,
            "ppid": self._process.parent,
            "start": self._process.start,
            "interval": self.settings.interval,
            "pool": self.name,
            "database": self._database,
        }

    def _counted(self) -> dict[str, Any]:
        totals = self.totals
        histograms = {"wait": totals.wait, "use": totals.use, "create": totals.create}
        return {
            "connects": sum(totals.create[:SUM]),
            "timeouts": totals.timeouts,
            "invalidations": totals.invalidations,
            **{name: {"counts": h[:SUM], "sum": round(h[SUM], 6)} for name, h in histograms.items()},
        }

    def _meter(self) -> Meter | None:
        pool = self.pool
        return None if pool is None else meter_of(pool)

    def _timed(self, create: Any) -> Any:
        totals = self.totals

        def timed(record: Any) -> Any:
            began = perf_counter()
            connection = create(record)
            observe(totals.create, perf_counter() - began)
            return connection

        return timed

    def _invalidated(self, *_: object) -> None:
        self.totals.invalidations += 1
