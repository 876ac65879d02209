"""A client that sends wrong passwords at a rate: `python -m tests.support.password_flood PORT RATE SECONDS`.

It runs in a process of its own and writes raw requests to a few kept connections, many at a time, so that it takes a
tenth of what the server takes; it prints the answers by status as JSON.
"""

import base64
import json
import re
import selectors
import socket
import sys
import time
from collections import Counter
from itertools import count

from tests.support.web_config import USER

CONNECTIONS = 10
TURN = 0.01  # seconds from one lot of requests to the next
# Seconds for the answers that are missing at the end: on one connection a hash may be computed for each.
PATIENCE = 60.0
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def request(number: int) -> bytes:
    """A request with a password that nobody has sent before."""
    credentials = base64.b64encode(f"{USER}:wrong{number}".encode()).decode()
    return f"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n\r\n".encode()


class Connection:
    """A connection on which requests are sent before earlier ones are answered; made anew when it closes."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self._port = port
        self.unanswered = 0
        self.socket = socket.create_connection(("127.0.0.1", port))
        self._rest = b""

    def send(self, requests: list[bytes]) -> None:
        """Send requests at once."""
        self.socket.sendall(b"".join(requests))
        self.unanswered += len(requests)

    def receive(self) -> list[int]:
        """Return the statuses of the answers that have come."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the connection")
        found = self._rest + data
        statuses = [int(each) for each in _STATUS.findall(found)]
        self._rest = found[-16:] if not _STATUS.search(found[-16:]) else b""
        self.unanswered -= len(statuses)
        return statuses


def flood(port: int, *, rate: int, seconds: float) -> Counter[int]:
    """Send `rate` wrong passwords a second, or as many as are answered; return the answers by status."""
    statuses: Counter[int] = Counter()
    numbers = count()
    selector = selectors.DefaultSelector()
    connections = [Connection(port) for _ in range(CONNECTIONS)]
    for each in connections:
        selector.register(each.socket, selectors.EVENT_READ, each)
    most = max(1, rate // CONNECTIONS // 2)  # unanswered on one connection: half a second's
    began, sent = time.monotonic(), 0
    while (now := time.monotonic() - began) < seconds:
        due = int(rate * now) - sent
        for index, each in enumerate(connections):
            number = min(max(0, most - each.unanswered), (due + index) // CONNECTIONS)
            if number > 0:
                each.send([request(next(numbers)) for _ in range(number)])
                sent += number
        _receive(selector, statuses, TURN)
        wait = TURN - (time.monotonic() - began - now)
        if wait > 0:
            time.sleep(wait)
    ends = time.monotonic() + PATIENCE
    while any(each.unanswered for each in connections):
        if time.monotonic() > ends:
            raise TimeoutError(f"{sum(each.unanswered for each in connections)} requests are not answered")
        _receive(selector, statuses, TURN)
    for each in connections:
        each.socket.close()
    return statuses


def _receive(selector: selectors.BaseSelector, statuses: Counter[int], wait: float) -> None:
    for key, _ in selector.select(wait):
        statuses.update(key.data.receive())


if __name__ == "__main__":
    print(json.dumps(flood(int(sys.argv[1]), rate=int(sys.argv[2]), seconds=float(sys.argv[3]))))
