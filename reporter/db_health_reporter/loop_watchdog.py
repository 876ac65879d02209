"""Reports from the event loop that uses a pool, and detects from a thread that the loop is blocked."""

from __future__ import annotations

import threading
import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

_FIRST_REPORT = 0.1  # seconds after the first checkout
_MISSED_TICKS = 2
_GRACE = 1.0  # seconds: a busy event loop is late but not blocked


class LoopReporter(Protocol):
    """What the watchdog needs of a reporter."""

    started: bool

    @property
    def interval(self) -> float:
        """Seconds between two reports."""

    def report_from_loop(self, watchdog: LoopWatchdog, lag: float) -> bool:
        """Send a report; False if no more are wanted from this loop."""

    def send(self, *, outside_loop: bool = False, stalled_thread: int | None = None, **seconds: float) -> None:
        """Send a report from another thread than the loop's."""


class LoopWatchdog:
    """One timer in an event loop, for as long as the loop lives, and its view from the reporter's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, reporter: LoopReporter) -> None:
        """Start the timer; must be called in the thread that runs the loop."""
        self._loop = weakref.ref(loop)  # a strong reference would keep the sockets of a loop that nobody closes
        self._reporter = reporter
        self._thread = threading.get_ident()
        self._last_tick = perf_counter()
        self._schedule(min(_FIRST_REPORT, reporter.interval), loop)

    def watches(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Tell whether the timer runs in this loop."""
        return self._loop() is loop

    def check(self, now: float) -> bool:
        """Look at the loop from the reporter's thread and report for it if it cannot; False if it is closed."""
        loop, reporter = self._loop(), self._reporter
        if loop is None or loop.is_closed():
            return False
        if not loop.is_running():
            self._last_tick = now
            if reporter.started:
                reporter.send(outside_loop=True)
        elif now > self._last_tick + _MISSED_TICKS * reporter.interval + _GRACE:
            reporter.send(outside_loop=True, stalled_thread=self._thread, stalled=now - self._last_tick)
        return True

    def _schedule(self, delay: float, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(delay, self._tick, perf_counter() + delay)

    def _tick(self, due: float) -> None:
        loop = self._loop()
        self._last_tick = now = perf_counter()
        if loop is not None and self._reporter.report_from_loop(self, max(0.0, now - due)):
            self._schedule(self._reporter.interval, loop)
