"""Reports sent to a running exporter: who may send them, and when a silent process fails the application's liveness."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import StartExporter
from tests.reporter.datagrams import datagram, full
from tests.support.exporter import Exporter
from tests.support.network import Network
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.waiting import until

Send = Callable[[bytes], None]


def send_from(net: Network, port: int) -> None:
    """Send a report as another container does."""
    program = f"import socket; socket.socket(2, 2).sendto({datagram()!r}, ({net.outside!r}, {port}))"
    subprocess.run([*net.prefix, sys.executable, "-c", program], check=True)


def test_dropped_reports_name_the_setting(server: Postgres, start_exporter: StartExporter, net: Network) -> None:
    """Each report from elsewhere is counted; one line of the log says from where, and which setting allows it."""
    port = free_port()
    exporter = start_exporter(server.url(), APP_POOL_LISTEN=f"0.0.0.0:{port}/udp")

    def dropped() -> float:
        return exporter.sample("dbhealth_app_reports_rejected_total", reason="source")

    for _ in range(3):
        send_from(net, port)
    until(lambda: dropped() == 3, within=5, what="all were dropped")

    lines = [line for line in exporter.log().splitlines() if "APP_POOL_SOURCES" in line]
    assert len(lines) == 1
    assert net.inside in lines[0]


@pytest.mark.extended
def test_report_from_an_allowed_address_is_shown(server: Postgres, start_exporter: StartExporter, net: Network) -> None:
    """A report from an address that the setting names is shown."""
    port = free_port()
    sources = f"203.0.113.9, {net.inside}/30"
    exporter = start_exporter(server.url(), APP_POOL_LISTEN=f"0.0.0.0:{port}/udp", APP_POOL_SOURCES=sources)

    send_from(net, port)

    until(lambda: any(name == "dbhealth_pool_size" for name in names(exporter)), within=5, what="a pool")


def names(exporter: Exporter) -> list[str]:
    """The names of all series of the application's pools."""
    return [name for name, labels in exporter.samples() if dict(labels).get("pool") == "orders"]


@pytest.fixture
def port() -> int:
    """The port on which this test's exporter listens for reports."""
    return free_port()


@pytest.fixture
def exporter(server: Postgres, start_exporter: StartExporter, port: int) -> Exporter:
    """An exporter that calls a pool wedged after 2 s, and whose database is well."""
    exporter = start_exporter(
        server.url(),
        APP_POOL_LISTEN=f"127.0.0.1:{port}/udp",
        APP_POOL_TTL="4",
        APP_POOL_WEDGED_AFTER="4",
        FRESH_PROBE_INTERVAL="1",
    )
    exporter.wait_for("success", within=10)
    return exporter


@pytest.fixture
def send(port: int) -> Send:
    """Send a report as a process of the pod does."""

    def send(data: bytes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(data, ("127.0.0.1", port))

    return send


def report(kind: Callable[..., bytes], **fields: Any) -> bytes:
    """A report of a process that reports four times a second."""
    return kind(interval=0.25, **fields)


def test_frozen_worker_fails_liveness_until_its_successor_reports(exporter: Exporter, send: Send) -> None:
    """A frozen worker is wedged until its own successor reports, although another program of the pod reports."""
    began = time.time()
    send(report(full, pid=21, ppid=1, start=began - 60, pending=3))
    send(report(full, pid=21, ppid=1, start=began - 60, pending=3))

    def neighbour_reports_and_wedged() -> bool:
        send(report(datagram, pid=32, ppid=1, start=began + 1, pool="jobs"))
        return exporter.get("/app/livez").status == 503

    until(neighbour_reports_and_wedged, within=10, what="wedged", every=0.2)
    assert exporter.verdict() == "app_pool_wedged"

    send(report(datagram, pid=33, ppid=1, start=time.time()))
    until(lambda: exporter.get("/app/livez").status == 200, within=3, what="forgotten")


@pytest.mark.extended
def test_job_that_ends_without_a_goodbye_fails_no_liveness(exporter: Exporter, send: Send) -> None:
    """A job that ended by `os._exit` with its only connection in use, and no request waiting, is not wedged."""
    send(report(full, pid=os.getpid(), start=time.time(), size=1, max=1, checked_out=1, pending=0))

    limit = time.monotonic() + 11
    seen_silent = False
    while time.monotonic() < limit:
        assert exporter.get("/app/livez").status == 200
        seen_silent = seen_silent or any(exporter.samples("dbhealth_app_worker_silent").values())
        time.sleep(0.2)
    assert seen_silent
