"""What the reporter costs a pooled `SELECT 1` over loopback, as a ratio of medians beside a control.

Three applications take turns in short blocks, in a new order each time: one plain, one plain again (the control: what
two equal ones differ by on this machine) and one that reports. Each is a process of its own, as in production: two
classes of pools in one process would spoil the interpreter's inline caches for each other. Every round starts new
processes with new connections, for equal connections differ by up to 2 %. Clients and server are pinned to a core each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.servers.template import make_template
from tests.servers.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.postgres import Postgres

GOAL = 1.02
KINDS = ("plain", "control", "reported")
SELECT = text("select 1")
WARM = 50
BLOCKS, ITERATIONS = 20, 50  # a second or so each: short, so that whatever else the machine does hits all alike


class Sync:
    """A plain driver, as in a worker of gunicorn."""

    def __init__(self, url: str) -> None:
        """Connect once, so that the pool is warm."""
        self.engine = create_engine(url, pool_size=1, max_overflow=0)
        self.run(WARM)

    def run(self, times: int) -> list[int]:
        """Time single rounds of checkout, `SELECT 1` and checkin, in nanoseconds."""
        taken = []
        clock, connect = time.perf_counter_ns, self.engine.connect
        for _ in range(times):
            began = clock()
            with connect() as connection:
                connection.execute(SELECT)
            taken.append(clock() - began)
        return taken

    def close(self) -> None:
        """Close the connection."""
        self.engine.dispose()


class Async:
    """An asynchronous driver, on an event loop of its own."""

    def __init__(self, url: str) -> None:
        """Connect once, so that the pool is warm."""
        self.runner = asyncio.Runner()
        self.engine = create_async_engine(url, pool_size=1, max_overflow=0)
        self.run(WARM)

    def run(self, times: int) -> list[int]:
        """Time single rounds of checkout, `SELECT 1` and checkin, in nanoseconds."""
        return self.runner.run(self._run(times))

    def close(self) -> None:
        """Close the connection and the loop."""
        self.runner.run(self.engine.dispose())
        self.runner.close()

    async def _run(self, times: int) -> list[int]:
        taken = []
        clock, connect = time.perf_counter_ns, self.engine.connect
        for _ in range(times):
            began = clock()
            async with connect() as connection:
                await connection.execute(SELECT)
            taken.append(clock() - began)
        return taken


class Application:
    """One application in a process of its own, which runs when it is told to."""

    def __init__(self, name: str, url: str) -> None:
        """Start it; it has connected once `ready` returns."""
        command = [sys.executable, "-m", "bench.reporter_overhead", "--serve", name, url]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ready(self) -> None:
        """Wait until it is warm."""
        self.run(WARM)

    def run(self, times: int) -> list[int]:
        """Let it ask so many times; nanoseconds for each."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(times, file=self._process.stdin, flush=True)
        taken: list[int] = json.loads(self._process.stdout.readline())
        return taken

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def serve(name: str, url: str) -> int:
    """Be the application: for each number on standard input run as often, and print how long each took."""
    client = CLIENTS[name](url)
    for line in sys.stdin:
        print(json.dumps(client.run(int(line))), flush=True)
    client.close()
    return 0


def round_of(name: str, urls: dict[str, str]) -> dict[str, float]:
    """Start new processes and return the median of each kind."""
    order = list(KINDS)
    random.shuffle(order)
    applications = {kind: Application(name, urls[kind]) for kind in order}
    for application in applications.values():
        application.ready()
    taken: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for _ in range(BLOCKS):
        random.shuffle(order)
        for kind in order:
            taken[kind] += applications[kind].run(ITERATIONS)
    for application in applications.values():
        application.close()
    return {kind: statistics.median(values) for kind, values in taken.items()}


def measure(name: str, urls: dict[str, str], rounds: int) -> float:
    """Print and return the ratio of medians."""
    results = [round_of(name, urls) for _ in range(rounds)]
    medians = {kind: statistics.median(result[kind] for result in results) for kind in KINDS}
    ratios = {kind: statistics.median(r[kind] / r["plain"] for r in results) for kind in KINDS}
    print(
        f"{name:8} SELECT 1 {medians['plain'] / 1000:6.1f} us plain, {medians['reported'] / 1000:6.1f} us reported;"
        f" ratio {ratios['reported']:.4f}, control {ratios['control']:.4f}",
        flush=True,
    )
    return ratios["reported"]


CLIENTS: dict[str, Callable[[str], Sync | Async]] = {"psycopg": Sync, "asyncpg": Async}


def _pinned_apart(server_pid: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(server_pid, {cores[0]})  # what it forks later inherits this
        os.sched_setaffinity(0, {cores[-1]})


@contextmanager
def _database() -> Iterator[Postgres]:
    workshop = Workshop()
    try:
        server = make_template(workshop, workshop.binaries).copy()
        server.start()
        yield server
        server.close()
    finally:
        workshop.close()


def main() -> int:
    """Measure both kinds of engine and compare with the goal."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--serve", nargs=2, metavar=("DRIVER", "URL"), help="be one of the applications")
    given = arguments.parse_args()
    if given.serve:
        return serve(*given.serve)
    with _database() as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as exporter:
        exporter.bind(("127.0.0.1", 0))
        _pinned_apart(server.process.pid)
        address = f"127.0.0.1:{exporter.getsockname()[1]}"
        worst = 0.0
        for name in CLIENTS:
            plain = server.url(name).replace("postgresql:", f"postgresql+{name}:")
            reported = f"{plain}?plugin=dbhealth&dbhealth_address={address}"
            urls = {"plain": plain, "control": plain, "reported": reported}
            worst = max(worst, measure(name, urls, given.rounds))
    print(f"worst ratio {worst:.4f}, goal {GOAL}")
    return 0 if worst <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
