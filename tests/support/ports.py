"""Free ports of loopback."""

import random
import socket
from contextlib import suppress

# Below the ports that the kernel gives to clients: one of those could take the port before its server listens.
RANGE = range(10_240, 30_000)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free for TCP and for UDP."""
    while True:
        port = random.choice(RANGE)
        with suppress(OSError), socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind((host, port))
            udp.bind((host, port))
            return port
