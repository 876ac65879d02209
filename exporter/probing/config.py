"""What a watch of one database is to do, and what it needs from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.role import ExpectedRole

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.database.engine import PoolOptions
    from exporter.dsn import Source
    from exporter.model.result import ProbePath, ProbeResult
    from exporter.probing.probe import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One database's settings; durations in seconds, 0 turns a path off."""

    name: str
    source: Source
    pool: PoolOptions
    limits: Limits
    expect: ExpectedRole = ExpectedRole.ANY
    required: bool = True
    interval: float = 5.0
    fresh_interval: float = 60.0
    write_interval: float = 0.0
    pod_ip: str | None = None
    host: str = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensors:
    """What a watch needs from outside: clocks, the application's side, and whom to tell of readings."""

    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    on_reading: Callable[[str, ProbePath, ProbeResult], None]
    app_pools: Callable[[str, float], tuple[bool, bool]]  # name, well since when: exhausted, wedged
