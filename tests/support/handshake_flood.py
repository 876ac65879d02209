"""A flood of TLS handshakes that begin and never end: a process of its own, given a port, a rate and seconds."""

import socket
import ssl
import sys
import time
from collections import deque
from contextlib import suppress

OPEN = 20  # connections under way: the server has computed its part of a handshake when it is abandoned


def client_hello() -> bytes:
    """The first message of a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read()


def main(port: int, rate: float, seconds: float) -> int:
    """Send it on many connections; how many were there."""
    hello, began, number = client_hello(), time.monotonic(), 0
    opened: deque[socket.socket] = deque()
    while (now := time.monotonic() - began) < seconds:
        if number >= rate * now:
            time.sleep(1 / rate)
            continue
        number += 1
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        connection.sendall(hello)
        opened.append(connection)
        if len(opened) > OPEN:
            opened.popleft().close()
    return number


if __name__ == "__main__":
    print(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
