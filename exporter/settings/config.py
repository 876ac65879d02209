"""The settings as plain values, read by a child process so that pydantic's 8 MB of memory end with it."""

import json
import math
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.dsn import Source

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}) *(ms|s|m|h|d|)")


@dataclass(frozen=True, slots=True)
class Database:
    """One database to watch."""

    name: str
    source: Source
    expect: str  # any, primary or replica
    required: bool  # whether the whole is unhealthy without it


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Every setting; durations in seconds."""

    databases: tuple[Database, ...]
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
    readiness: str  # off, latch or gate
    listen_host: str | None  # None is every interface
    listen_port: int
    metrics_port: int | None  # None is the same listener
    app_pool_listen: str  # HOST:PORT/udp, unix:/path or off
    app_pool_ttl: float
    app_pool_wedged_after: float
    pod_ip: str | None
    log_format: str  # text or json
    log_level: str  # debug, info, warning or error

    @classmethod
    def from_json(cls, text: str | bytes) -> "Values":
        """Undo `json.dumps(dataclasses.asdict(values))`."""
        found: dict[str, Any] = json.loads(text)
        found["extensions"] = tuple(found["extensions"])
        found["databases"] = tuple(
            Database(**{**database, "source": Source(**database["source"])}) for database in found["databases"]
        )
        return cls(**found)


def read(
    arguments: Sequence[str] = (),
    *,
    meanwhile: Callable[[], object] = lambda: None,
    started: Callable[[subprocess.Popen[bytes]], None] = lambda _: None,
) -> Values:
    """Let a child parse the environment and the flags; it has said what is wrong if it fails.

    `meanwhile` is called while the child works: imports beside it save a third of a second of every start. `started`
    is told of the child: a signal from the keyboard does not reach it, so that who ends early must end it.
    """
    command = [sys.executable, "-m", "exporter.settings.model", *arguments]
    if "--help" in arguments or "-h" in arguments:
        raise SystemExit(subprocess.run(command, check=False).returncode)  # noqa: S603  our own module
    # JSON on a pipe keeps secrets out of the environment and of the process list.
    with subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0) as child:  # noqa: S603  our own module
        started(child)
        meanwhile()
        found, _ = child.communicate()
    if child.returncode:
        raise SystemExit(2)
    return Values.from_json(found)


def parse_duration(text: str) -> float:
    """Seconds from `0.5`, `500ms`, `60s`, `1m`, `2h` or `1d`; ValueError for anything else."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError("not a duration such as 0.5, 500ms, 60s or 1m")
    seconds = float(match[1]) * _UNITS[match[2]]
    # 0.1 and 100ms are the same number.
    return math.floor(seconds * 1e9 + 0.5) / 1e9
