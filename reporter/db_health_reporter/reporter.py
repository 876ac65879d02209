"""Reports the pool of one engine."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.pool import Pool, StaticPool

from db_health_reporter import snapshot
from db_health_reporter.channel import Channel
from db_health_reporter.meter import SUM, Meter, Totals, attach, meter_of, observe
from db_health_reporter.settings import name_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from db_health_reporter.process import Process
    from db_health_reporter.settings import Settings

_FIRST_REPORT = 0.1  # seconds after the first checkout
_MISSED_TICKS = 2
_GRACE = 1.0  # seconds: a busy event loop is late, not standing still

logger = logging.getLogger("db_health_reporter")


class Reporter:
    """Knows an engine's pools, the present one and those it had, and tells the exporter of the present one."""

    def __init__(self, engine: Engine, *, name: str, settings: Settings, totals: Totals, process: Process) -> None:
        """Make the engine's pool count; the first report follows the first checkout."""
        self.name = name
        self.settings = settings
        self.totals = totals
        self.started = False
        self._process = process
        self._engine = weakref.ref(engine)
        self._pool: weakref.ref[Pool] = weakref.ref(engine.pool)
        self._database = name_of(engine.url.database)
        self._asynchronous = bool(getattr(engine.dialect, "is_async", False))
        self._channel = Channel(settings.address)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._due = self._last = 0.0
        self.adopt(engine.pool)

    def adopt(self, pool: Pool) -> None:
        """Count in this pool from now on: the engine's first one, or the one that `dispose` made."""
        meter = Meter(self.totals, self._process.places, self, shares=isinstance(pool, StaticPool))
        instance: Any = pool
        if meter_of(pool) is None:
            instance._invoke_creator = self._timed(instance._invoke_creator)
        attach(pool, meter, asynchronous=self._asynchronous)
        for name in ("invalidate", "soft_invalidate"):  # the new pool may have them from the old one
            if not event.contains(pool, name, self._invalidated):
                event.listen(pool, name, self._invalidated)
        self._pool = weakref.ref(pool)

    def configure(self, name: str, settings: Settings) -> None:
        """Report under another name, or to elsewhere."""
        self.goodbye()
        self.name, self.settings, self._channel = name, settings, Channel(settings.address)
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

    def send(self, *, lag: float | None = None, stalled: float | None = None) -> None:
        """Send one report; whatever goes wrong stays here."""
        try:
            content = self._report(stalled=stalled is not None)
            if lag is not None:
                content["lag"] = round(lag, 6)
            if stalled is not None:
                content["stalled"] = round(stalled, 3)
            self._channel.send(json.dumps(content, separators=(",", ":")).encode())
        except Exception:  # a pool class of the application's own may do anything
            logger.debug("no report of pool %s could be made", self.name, exc_info=True)

    def goodbye(self) -> None:
        """Send the final totals; reports may begin again with the next checkout."""
        if not self.started:
            return
        self.started = False
        content = {**self._identity(), **self._counted(), "bye": True}
        self._channel.send(json.dumps(content, separators=(",", ":")).encode())

    def forked(self) -> None:
        """Be the child's: count anew, report over a socket of its own and not before it uses the pool."""
        self.totals.clear()
        self.started = False
        self._loop = None
        self._channel.reset()
        meter = self._meter()
        if meter is not None:
            meter.clear()

    @property
    def in_use(self) -> bool:
        """Whether this process has used the pool, so that there is something to watch."""
        return self.started or self._loop is not None

    @property
    def pool(self) -> Pool | None:
        """The engine's pool now; None when nobody can use it any more."""
        engine = self._engine()
        return self._pool() if engine is None else engine.pool

    def _enter(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._thread = loop, threading.get_ident()
        self._last = perf_counter()
        delay = min(_FIRST_REPORT, self.settings.interval)
        loop.call_later(delay, self._tick, loop, self._last + delay)

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        """Report from the event loop, which also tells how late the loop is."""
        if loop is not self._loop or self.pool is None:
            return
        self.started = True
        self._last = now = perf_counter()
        self.send(lag=max(0.0, now - due))
        loop.call_later(self.settings.interval, self._tick, loop, now + self.settings.interval)

    def _watch(self, now: float) -> float:
        """See from outside whether the event loop still runs, and speak for it where it stands still."""
        loop, interval = self._loop, self.settings.interval
        if loop is not None and not loop.is_running():
            self.goodbye()
            if loop.is_closed():
                self._loop = None
                self._restart_on_use()
        elif loop is not None and now > self._last + _MISSED_TICKS * interval + _GRACE:
            self.send(stalled=now - self._last)
        return now + interval

    def _restart_on_use(self) -> None:
        meter = self._meter()
        if meter is not None:
            meter.start = self.start

    def _report(self, *, stalled: bool) -> dict[str, Any]:
        content = {**self._identity(), **self._counted()}
        pool = self.pool
        if pool is None:
            return content
        meter = meter_of(pool)
        if meter is None:  # the application gave the engine another pool
            self.adopt(pool)
            return content
        holder = self._thread if stalled else None
        return {**content, **snapshot.of(pool, meter, self._process.places, self.settings.leak_after, holder)}

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
