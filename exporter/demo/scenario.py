"""The tour: breaks and heals one thing after the other and tells what the exporter makes of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.demo.play import Play
    from exporter.demo.status import Status

PATIENCE = 30.0  # seconds for a verdict


@dataclass(frozen=True, slots=True)
class Scene:
    """What is done, how often, and which verdict must follow."""

    title: str
    action: str
    verdict: str
    times: int = 1


SCENES = (
    Scene("A request forgets its session: one connection of five is lost", "leak", "healthy"),
    Scene("Three more: a single connection serves everybody", "leak", "app_pool_exhausted", 3),
    Scene("The last one: nobody gets a connection any more", "leak", "app_pool_wedged"),
    Scene("Restarted, as a kubelet would do by /app/livez", "heal", "healthy"),
    Scene("Now the database stands still; a restart of the application would not help", "freeze", "database_down"),
    Scene("It goes on", "thaw", "healthy"),
)


async def tour(play: Play, tell: Callable[[str], None]) -> int:
    """Play every scene; 0 if each verdict came in time, else 1."""
    tell("")
    _report(play.watcher.status, tell)
    for scene in SCENES:
        tell("")
        tell(f"=== {scene.title}")
        began = time.monotonic()
        for _ in range(scene.times):
            tell(f"    {await play.faults.do(scene.action)}")
        if not await _reached(play, scene):
            tell(f"    {scene.verdict} did not come within {PATIENCE:g} s")
            return 1
        tell(f"    after {time.monotonic() - began:.1f} s:")
        _report(play.watcher.status, tell)
    return 0


async def _reached(play: Play, scene: Scene) -> bool:
    if scene.action == "leak" and scene.verdict == "healthy":  # what is to be seen is the pool
        return await play.watcher.wait_for(lambda status: bool(status.pool.location), within=PATIENCE)
    return await play.watcher.wait_for(lambda status: status.verdict == scene.verdict, within=PATIENCE)


def _report(status: Status, tell: Callable[[str], None]) -> None:
    pool = status.pool
    tell(f"    verdict   {status.verdict}")
    tell(f"              {status.sentence}")
    tell(f"              {status.next_step}")
    tell(f"    pool      {pool.used} of {pool.most} in use, {pool.pending} waiting, oldest {pool.oldest:.1f} s")
    if pool.location:
        tell(f"              held since {pool.location}")
    tell(f"    probes    {', '.join(f'{path} {words}' for path, words in status.probes.items())}")
    tell(f"    endpoints {', '.join(f'{path} {code}' for path, code in status.endpoints.items())}")
