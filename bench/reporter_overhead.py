"""The reporter's cost for a pooled `SELECT 1` over loopback, as a ratio of medians beside a control.

Three engines take turns in short blocks, in a new order each time: one plain, one plain again (the control: the
difference of two equal engines on this machine) and one that reports. Every round opens new connections, for equal
connections differ by up to 2 %. Client and server are pinned to a core each.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import statistics
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.server_factory import ServerFactory
from tests.support.template import make_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.postgres import Postgres

GOAL = 1.02
KINDS = ("plain", "control", "reported")
SELECT = text("select 1")
WARM = 50
# Long enough for the interpreter's inline caches to settle on the engine's class of pool, of which an application has
# one; short enough that other load on the machine affects all alike.
BLOCKS, ITERATIONS = 20, 50


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


def round_of(make: Callable[[str], Sync | Async], urls: dict[str, str]) -> dict[str, float]:
    """Open new connections and return the median of each kind."""
    order = list(KINDS)
    random.shuffle(order)
    clients = {kind: make(urls[kind]) for kind in order}
    taken: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for _ in range(BLOCKS):
        random.shuffle(order)
        for kind in order:
            taken[kind] += clients[kind].run(ITERATIONS)
    for client in clients.values():
        client.close()
    return {kind: statistics.median(values) for kind, values in taken.items()}


def measure(name: str, make: Callable[[str], Sync | Async], urls: dict[str, str], rounds: int) -> float:
    """Print and return the ratio of medians."""
    results = [round_of(make, urls) for _ in range(rounds)]
    medians = {kind: statistics.median(result[kind] for result in results) for kind in KINDS}
    ratios = {kind: statistics.median(r[kind] / r["plain"] for r in results) for kind in KINDS}
    print(
        f"{name:8} SELECT 1 {medians['plain'] / 1000:6.1f} us plain, {medians['reported'] / 1000:6.1f} us reported;"
        f" ratio {ratios['reported']:.4f}, control {ratios['control']:.4f}",
        flush=True,
    )
    return ratios["reported"]


def _pinned_apart(server_pid: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(server_pid, {cores[0]})  # later forks inherit this
        os.sched_setaffinity(0, {cores[-1]})


@contextmanager
def _database() -> Iterator[Postgres]:
    server_factory = ServerFactory()
    try:
        server = make_template(server_factory, server_factory.binaries).copy()
        server.start()
        yield server
        server.close()
    finally:
        server_factory.close()


def main() -> int:
    """Measure both kinds of engine and compare with the goal."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=15)
    rounds = arguments.parse_args().rounds
    with _database() as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as exporter:
        exporter.bind(("127.0.0.1", 0))
        _pinned_apart(server.process.pid)
        address = f"127.0.0.1:{exporter.getsockname()[1]}"
        worst = 0.0
        for name, make in (("psycopg", Sync), ("asyncpg", Async)):
            plain = server.url(name).replace("postgresql:", f"postgresql+{name}:")
            reported = f"{plain}?plugin=dbhealth&dbhealth_address={address}"
            urls = {"plain": plain, "control": plain, "reported": reported}
            worst = max(worst, measure(name, make, urls, rounds))
    print(f"worst ratio {worst:.4f}, goal {GOAL}")
    return 0 if worst <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
