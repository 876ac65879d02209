"""What the monitor of one database is told to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.role import ExpectedRole

if TYPE_CHECKING:
    from exporter.database.engine import PoolOptions
    from exporter.dsn import Source
    from exporter.probing.probe import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorConfig:
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
