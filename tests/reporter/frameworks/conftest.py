"""Applications of real frameworks, reported by DBHEALTH_INSTALL alone, and the exporter's metrics of them."""

import subprocess
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.reporter import environments
from tests.reporter.conftest import Start, url
from tests.support.exporter import Exporter
from tests.support.needs import need_tools
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.waiting import until

APPLICATIONS = Path(__file__).parent / "applications"
MAKING_THE_ENVIRONMENT = 900  # seconds

Environment = Callable[..., dict[str, str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Only `make test-all` runs these tests; the first one may have to make the environment."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("extended")
            item.add_marker(pytest.mark.timeout(MAKING_THE_ENVIRONMENT))


@pytest.fixture
def environment(shared_server: Postgres, report_port: int) -> Environment:
    """The environment of an application without the reporter in its code or URL."""

    def make(driver: str = "psycopg2", **more: str) -> dict[str, str]:
        return {
            "DATABASE_URL": url(shared_server, driver).removesuffix("?"),
            "DBHEALTH_INSTALL": "1",
            "DBHEALTH_ADDRESS": f"127.0.0.1:{report_port}",
            "DBHEALTH_INTERVAL": "0.2",
            "DBHEALTH_LEAK_AFTER": "1",
            "PYTHONPATH": str(APPLICATIONS),
            **more,
        }

    return make


@pytest.fixture
def redis(cleanup: ExitStack, tmp_path: Path) -> str:
    """The URL of a Redis for this test."""
    need_tools("redis-server")
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    cleanup.callback(server.wait)
    cleanup.callback(server.kill)
    return f"redis://127.0.0.1:{port}/0"


class WebServer:
    """A web server that runs the application, and the exporter beside it."""

    def __init__(self, exporter: Exporter, process: "subprocess.Popen[str]", port: int) -> None:
        """Wait until it answers."""
        self.exporter, self.process, self.port = exporter, process, port
        self.requests = 0
        until(self._answers, within=60, what="the web server answers", every=0.2)

    def get(self, path: str = "/") -> str:
        """Send one request; the answer's text is mostly the number of the process."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            return str(answer.read().decode())

    def get_often(self, times: int) -> set[str]:
        """Send requests in parallel; the numbers of the processes that answered."""
        with ThreadPoolExecutor(6) as threads:
            pids = set(threads.map(lambda _: self.get(), range(times)))
        self.requests += times
        return pids

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(self.process.communicate()[1][-4000:])
        try:
            return self.get("/alive") == "alive"
        except OSError:
            return False


Serve = Callable[..., WebServer]


@pytest.fixture
def serve(start: Start, exporter: Exporter, environment: Environment) -> Serve:
    """Start a web server by its module's name; `{port}` stands for its port."""

    def run(module: str, *arguments: str, driver: str = "psycopg2", **more: str) -> WebServer:
        port = free_port()
        filled = [argument.format(port=port) for argument in arguments]
        options: dict[str, Any] = {"cwd": APPLICATIONS, "env": environment(driver, **more)}
        if module == "uwsgi":  # a program, not a module
            program = environments.interpreter("frameworks").with_name("uwsgi")
            process = start("frameworks", program, *filled, **options)
        else:
            process = start("frameworks", *filled, module=module, **options)
        return WebServer(exporter, process, port)

    return run


def workers(exporter: Exporter, pool: str = "app") -> set[str]:
    """The workers whose gauges are shown."""
    name = "dbhealth_pool_checked_out_connections"
    return {dict(have)["worker"] for (_, have) in exporter.samples(name) if ("pool", pool) in have}


def silent(exporter: Exporter, pool: str = "app") -> list[float]:
    """For each worker that should report, whether it is silent."""
    name = "dbhealth_app_worker_silent"
    return [value for (_, have), value in exporter.samples(name).items() if ("pool", pool) in have]


def location(exporter: Exporter) -> str | None:
    """Where the oldest leaked connection was checked out."""
    found = [dict(have)["location"] for (_, have) in exporter.samples("dbhealth_pool_oldest_checkout_info")]
    return found[0] if found else None


def line_of(file: str, code: str, function: str) -> str:
    """The place of a line of code in an application: `shop.py:12 in leak`."""
    lines = (APPLICATIONS / file).read_text().splitlines()
    (number,) = (number for number, line in enumerate(lines, 1) if code in line)
    return f"{file}:{number} in {function}"
