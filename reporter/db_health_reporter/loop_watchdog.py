"""Reports from the event loop that uses a pool: one timer for as long as the loop lives, and a look from outside."""

from __future__ import annotations

import threading
import weakref
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from db_health_reporter.pool_reporter import Reporter

_FIRST_REPORT = 0.1  # seconds after the first checkout
_MISSED_TICKS = 2
_GRACE = 1.0  # seconds: a busy event loop is late, not standing still


class Pulse:
    """What one event loop does for one reporter, and how the thread sees it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, reporter: Reporter) -> None:
        """Begin to report soon; the calling thread is the one that runs the loop."""
        self._loop = weakref.ref(loop)  # to keep it would keep its sockets, too, where nobody closes it
        self._reporter = reporter
        self._thread = threading.get_ident()
        self._last = perf_counter()
        self._call_in(min(_FIRST_REPORT, reporter.settings.interval), loop)

    def is_of(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Tell whether this loop is already at work, so that it needs no second timer."""
        return self._loop() is loop

    def watch(self, now: float) -> bool:
        """See from outside whether the loop still runs, and speak for it where not; False when it is closed."""
        loop, reporter = self._loop(), self._reporter
        if loop is None or loop.is_closed():
            return False
        if not loop.is_running():
            self._last = now
            if reporter.started:
                reporter.send(outside=True)
        elif now > self._last + _MISSED_TICKS * reporter.settings.interval + _GRACE:
            reporter.send(outside=True, stalled_thread=self._thread, stalled=now - self._last)
        return True

    def _call_in(self, delay: float, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(delay, self._tick, perf_counter() + delay)

    def _tick(self, due: float) -> None:
        loop = self._loop()
        self._last = now = perf_counter()
        if loop is not None and self._reporter.beat(self, max(0.0, now - due)):
            self._call_in(self._reporter.settings.interval, loop)
