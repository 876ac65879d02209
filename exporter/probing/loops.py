"""The two loops that probe one database: one over its pool, one by new connections."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from exporter.model.result import ProbePath

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exporter.probing.config import MonitorConfig
    from exporter.probing.probe import Probe

STALLED_AFTER = 5.0  # seconds that a loop may be late beyond three of its intervals


class ProbeLoops:
    """Runs the probes at their intervals from `start` to `close`, and knows when a loop makes no progress."""

    def __init__(self, probes: Mapping[ProbePath, Probe], *, config: MonitorConfig, clock: Callable[[], float]) -> None:
        """Nothing runs yet; `clock` is monotonic seconds."""
        self._probes, self._config, self._clock = probes, config, clock
        self._pooled_changed = asyncio.Event()
        self._heartbeats: dict[str, tuple[float, float]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the loops."""
        loops = {"pooled": self._probe_pooled()}
        if self._config.fresh_interval or self._config.write_interval:
            loops["direct"] = self._probe_direct()
        for name, loop in loops.items():
            self._tasks.append(asyncio.create_task(loop, name=f"monitor-{self._config.name}-{name}"))

    async def close(self) -> None:
        """Cancel the loops and the probes under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *(probe.close() for probe in self._probes.values()), return_exceptions=True)

    def note_pooled_change(self) -> None:
        """Probe by new connections at once: the pooled path's outcome has changed, so theirs may have, too."""
        self._pooled_changed.set()

    def stalled(self) -> str:
        """Name a loop that has stopped making progress, or nothing."""
        now = self._clock()
        late = (name for name, (beat, allowed) in self._heartbeats.items() if now - beat > allowed)
        dead = (task.get_name() for task in self._tasks if task.done())
        return next(late, "") or next(dead, "")

    async def _probe_pooled(self) -> None:
        interval = self._config.interval
        while True:
            next_at = self._clock() + interval
            self._note_heartbeat("pooled", interval)
            await self._probes[ProbePath.POOLED].read()
            await asyncio.sleep(max(0.0, next_at - self._clock()))

    async def _probe_direct(self) -> None:
        """Probe one path after the other: at most one new connection exists beside the pool's."""
        config = self._config
        intervals = {ProbePath.FRESH: config.fresh_interval, ProbePath.WRITE: config.write_interval}
        due = {path: self._clock() for path, interval in intervals.items() if interval}
        while True:
            path = min(due, key=lambda each: due[each])
            if await self._wait_for_pooled_change(within=due[path] - self._clock()):
                due = dict.fromkeys(due, self._clock())
                path = min(due)
            probe = self._probes[path]
            result = await probe.read()
            await probe.settle()
            # After a failure, probe as often as the pooled path does, to see its end as soon.
            pause = intervals[path] if result.passed else min(intervals[path], config.interval)
            due[path] = self._clock() + pause

    async def _wait_for_pooled_change(self, *, within: float) -> bool:
        """Wait so many seconds, or until the pooled path's outcome changes; return whether it has."""
        self._note_heartbeat("direct", max(within, 0.0))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._pooled_changed.wait(), max(within, 0.0))
        changed = self._pooled_changed.is_set()
        self._pooled_changed.clear()
        return changed

    def _note_heartbeat(self, name: str, interval: float) -> None:
        self._heartbeats[name] = (self._clock(), 3 * interval + STALLED_AFTER)
