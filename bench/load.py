"""A lean client in a process of its own: some keep-alive connections, each with one request after the other."""

from __future__ import annotations

import json
import select
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

HEADER_END = b"\r\n\r\n"
CHUNKED_END = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """The response times of the clients, in seconds."""

    p50: float
    p99: float
    worst: float
    per_second: float
    statuses: dict[str, int]
    size: int


def measure(port: int, path: str, *, clients: int = 4, seconds: float = 2.0) -> Load:
    """Send requests from a process of its own for this many seconds."""
    command = [sys.executable, "-m", "bench.load", str(port), path, str(clients), str(seconds)]
    found = subprocess.run(command, check=True, capture_output=True, timeout=seconds + 30)
    return Load(**json.loads(found.stdout))


def complete(answer: bytes) -> bool:
    """Whether the whole answer has arrived."""
    head, separator, body = answer.partition(HEADER_END)
    if not separator:
        return False
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        return body.endswith(CHUNKED_END)
    length = lower.split(b"content-length:")[1].split(b"\r\n")[0]
    return len(body) >= int(length)


def _ask(port: int, path: str, clients: int, seconds: float) -> Load:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    poll = select.epoll()
    sockets, began, pending = {}, {}, {}
    for _ in range(clients):
        each = socket.create_connection(("127.0.0.1", port))
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[each.fileno()] = each
        poll.register(each, select.EPOLLIN)
    clock = time.perf_counter
    start = clock()
    for number, each in sockets.items():
        began[number], pending[number] = clock(), b""
        each.sendall(request)
    took: list[float] = []
    statuses: dict[str, int] = {}
    size = 0
    while clock() - start < seconds:
        for number, _ in poll.poll(1.0):
            data = sockets[number].recv(1 << 20)
            if not data:
                raise ConnectionError(f"{path}: the server hung up")
            pending[number] += data
            if not complete(pending[number]):
                continue
            now = clock()
            took.append(now - began[number])
            status, size = pending[number][9:12].decode(), len(pending[number])
            statuses[status] = statuses.get(status, 0) + 1
            began[number], pending[number] = now, b""
            sockets[number].sendall(request)
    ended = clock() - start
    took.sort()
    return Load(
        p50=statistics.median(took),
        p99=took[int(len(took) * 0.99)],
        worst=took[-1],
        per_second=len(took) / ended,
        statuses=statuses,
        size=size,
    )


if __name__ == "__main__":
    found = _ask(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    print(json.dumps({name: getattr(found, name) for name in Load.__slots__}))
