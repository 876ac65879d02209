"""What the monitor of one database is told to do."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.database.engine import PoolOptions
from exporter.model.result import ProbePath
from exporter.model.role import ExpectedRole
from exporter.probing.probe import Limits

if TYPE_CHECKING:
    from exporter.dsn import Source
    from exporter.settings.config import Database, Values


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

    @property
    def intervals(self) -> dict[ProbePath, float]:
        """Seconds between two probes of each path."""
        return {
            ProbePath.POOLED: self.interval,
            ProbePath.FRESH: self.fresh_interval,
            ProbePath.WRITE: self.write_interval,
        }


def monitor_config(values: Values, database: Database) -> MonitorConfig:
    """Pick what the monitor of one database needs from the settings."""
    return MonitorConfig(
        name=database.name,
        source=database.source,
        pool=PoolOptions(
            size=values.pool_size,
            max_overflow=values.max_overflow,
            recycle=values.pool_recycle,
            timeout=values.probe_timeout,
            echo=values.echo,
            test=values.environment == "test",
        ),
        limits=Limits(timeout=values.probe_timeout, grace=2 * values.probe_timeout),
        expect=database.expect,
        required=database.required,
        interval=values.probe_interval,
        fresh_interval=values.fresh_probe_interval,
        write_interval=values.write_probe_interval,
        pod_ip=values.pod_ip,
        host=socket.gethostname(),
    )
