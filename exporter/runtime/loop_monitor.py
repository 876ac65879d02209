"""The event loop's own health: how late it wakes up, and whether it has stalled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL = 0.5  # seconds
STALL_SECONDS = 3.0  # late by that much is a stall: three of the kubelet's default time-outs
REPORTED_FOR = 5.0  # seconds after a stall in which it is still reported: a stalled loop answers no request


class LoopMonitor:
    """Measures how late the event loop wakes up; run it as a task."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start without lag; `clock` is monotonic seconds."""
        self.lag = 0.0
        self._clock = clock
        self._due = clock() + INTERVAL
        self._stalled_at: float | None = None

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            self._due = self._clock() + INTERVAL
            await asyncio.sleep(INTERVAL)
            self._measure()

    def stalled(self) -> bool:
        """Whether the loop is stalled, or was a short while ago."""
        self._measure()
        return self._stalled_at is not None and self._clock() - self._stalled_at < REPORTED_FOR

    def _measure(self) -> None:
        late = self._clock() - self._due
        self.lag = max(0.0, late)
        if late > STALL_SECONDS:
            self._stalled_at = self._clock()
