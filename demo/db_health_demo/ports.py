"""Ports of loopback: the usual one where it is free, else one that the kernel gives."""

import socket
from contextlib import suppress

LOOPBACK = "127.0.0.1"


def reserve(wanted: int = 0, *, udp: bool = False) -> tuple[int, socket.socket]:
    """Return `wanted` if it is free and not reserved by another demo, else a free port; and its reservation.

    A part listens seconds after its port was chosen: two demos that started together chose the same. The reservation
    is a name that the kernel gives to one process only, and frees when it is closed.
    """
    for port in (wanted, 0, 0, 0):
        with suppress(OSError), socket.socket(type=socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
            if not udp:  # a connection of the last run in TIME_WAIT is no listener
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            found = int(probe.getsockname()[1])
            reservation = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            with suppress(OSError):
                reservation.bind(f"\0db-health-exporter-demo:{found}")
                return found, reservation
            reservation.close()
    raise OSError("no port of loopback is free")
