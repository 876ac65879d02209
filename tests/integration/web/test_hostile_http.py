"""Hostile HTTP clients, slow, huge, broken or many: kubelet and Prometheus are still answered in time."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.conftest import StartExporter
from tests.support.client import StallDetector
from tests.support.exporter import Exporter
from tests.support.fault_assertions import recovers, unharmed, warm
from tests.support.postgres import Postgres
from tests.support.server_factory import ServerFactory
from tests.support.waiting import until

SECOND = 1.0


@pytest.fixture(scope="module")
def database(healthy_server: Postgres) -> Postgres:
    """One PostgreSQL for all of these tests."""
    return healthy_server


@pytest.fixture(scope="module")
def exporter(database: Postgres, server_factory: ServerFactory, stall_detector: StallDetector) -> Iterator[Exporter]:
    """One exporter for all of these tests: each must leave it as it was."""
    made = Exporter(server_factory, {"DATABASE_URL": database.url()}, stall_detector=stall_detector)
    warm(made)
    yield made
    made.close()


@contextmanager
def connect(exporter: Exporter) -> Iterator[socket.socket]:
    """Open a TCP connection to the exporter."""
    with socket.create_connection((exporter.host, exporter.port), timeout=5) as made:
        yield made


def read_all(connection: socket.socket) -> bytes:
    """Read until the connection closes or nothing comes for a second."""
    connection.settimeout(SECOND)
    got = b""
    try:
        while data := connection.recv(65536):
            got += data
    except (TimeoutError, ConnectionError):
        pass
    return got


def assert_still_serving(exporter: Exporter) -> None:
    """Assert that kubelet, Prometheus and people are answered in time."""
    for path in ("/healthz", "/livez", "/readyz", "/metrics", "/"):
        answer = exporter.get(path)
        assert answer.status == 200
        assert answer.seconds <= 0.9
    assert not exporter.complaints(), exporter.log()


BROKEN = {
    "nonsense": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "wrong version": b"GET /healthz HTTP/9.9\r\n\r\n",
    "no path": b"GET HTTP/1.1\r\n\r\n",
    "bare newline": b"\n\n\n\n",
    "nul in the path": b"GET /healthz\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "nul in a header": b"GET /healthz HTTP/1.1\r\nHost: x\x00y\r\n\r\n",
    "header without a colon": b"GET /healthz HTTP/1.1\r\nHost x\r\n\r\n",
    "negative length": b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": (
        b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "broken chunks": b"POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "huge path": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "huge header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    "ten thousand headers": b"GET /healthz HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    "huge cookie": b"GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: " + b"a=b; " * 20_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_request_gets_no_internal_detail(exporter: Exporter, database: Postgres, name: str) -> None:
    """A malformed request gets a 4xx or a closed connection, never a 5xx or an internal detail."""
    with unharmed(exporter, database):
        with connect(exporter) as bad:
            try:
                bad.sendall(BROKEN[name])
                bad.shutdown(socket.SHUT_WR)
            except OSError:  # cut off, or no longer connected
                pass
            got = read_all(bad)
        assert got == b"" or got.startswith((b"HTTP/1.0 4", b"HTTP/1.1 4")), got[:500]
        assert b"Traceback" not in got
        assert b"/exporter/" not in got
        assert_still_serving(exporter)


def test_wrong_method_or_path_gets_405_or_404(exporter: Exporter) -> None:
    """Other methods and paths get a short 404 or 405; HEAD is served."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
        answer = exporter.get("/healthz", method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET,HEAD"), method
        assert len(answer.text) < 200
    for path in ("/nowhere", "/healthz/x", "//healthz", "/../etc/passwd", "/%2e%2e/etc/passwd", "/metrics/"):
        answer = exporter.get(path)
        assert answer.status == 404, path
        assert len(answer.text) < 200
    for path in ("/healthz", "/readyz", "/livez", "/metrics"):
        answer = exporter.get(path, method="HEAD")
        assert (answer.status, answer.text) == (200, "")
    assert exporter.get("/healthz?database=nowhere").status == 404
    assert exporter.get("/healthz?database=%00%ff%0d%0aX:y").status == 404
    assert not exporter.complaints(), exporter.log()


def test_huge_body_is_not_read(exporter: Exporter) -> None:
    """A body of a gigabyte is refused before it is sent."""
    with connect(exporter) as bad:
        bad.sendall(b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        sent = 0
        try:
            bad.settimeout(SECOND)
            while sent < 50_000_000:
                bad.sendall(bytes(100_000))
                sent += 100_000
        except OSError:
            pass
    assert sent < 50_000_000
    assert_still_serving(exporter)


def test_500_idle_connections_delay_no_client(exporter: Exporter, database: Postgres) -> None:
    """Idle connections cost a socket each, delay no other client, and are freed when they close."""
    with unharmed(exporter, database):
        with ExitStack() as idle:
            for _ in range(500):
                idle.enter_context(connect(exporter))
            for _ in range(5):
                assert_still_serving(exporter)
                assert exporter.health().status == 200
        assert_still_serving(exporter)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("files", [128, 1024])
def test_more_connections_than_files_close_the_oldest(
    database: Postgres, start_exporter: StartExporter, files: int
) -> None:
    """More connections than files: the oldest are closed, so that probes and other clients have files."""
    limited = start_exporter(database.url(), prefix=("prlimit", f"--nofile={files}"), FRESH_PROBE_INTERVAL="1")
    warm(limited)
    with ExitStack() as idle:
        for number in range(1100):
            each = idle.enter_context(connect(limited))
            if number % 2:
                each.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
        for _ in range(5):
            assert_still_serving(limited)
        limited.wait_for("success", path="fresh", within=4)
        assert limited.holdings().sockets < files / 2
    assert set(limited.outcomes("fresh")) == {"success"}
    assert limited.log().count("accept") <= 1
    assert len(limited.log()) < 2000


def test_running_out_of_files_is_one_line(database: Postgres, start_exporter: StartExporter) -> None:
    """Running out of files is one line in the log; with files again, it serves again."""
    limited = start_exporter(database.url())
    warm(limited)
    pid = limited.process.pid
    usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limited.holdings().files, usual[1]))
    with ExitStack() as waiting:
        for _ in range(50):
            waiting.enter_context(connect(limited))
        until(
            lambda: "cannot accept connections: Too many open files" in limited.log(), within=5, what="the log says so"
        )
        time.sleep(3 * SECOND)  # the listener tries again every second
        resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
    until(lambda: limited.get("/livez").status == 200, within=5, what="it serves again")

    assert limited.log().count("accept") == 1
    assert not limited.complaints(), limited.log()


def test_500_slow_requests_delay_no_client(exporter: Exporter, database: Postgres) -> None:
    """Requests that arrive byte by byte delay no other client, even while the database hangs."""
    with unharmed(exporter, database):
        with ExitStack() as slow:
            lines = [slow.enter_context(connect(exporter)) for _ in range(500)]
            for byte in b"GET /healthz":
                for each in lines:
                    each.sendall(bytes([byte]))
            assert_still_serving(exporter)
            database.freeze()
            exporter.wait_for("query_timeout", within=4)
            database.thaw()
        recovers(exporter)


def test_slow_reader_delays_no_client(exporter: Exporter, database: Postgres) -> None:
    """A client that requests `/metrics` a thousand times and reads no answer delays no other client."""
    with unharmed(exporter, database), connect(exporter) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.settimeout(SECOND)
        try:
            for _ in range(1000):
                lazy.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        except TimeoutError:
            pass
        assert_still_serving(exporter)
        lazy.close()


def test_abandoned_request_leaves_nothing_behind(exporter: Exporter, database: Postgres) -> None:
    """A request that its client has given up, as a kubelet does after a second, leaves nothing behind."""
    with unharmed(exporter, database):
        database.freeze()
        for _ in range(50):
            with connect(exporter) as hasty:
                hasty.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        exporter.wait_for("query_timeout", within=4)
        database.thaw()
        recovers(exporter)
        until(lambda: exporter.get("/livez").status == 200, within=1, what="alive")
