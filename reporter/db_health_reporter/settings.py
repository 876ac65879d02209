"""The settings of a pool's reports, from a call or the URL, the environment, or the defaults."""

from __future__ import annotations

import logging
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger("db_health_reporter")

PARAMETERS = ("dbhealth_address", "dbhealth_database", "dbhealth_pool", "dbhealth_interval", "dbhealth_leak_after")
OFF = "off"
"""The address that switches the reports off."""
_DEFAULT_ADDRESS = "127.0.0.1:9851"
_MAX_SECONDS = 3600.0
_PORTS = 2**16


@dataclass(frozen=True)
class Settings:
    """The settings of one pool; durations are in seconds."""

    address: str
    database: str | None
    pool: str | None
    interval: float
    leak_after: float  # 0: never

    @property
    def is_off(self) -> bool:
        """Whether nothing is to be reported."""
        return self.address == OFF


def read_settings(given: Mapping[str, Any], warned: set[tuple[str, str]]) -> Settings:
    """Read each setting from `given` (the URL or a call), else the environment; a bad value becomes the default.

    Each bad value is one warning, however many engines are made with it: `warned` remembers them.
    """

    def warn(name: str, value: str, problem: str, default: object) -> None:
        if (name, value) not in warned:
            warned.add((name, value))
            logger.warning("%s is %s; %s is used", name, problem, default)

    def seconds(name: str, default: float, minimum: float) -> float:
        value = _value(given, name)
        found = default if value is None else _to_seconds(value)
        if minimum <= found <= _MAX_SECONDS:
            return found
        warn(name, str(value), f"not a number of seconds from {minimum:g} to {_MAX_SECONDS:g}", f"{default:g}")
        return default

    address = _value(given, "dbhealth_address") or _DEFAULT_ADDRESS
    if address.lower() == OFF:
        address = OFF
    elif not address.startswith("unix:") and parse_address(address) is None:
        warn("dbhealth_address", address, "not host:port, unix:/path or off", _DEFAULT_ADDRESS)
        address = _DEFAULT_ADDRESS
    return Settings(
        address=address,
        database=_value(given, "dbhealth_database"),
        pool=_value(given, "dbhealth_pool"),
        interval=seconds("dbhealth_interval", 2.0, 0.05),
        leak_after=seconds("dbhealth_leak_after", 30.0, 0.0),
    )


def parse_address(address: str) -> tuple[str, int] | None:
    """Split `host:port` or `host:port/udp`; None if it is neither."""
    host, _, port = address.removesuffix("/udp").rpartition(":")
    if not (host and port.isascii() and port.isdigit() and 0 < int(port) < _PORTS):
        return None
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return ("127.0.0.1" if host == "localhost" else host), int(port)


def _value(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if isinstance(value, (tuple, list)):  # a URL may name a parameter more than once
        value = value[-1] if value else None
    return str(value) if value is not None else os.environ.get(name.upper()) or None


def _to_seconds(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan
