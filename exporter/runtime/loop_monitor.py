"""The event loop's own pulse: how late it wakes up, and whether it has stood still."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY = 0.5  # seconds
STALL = 3.0  # seconds late: three of the kubelet's default time-outs
REMEMBERED = 5.0  # seconds that a stall is told after it ended: while it lasts, nobody can be answered


class Pulse:
    """Measures the loop's lag. A stalled loop answers nobody, so a stall is told for a while after it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start with no lag."""
        self.lag = 0.0
        self._clock = clock
        self._due = clock() + EVERY
        self._stalled_at: float | None = None

    async def beat(self) -> None:
        """Beat until cancelled."""
        while True:
            self._due = self._clock() + EVERY
            await asyncio.sleep(EVERY)
            self._note()

    def stalled(self) -> bool:
        """Whether the loop stands still, or did so a short while ago."""
        self._note()
        return self._stalled_at is not None and self._clock() - self._stalled_at < REMEMBERED

    def _note(self) -> None:
        late = self._clock() - self._due
        self.lag = max(0.0, late)
        if late > STALL:
            self._stalled_at = self._clock()
