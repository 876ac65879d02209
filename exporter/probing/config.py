"""The settings of the monitor of one database."""

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
    from exporter.settings.config import Config, DatabaseConfig


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


def monitor_config(config: Config, database: DatabaseConfig) -> MonitorConfig:
    """Pick what the monitor of one database needs from the settings."""
    return MonitorConfig(
        name=database.name,
        source=database.source,
        pool=PoolOptions(
            size=config.pool_size,
            max_overflow=config.max_overflow,
            recycle=config.pool_recycle,
            timeout=config.probe_timeout,
            echo=config.echo,
            test=config.environment == "test",
        ),
        limits=Limits(timeout=config.probe_timeout, grace=2 * config.probe_timeout),
        expect=database.expect,
        required=database.required,
        interval=config.probe_interval,
        fresh_interval=config.fresh_probe_interval,
        write_interval=config.write_probe_interval,
        pod_ip=config.pod_ip,
        host=socket.gethostname(),
    )
