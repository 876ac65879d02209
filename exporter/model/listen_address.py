"""The address on which the exporter receives the reports of the application's processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

LAST_PORT = 65535
_UNIX = "unix:"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A host and a port for UDP, or the path of a Unix socket's file, in which case `host` is empty."""

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Understand `unix:/path`, `host:port` or `host:port/udp`; an IPv6 host stands in brackets.

        Raises:
            ValueError: the text is none of them.
        """
        if text.startswith(_UNIX):
            return cls(path=text.removeprefix(_UNIX))
        host, colon, port = text.removesuffix("/udp").rpartition(":")
        if not (colon and host and port.isascii() and port.isdigit() and int(port) <= LAST_PORT):
            raise ValueError("expected host:port, host:port/udp or unix:/path")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))
