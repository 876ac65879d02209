"""The settings as plain values, which is all that the serving process keeps of them."""

import json
from dataclasses import dataclass
from typing import Any

from exporter.dsn import Source
from exporter.model.readiness import Readiness
from exporter.model.role import ExpectedRole


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    """One database to watch."""

    name: str
    source: Source
    expect: ExpectedRole
    required: bool  # whether the exporter as a whole is unhealthy without it


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting; durations in seconds."""

    databases: tuple[DatabaseConfig, ...]
    pool_size: int
    max_overflow: int
    pool_recycle: float
    echo: bool
    extensions: tuple[str, ...]
    environment: str
    probe_interval: float
    probe_timeout: float
    fresh_probe_interval: float  # 0 is off
    write_probe_interval: float  # 0 is off
    health_max_age: float
    readiness: Readiness
    listen_host: str | None  # None is every interface
    listen_port: int
    metrics_port: int | None  # None is the same listener
    web_config_file: str | None  # governs the listener of metrics_port
    app_pool_listen: str  # HOST:PORT/udp, unix:/path or off
    app_pool_sources: tuple[str, ...]  # addresses and networks
    app_pool_ttl: float
    app_pool_wedged_after: float
    pod_ip: str | None
    log_format: str  # text or json
    log_level: str  # debug, info, warning or error
    notes: tuple[str, ...] = ()  # sentences about what was given and is not used, each for one line of the log

    @classmethod
    def from_json(cls, text: str | bytes) -> "Config":
        """Undo `json.dumps(dataclasses.asdict(config))`."""
        found: dict[str, Any] = json.loads(text)
        found["extensions"] = tuple(found["extensions"])
        found["readiness"] = Readiness(found["readiness"])
        found["app_pool_sources"] = tuple(found["app_pool_sources"])
        found["notes"] = tuple(found["notes"])
        found["databases"] = tuple(
            DatabaseConfig(**{**each, "source": Source(**each["source"]), "expect": ExpectedRole(each["expect"])})
            for each in found["databases"]
        )
        return cls(**found)
