"""The exporter reads one page at a time, and cuts no answer, request or report short."""

import json
import socket
import sys
from pathlib import Path

import pytest

from tests.conftest import StartExporter
from tests.support import certificates
from tests.support.certificates import Authority
from tests.support.exporter import Exporter
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.waiting import until

# Runs as `python -c` in the exporter's place: the same program, which records the size of each of its reads.
TELL = """
import asyncio.selector_events, asyncio.sslproto, pathlib, sys
from asyncio.selector_events import _SelectorSocketTransport as Stream, _SelectorDatagramTransport as Datagram

class Heard:
    def __init__(self, sock):
        self._sock = sock
    def __getattr__(self, name):
        return getattr(self._sock, name)
    def recv(self, size):
        tell("stream", size)
        return self._sock.recv(size)
    def recvfrom(self, size):
        tell("datagram", size)
        return self._sock.recvfrom(size)

def tell(kind, size):
    with pathlib.Path("reads").open("a") as file:
        file.write(f"{kind} {size}\\n")

def heard(original):
    def read(self, *rest):
        sock, self._sock = self._sock, Heard(self._sock)
        try:
            return original(self, *rest)
        finally:
            if isinstance(self._sock, Heard):
                self._sock = sock
    return read

def told(original):
    def init(self, *rest, **named):
        original(self, *rest, **named)
        tell("tls", len(self._ssl_buffer))
    return init

Stream._read_ready__data_received = heard(Stream._read_ready__data_received)
Datagram._read_ready = heard(Datagram._read_ready)
asyncio.sslproto.SSLProtocol.__init__ = told(asyncio.sslproto.SSLProtocol.__init__)
sys.argv[0] = "exporter"
from exporter.cli.main import main
sys.exit(main(sys.argv[4:]))
"""


def reads(exporter: Exporter) -> dict[str, set[int]]:
    """The sizes in bytes that each kind of read asked for."""
    path = exporter.folder / "reads"
    found: dict[str, set[int]] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        kind, size = line.split()
        found.setdefault(kind, set()).add(int(size))
    return found


def report(port: int, *, bytes_in_all: int) -> None:
    """Send the exporter a report of this length."""
    content = {"v": 1, "pid": 7, "start": 1.0, "interval": 2.0, "pool": "orders", "database": "app", "filling": ""}
    content["filling"] = "x" * (bytes_in_all - len(json.dumps(content)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(json.dumps(content).encode(), ("127.0.0.1", port))


@pytest.mark.extended
def test_reads_are_small(
    tls_server: Postgres,
    authority: Authority,
    tmp_path: Path,
    start_exporter: StartExporter,
) -> None:
    """Requests, answers with and without TLS, and reports: none asks for 256 KiB, with which the heap would grow."""
    port = free_port()
    root = certificates.write(tmp_path, "root.crt", authority.certificate)
    url = tls_server.url(sslmode="verify-full", sslrootcert=root)
    exporter = start_exporter(url, prefix=(sys.executable, "-c", TELL), APP_POOL_LISTEN=f"127.0.0.1:{port}/udp")
    exporter.wait_for("success", within=10)
    report(port, bytes_in_all=200)
    until(lambda: len(reads(exporter)) == 3, within=5, what="every kind of read")

    assert reads(exporter) == {"stream": {4096}, "datagram": {16384}, "tls": {4096}}


@pytest.mark.extended
def test_reports_are_read_whole(server: Postgres, start_exporter: StartExporter) -> None:
    """A report of 8 KiB is taken, and a longer one is rejected as too long, not as broken."""
    port = free_port()
    exporter = start_exporter(server.url(), APP_POOL_LISTEN=f"127.0.0.1:{port}/udp")
    report(port, bytes_in_all=8192)
    until(lambda: exporter.samples("dbhealth_app_worker_silent"), within=5, what="the report is taken")

    for size in (8193, 16384, 16385, 40000):
        report(port, bytes_in_all=size)
    until(lambda: exporter.sample("dbhealth_app_reports_rejected_total") == 4, within=5, what="four rejections")
    assert exporter.sample("dbhealth_app_reports_rejected_total", reason="oversized") == 4
