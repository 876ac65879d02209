"""Free ports of loopback."""

import os
import random
import socket
from contextlib import suppress
from itertools import cycle

# Below the ports that the kernel gives to clients: one of those could take the port before its server listens.
RANGE = range(10_240, 30_000)
MAX_WORKERS = 8


def _ports_of_this_process() -> list[int]:
    """Ports that no other process of the same run gets, in an order that no other run has.

    Each is given once before any is given again: a port is free until its server listens, a second or two later.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = RANGE[worker % MAX_WORKERS :: MAX_WORKERS]
    return random.SystemRandom().sample(own, len(own))


_candidates = cycle(_ports_of_this_process())


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free for TCP and for UDP."""
    while True:
        port = next(_candidates)
        with suppress(OSError), socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind((host, port))
            udp.bind((host, port))
            return port
