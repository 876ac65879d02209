"""A slow line to the server, and a probe's cost in round trips."""

import math
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.conftest import StartExporter
from tests.support import client
from tests.support.background import Background
from tests.support.command import run
from tests.support.fault_assertions import fails, recovers, unharmed, warm
from tests.support.postgres import Postgres
from tests.support.proxy import Proxy


@pytest.fixture
def proxy(server: Postgres, background: Background, cleanup: ExitStack) -> Proxy:
    """A line to the server that the test can slow down."""
    made = Proxy(background, (server.host, server.port))
    cleanup.callback(made.close)
    return made


def test_round_trip_of_300_ms_is_database_slow(
    driver: str, server: Postgres, proxy: Proxy, start_exporter: StartExporter
) -> None:
    """At 300 ms a round trip the pooled probe just passes, and a new connection times out: `database_slow`."""
    url = server.url(driver, host="127.0.0.1", port=proxy.port)
    exporter = start_exporter(url, FRESH_PROBE_INTERVAL="0.5")

    with unharmed(exporter, server):
        proxy.latency = 0.3
        exporter.wait_for_verdict("database_slow", within=4)
        exporter.wait_for("connect_timeout", path="fresh", within=4)
        for _ in range(2):
            exporter.wait_for("success", within=2.5)
        assert set(exporter.outcomes()) == {"success"}
        assert exporter.health().status == 200
        assert 0.6 <= exporter.sample("dbhealth_probe_latency_seconds", path="pooled") < 1
        proxy.latency = 0
        exporter.wait_for_verdict("healthy", within=4)


@pytest.mark.extended
def test_round_trip_of_900_ms_is_query_timeout(
    driver: str, server: Postgres, proxy: Proxy, start_exporter: StartExporter
) -> None:
    """At 900 ms a round trip the query times out, and its late answer tells slow from dead."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=proxy.port))

    with unharmed(exporter, server):
        proxy.latency = 0.9
        fails(exporter, "query_timeout", verdict="database_slow", within=4)
        proxy.latency = 0
        recovers(exporter, within=3.5)


@pytest.mark.extended
@pytest.mark.parametrize(
    ("wrong", "outcome"),
    [({"password": "wrong"}, "auth"), ({"database": "nowhere"}, "no_such_database")],
)
def test_refusal_over_a_slow_line_is_named(
    driver: str,
    wrong: dict[str, str],
    outcome: str,
    server: Postgres,
    proxy: Proxy,
    start_exporter: StartExporter,
) -> None:
    """A refusal after half the time-out is named, though finding out psycopg's cause takes as long again."""
    proxy.latency = 0.08
    url = server.url(driver, host="127.0.0.1", port=proxy.port, **wrong)
    once = run("check", DATABASE_URL=url)
    exporter = start_exporter(url)

    assert once.returncode == 1
    assert re.search(r": (error|auth|no_such_database) in .*(authentication failed|does not exist)", once.stdout)
    for _ in range(3):
        exporter.wait_for(outcome, within=8)
    seen = exporter.outcomes()
    assert seen.pop("error", 0) <= (driver == "psycopg"), exporter.history()
    assert set(seen) == {outcome}, exporter.history()


@pytest.mark.extended
def test_warm_probe_takes_two_round_trips(
    driver: str,
    server: Postgres,
    proxy: Proxy,
    start_exporter: StartExporter,
) -> None:
    """The ping and the query take one round trip each, outside a transaction, on one connection."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=proxy.port))
    warm(exporter)
    exporter.wait_for("success", within=3)
    round_trips, probes = proxy.round_trips, exporter.outcomes()["success"]
    for _ in range(3):
        exporter.wait_for("success", within=3)

    assert proxy.round_trips - round_trips <= 2 * (exporter.outcomes()["success"] - probes)
    assert proxy.accepted == 1
    assert server.sql("SELECT state, query FROM pg_stat_activity WHERE usename = 'app'")[0][0] == "idle"


@pytest.mark.extended
def test_500_requests_a_second_cost_three_probes(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """Concurrent requests share one probe: the number of probes does not grow with the number of requests."""
    exporter = start_exporter(server.url(driver))
    warm(exporter)
    before = exporter.outcomes()["success"]

    def ask(_: int) -> int:
        return client.get(exporter.host, exporter.port, "/healthz").status

    began = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        statuses = set(pool.map(ask, range(500)))
    seconds = math.ceil(time.monotonic() - began)  # a loaded machine may need longer to ask 500 times
    assert statuses == {200}
    assert exporter.outcomes()["success"] - before <= 3 * seconds
