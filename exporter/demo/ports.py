"""Ports of loopback: the usual one where it is free, else one that the kernel gives."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def choose(wanted: int = 0, *, udp: bool = False) -> int:
    """Return `wanted` if nobody listens there, else a free port."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
            if not udp:  # the remains of the demo's last run are no listener
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no port of loopback is free")
