"""Ports of loopback: the usual one where it is free, else one that the kernel gives."""

from __future__ import annotations

import socket
from contextlib import suppress

LOOPBACK = "127.0.0.1"


class Ports:
    """The ports of one demo, which no other demo takes until they are given back or the process ends."""

    def __init__(self) -> None:
        """Hold none yet."""
        self._marks: list[socket.socket] = []

    def choose(self, wanted: int = 0, *, udp: bool = False) -> int:
        """Return `wanted` if nobody listens there and no other demo is about to, else a free port."""
        for port in (wanted, 0, 0, 0):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
                if not udp:  # the remains of the demo's last run are no listener
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with suppress(OSError):
                    probe.bind((LOOPBACK, port))
                    found = int(probe.getsockname()[1])
                    self._mark(found)
                    return found
        raise OSError("no port of loopback is free")

    def close(self) -> None:
        """Give them back."""
        while self._marks:
            self._marks.pop().close()

    def _mark(self, port: int) -> None:
        """Take a name that the kernel gives to one process only, and frees when that one ends.

        A port that is chosen is listened on seconds later: two demos that started together chose the same.
        """
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            mark.bind(f"\0db-health-exporter-demo:{port}")
        except OSError:
            mark.close()
            raise
        self._marks.append(mark)
