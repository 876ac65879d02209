"""Each worker process reports for itself, whether forked, spawned, killed or replaced."""

import os
import signal
import socket
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.reporter.conftest import Start, reporting
from tests.support.exporter import Exporter
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.waiting import until

TTL = 3.0


class Workers:
    """A web server's four processes and the number of requests sent to them."""

    def __init__(self, exporter: Exporter, port: int) -> None:
        """Send no request yet."""
        self.exporter, self.port = exporter, port
        self.asked = 0
        self._counters: dict[object, float] = {}

    def ask(self, times: int) -> set[int]:
        """Send requests in parallel and return which processes answered."""
        with ThreadPoolExecutor(8) as threads:
            pids = set(threads.map(lambda _: self._ask(), range(times)))
        self.asked += times
        return pids

    def ask_until(self, condition: Callable[[set[int]], bool]) -> set[int]:
        """Send requests until enough processes have answered."""
        pids: set[int] = set()
        limit = time.monotonic() + 30
        while not condition(pids):
            assert time.monotonic() < limit, pids
            pids |= self.ask(8)
        return pids

    def shown(self) -> int:
        """How many workers have gauges; no counter may have fallen since the last look."""
        samples = self.exporter.samples()
        mine = {key: value for key, value in samples.items() if ("pool", "app") in key[1]}
        for key, value in mine.items():
            if key[0].endswith(("_total", "_count", "_bucket", "_sum")):
                assert value >= self._counters.get(key, 0.0), key
                self._counters[key] = value
        assert {key for key in self._counters if key in mine} == set(self._counters)
        return sum(name == "dbhealth_pool_size" for name, _ in mine)

    def remembered(self) -> int:
        """How many workers the exporter still expects reports from."""
        return sum(name == "dbhealth_app_worker_silent" for name, _ in self.exporter.samples())

    def counted(self) -> float:
        """The number of counted checkouts, of all workers, ended ones included."""
        self.shown()
        return self.exporter.sample("dbhealth_pool_use_seconds_count", pool="app")

    def _ask(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10) as answer:
            return int(answer.read())


SERVERS = {
    "gunicorn with preload": ("gunicorn", "sync", "psycopg2", ["--preload", "-w", "4", "web:wsgi", "-b"]),
    "gunicorn": ("gunicorn", "sync", "psycopg", ["-w", "4", "web:wsgi", "-b"]),
    "uvicorn": ("uvicorn", "async", "asyncpg", ["--workers", "4", "--log-level", "warning", "web:asgi", "--port"]),
}


@pytest.mark.extended
@pytest.mark.parametrize("server", SERVERS)
def test_killed_worker_is_replaced(
    server: str, start: Start, exporter: Exporter, shared_server: Postgres, report_port: int
) -> None:
    """Of four workers one is killed: its gauges vanish, its sums stay, and its successor's counts are added."""
    module, kind, driver, arguments = SERVERS[server]
    port = free_port()
    last = f"127.0.0.1:{port}" if module == "gunicorn" else str(port)
    environment = {"KIND": kind, "URL": reporting(shared_server, driver, report_port)}
    process = start("2.1", *arguments, last, module=module, env=environment)
    workers = Workers(exporter, port)
    until(lambda: _listens(port), within=30, what="the web server listens")

    pids = workers.ask_until(lambda pids: len(pids) == 4)
    until(lambda: workers.shown() == 4, within=2, what="four workers")
    until(lambda: workers.counted() == workers.asked, within=2, what="every checkout counted")
    began = time.monotonic()
    os.kill(min(pids), signal.SIGKILL)
    until(lambda: workers.shown() == 3, within=TTL + 1, what="three workers", every=0.2)
    assert time.monotonic() - began < TTL + 1
    assert workers.counted() == workers.asked

    workers.ask_until(lambda answered: len(answered - pids) == 1)
    until(lambda: workers.shown() == 4, within=2, what="four workers again")
    until(lambda: workers.counted() == workers.asked, within=2, what="every checkout counted")
    process.terminate()
    process.wait(timeout=10)
    # The killed worker has a successor and is forgotten soon; without one a worker is expected for much longer.
    until(lambda: workers.remembered() == 0, within=TTL, what="a goodbye of each")
    assert workers.shown() == 0
    assert workers.counted() == workers.asked


@pytest.mark.extended
def test_celery_processes_count_their_own_tasks(
    start: Start, exporter: Exporter, shared_server: Postgres, report_port: int, tmp_path: Path
) -> None:
    """Each process of the prefork pool counts its own tasks and sends a goodbye at a warm shutdown."""
    environment = {"QUEUE": str(tmp_path), "URL": reporting(shared_server, "psycopg2", report_port)}
    sending = start("2.1", "-c", "import tasks\nfor _ in range(20): tasks.order.delay()", env=environment)
    assert sending.wait(timeout=30) == 0
    process = start("2.1", "-A", "tasks", "worker", "-c", "2", module="celery", env=environment)
    workers = Workers(exporter, 0)

    def uses() -> float:
        wanted, app = "dbhealth_pool_use_seconds_count", ("pool", "app")
        return sum(v for (name, labels), v in exporter.samples().items() if name == wanted and app in labels)

    until(lambda: uses() == 20, within=40, what="every task counted")
    assert 1 <= workers.shown() <= 2
    process.terminate()
    until(lambda: workers.shown() == 0, within=20, what="goodbyes")
    assert workers.remembered() == 0
    assert uses() == 20


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()  # a request that timed out would be counted
    except OSError:
        return False
    return True
