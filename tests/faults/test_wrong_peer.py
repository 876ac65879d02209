"""The peer on the port is no PostgreSQL server, or the connection to one breaks."""

import json
import re
from contextlib import ExitStack
from functools import partial

import pytest

from tests.conftest import StartExporter
from tests.fuzz import corpus
from tests.fuzz.server_bytes import Peer, Script
from tests.support import fake_servers, processes
from tests.support.background import Background, Listener
from tests.support.command import run
from tests.support.fault_assertions import fails, recovers, unharmed
from tests.support.postgres import SCHEMES, Postgres
from tests.support.proxy import Proxy
from tests.support.waiting import until

SOME_MEMORY, ALL_MEMORY = 1024 * 1024, 100 * 1024 * 1024  # bytes: from one probe to the next, and in all
FAKE_SERVERS = {
    fake_servers.http: "protocol",
    fake_servers.keep_alive_http: "protocol",
    fake_servers.garbage: "protocol",
    fake_servers.closing_at_once: "protocol",
    fake_servers.silent: "connect_timeout",
}


@pytest.fixture
def proxy(server: Postgres, background: Background, cleanup: ExitStack) -> Proxy:
    """A proxy in front of the server that the test can break."""
    made = Proxy(background, (server.host, server.port))
    cleanup.callback(made.close)
    return made


def test_peer_that_is_no_database_is_protocol_or_a_time_out(
    driver: str,
    server: Postgres,
    background: Background,
    cleanup: ExitStack,
    start_exporter: StartExporter,
) -> None:
    """A web server, garbage and a closed connection are `protocol`, silence a time-out, until a database answers."""
    urls, proxies, expected = {}, [], {}
    for fake_server, outcome in FAKE_SERVERS.items():
        listener = Listener(background, fake_server)
        proxy = Proxy(background, (listener.host, listener.port))
        cleanup.callback(listener.close)
        cleanup.callback(proxy.close)
        proxies.append(proxy)
        for sslmode in ("prefer", "disable"):
            name = f"{fake_server.__name__}-{sslmode}"
            urls[name] = server.url(driver, host="127.0.0.1", port=proxy.port, sslmode=sslmode)
            expected[name] = outcome
    exporter = start_exporter(DATABASES=json.dumps(urls))

    for name, outcome in expected.items():
        until(partial(exporter.outcomes, database=name), within=3, what=f"an outcome of {name}")
        assert set(exporter.outcomes(database=name)) == {outcome}, (name, exporter.log())
        assert exporter.verdict(name) == "database_down"
    for proxy in proxies:
        proxy.target = (server.host, server.port)
    until(lambda: exporter.health().status == 200, within=3.5, what="all well")
    assert server.sessions() == len(urls)


@pytest.mark.parametrize("answer", fake_servers.ENDLESS_ANSWERS)
@pytest.mark.sampled(1)
def test_endless_answer_takes_no_memory(
    driver: str,
    answer: str,
    background: Background,
    cleanup: ExitStack,
    start_exporter: StartExporter,
) -> None:
    """A peer that sends endless data before log-in is disconnected, and its data takes no memory."""
    listener = Listener(background, fake_servers.ENDLESS_ANSWERS[answer])
    cleanup.callback(listener.close)
    exporter = start_exporter(f"{SCHEMES[driver]}://app@{listener.host}:{listener.port}/app")

    # libpq reads notices as long as they come, and keeps none.
    outcome = "connect_timeout" if (driver, answer) == ("psycopg", "many notices") else "protocol"
    exporter.wait_for(outcome, within=4)
    before = processes.resident_bytes(exporter.process.pid, "VmHWM")
    exporter.wait_for(outcome, within=4)
    assert set(exporter.outcomes()) == {outcome}
    assert processes.resident_bytes(exporter.process.pid, "VmHWM") < min(before + SOME_MEMORY, ALL_MEMORY)


@pytest.mark.extended
def test_answer_cut_short_is_protocol(
    driver: str, server: Postgres, proxy: Proxy, start_exporter: StartExporter
) -> None:
    """A connection that breaks in the middle of every answer is `protocol`, and leaves nothing behind."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=proxy.port))

    with unharmed(exporter, server):
        proxy.cut_after = 3
        fails(exporter, "protocol", verdict="database_down")
        proxy.cut_after = None
        recovers(exporter)


@pytest.mark.extended
def test_failure_that_the_second_attempt_does_not_meet_is_error(
    server: Postgres, background: Background, cleanup: ExitStack
) -> None:
    """Where psycopg fails and asyncpg's attempt right after it succeeds, the outcome is `error` with libpq's text."""
    proxy = Proxy(background, (server.host, server.port))
    cleanup.callback(proxy.close)
    listener = Listener(
        background, fake_servers.one_after_the_other(fake_servers.closing_at_once, proxy.listener.serve)
    )
    cleanup.callback(listener.close)

    once = run("check", DATABASE_URL=server.url("psycopg", host="127.0.0.1", port=listener.port, sslmode="disable"))
    assert once.returncode == 1
    assert re.search(r": error in .*UnexplainedConnectError: .*server closed the connection unexpectedly", once.stdout)


@pytest.mark.extended
def test_reset_of_an_idle_connection_fails_no_probe(
    driver: str,
    server: Postgres,
    proxy: Proxy,
    start_exporter: StartExporter,
) -> None:
    """The ping replaces a connection that was reset while idle: no probe fails."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=proxy.port))

    with unharmed(exporter, server):
        proxy.listener.cut()
        for _ in range(2):
            exporter.wait_for("success", within=2)
        assert set(exporter.outcomes()) == {"success"}


@pytest.mark.parametrize(
    ("sqlstate", "message"),
    [("58000", "could not get connection from the pool - AllServersDown"), ("08004", "no"), ("08001", "no")],
)
@pytest.mark.sampled(1)
def test_pooler_without_servers_is_rejected(
    driver: str,
    sqlstate: str,
    message: str,
    background: Background,
    cleanup: ExitStack,
    start_exporter: StartExporter,
) -> None:
    """A log-in refused by an SQLSTATE without an outcome of its own is `rejected`, and the peer is quoted."""
    listener = Listener(background, fake_servers.refusing(sqlstate, message))
    cleanup.callback(listener.close)
    exporter = start_exporter(f"{SCHEMES[driver]}://app@{listener.host}:{listener.port}/app")

    fails(exporter, "rejected", verdict="database_down")
    assert message in exporter.health().text


def test_options_that_the_server_refuses_are_rejected(
    driver: str, server: Postgres, start_exporter: StartExporter
) -> None:
    """A setting in the URL that the server does not know (42704) is no defect of the exporter, as `error` would say."""
    exporter = start_exporter(server.url(driver, options="-c nosuch=1"))

    fails(exporter, "rejected", verdict="database_down")


def test_database_that_allows_no_connections_is_rejected(
    driver: str, server: Postgres, start_exporter: StartExporter
) -> None:
    """SQLSTATE 55000, for a database that allows no connections, is `rejected` until it allows them again."""
    exporter = start_exporter(server.url(driver), FRESH_PROBE_INTERVAL="0.5")

    with unharmed(exporter, server):
        server.sql("ALTER DATABASE app ALLOW_CONNECTIONS false", database="template1")
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'", database="template1")
        fails(exporter, "rejected", verdict="database_down", also=("shutting_down",))
        server.sql("ALTER DATABASE app ALLOW_CONNECTIONS true", database="template1")
        recovers(exporter)


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "name",
    [
        "empty-server-version",
        "command-tag-without-number",
        "error-without-fields",
        "session-ends-at-the-query",
        "session-is-reset-at-the-query",
    ],
)
def test_odd_answer_is_protocol_and_leaves_no_socket(
    driver: str, name: str, background: Background, cleanup: ExitStack, start_exporter: StartExporter
) -> None:
    """Bytes that follow the protocol only nearly are the peer's fault, at the log-in and in a query alike."""
    peer = Peer()
    peer.script = Script.from_json((corpus.FOLDER / "server_bytes" / f"{name}.json").read_bytes())
    listener = Listener(background, peer.serve)
    cleanup.callback(listener.close)
    exporter = start_exporter(f"{SCHEMES[driver]}://app@{listener.host}:{listener.port}/app")

    exporter.wait_for("protocol", within=4)
    sockets = exporter.holdings().sockets
    for _ in range(5):
        exporter.wait_for("protocol", within=4)
    assert set(exporter.outcomes()) == {"protocol"}
    until(lambda: exporter.holdings().sockets <= sockets, within=5, what="no socket is left")
    assert not exporter.complaints(), exporter.log()
