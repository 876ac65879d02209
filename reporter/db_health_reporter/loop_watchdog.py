"""Runs a timer in the event loop that uses a pool; the reporter's thread reads from it whether the loop is blocked."""

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
    """A reporter, as the watchdog calls it."""

    @property
    def interval(self) -> float:
        """Seconds between two reports."""

    def report_from_loop(self, watchdog: LoopWatchdog, lag: float) -> bool:
        """Report from the running loop, which is `lag` seconds late; False to stop the timer."""


class LoopWatchdog:
    """One timer in an event loop, which lasts as long as the loop, and is read from the reporter's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, reporter: LoopReporter) -> None:
        """Start the timer; must be called in the thread that runs the loop."""
        self._loop = weakref.ref(loop)  # a strong reference would keep the sockets of a loop that is never closed
        self._reporter = reporter
        self.thread = threading.get_ident()
        self._last_tick = perf_counter()
        self._schedule(min(_FIRST_REPORT, reporter.interval), loop)

    def watches(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Return whether the timer runs in this loop."""
        return self._loop() is loop

    @property
    def is_open(self) -> bool:
        """Whether the loop may run again."""
        loop = self._loop()
        return loop is not None and not loop.is_closed()

    @property
    def is_running(self) -> bool:
        """Whether the loop runs now."""
        loop = self._loop()
        return loop is not None and loop.is_running()

    def stalled_for(self, now: float) -> float | None:
        """Return the seconds since the timer last ran, if it should have run since; None if all is well."""
        if not self.is_running:
            self._last_tick = now
            return None
        is_late = now > self._last_tick + _MISSED_TICKS * self._reporter.interval + _GRACE
        return now - self._last_tick if is_late else None

    def _schedule(self, delay: float, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(delay, self._tick, perf_counter() + delay)

    def _tick(self, due: float) -> None:
        loop = self._loop()
        self._last_tick = now = perf_counter()
        if loop is not None and self._reporter.report_from_loop(self, max(0.0, now - due)):
            self._schedule(self._reporter.interval, loop)
