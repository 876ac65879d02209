"""Applications in their own environments, and the exporter that receives their reports."""

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import StartExporter
from tests.reporter import environments
from tests.support.exporter import Exporter
from tests.support.ports import free_port
from tests.support.postgres import PASSWORD, Postgres
from tests.support.template import Template

APPLICATIONS = Path(__file__).parent / "applications"
DIALECTS = {"psycopg_async": "psycopg"}

Start = Callable[..., "subprocess.Popen[str]"]


class Reports:
    """Listens in the exporter's place, and keeps the reports as they were sent."""

    def __init__(self) -> None:
        """Take a free port."""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(10)
        self.port: int = self.socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"

    def next(self) -> dict[str, Any]:
        """Wait for the next report."""
        return json.loads(self.socket.recv(9000))  # type: ignore[no-any-return]

    def received(self) -> list[dict[str, Any]]:
        """Everything that has arrived since the last look."""
        found = []
        self.socket.setblocking(False)
        try:
            while True:
                found.append(self.next())
        except BlockingIOError:
            self.socket.settimeout(10)
            return found


@pytest.fixture
def reports(cleanup: ExitStack) -> Reports:
    """A listener for this test."""
    listening = Reports()
    cleanup.enter_context(listening.socket)
    return listening


@pytest.fixture(scope="session")
def shared_server(template: Template) -> Iterator[Postgres]:
    """A PostgreSQL that no test breaks."""
    server = template.copy()
    server.configure(max_connections=100)
    server.start()
    yield server
    server.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """A database without a server, for tests of reports alone."""
    return f"sqlite:///{tmp_path}/shop.db"


@pytest.fixture
def report_port() -> int:
    """The port on which this test's exporter listens for reports."""
    return free_port()


@pytest.fixture
def exporter(start_exporter: StartExporter, shared_server: Postgres, report_port: int) -> Exporter:
    """An exporter with short limits: 3 s for gauges and for a wedged pool."""
    return start_exporter(
        shared_server.url(),
        APP_POOL_LISTEN=f"127.0.0.1:{report_port}/udp",
        APP_POOL_TTL="3",
        APP_POOL_WEDGED_AFTER="3",
        FRESH_PROBE_INTERVAL="1",
    )


def url(server: Postgres, driver: str, **query: str) -> str:
    """The application's address of the database."""
    dialect = DIALECTS.get(driver, driver)
    parameters = "".join(f"&{key}={quote(value, safe='/:')}" for key, value in query.items())
    place = f"app:{quote(PASSWORD, safe='')}@{server.host}:{server.port}/app"
    return f"postgresql+{dialect}://{place}?{parameters.removeprefix('&')}"


def reporting(server: Postgres, driver: str, port: int, **query: str) -> str:
    """The same, with the plugin that reports ten times a second."""
    options = {"dbhealth_address": f"127.0.0.1:{port}", "dbhealth_interval": "0.1", **query}
    return url(server, driver, plugin="dbhealth", **options)


@pytest.fixture
def start(cleanup: ExitStack) -> Start:
    """Start a program in the environment of a SQLAlchemy version; it ends with the test."""

    def run(version: str, *arguments: str | Path, module: str | None = None, **options: Any) -> "subprocess.Popen[str]":
        prefix = options.pop("prefix", ())
        command: list[str | Path] = [*prefix, environments.python(version), "-W", "error::RuntimeWarning"]
        process = subprocess.Popen(
            [*command, *(["-m", module] if module else []), *arguments],
            cwd=options.pop("cwd", APPLICATIONS),
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **options.pop("env", {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )
        cleanup.callback(_end, process)
        return process

    return run


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, 9)
    process.communicate()
