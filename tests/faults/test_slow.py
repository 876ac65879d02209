"""The line is slow; and what a probe costs on it."""

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


def test_300_ms(driver: str, server: Postgres, proxy: Proxy, start_exporter: StartExporter) -> None:
    """At 300 ms a round trip the pooled probe just passes, a new connection cannot: `database_slow`."""
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
        assert 0.6 <= exporter.sample("dbhealth_probe_latency_seconds", path="pooled") <= 0.8
        proxy.latency = 0
        exporter.wait_for_verdict("healthy", within=4)


def test_900_ms(driver: str, server: Postgres, proxy: Proxy, start_exporter: StartExporter) -> None:
    """At 900 ms a round trip the query times out, and its late answer tells slow from dead."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=proxy.port))

    with unharmed(exporter, server):
        proxy.latency = 0.9
        fails(exporter, "query_timeout", verdict="database_slow", within=4)
        proxy.latency = 0
        recovers(exporter, within=3.5)


@pytest.mark.parametrize(
    ("wrong", "outcome"),
    [({"password": "wrong"}, "auth"), ({"database": "nowhere"}, "no_such_database")],
)
def test_refused_over_a_slow_line(
    driver: str,
    wrong: dict[str, str],
    outcome: str,
    server: Postgres,
    proxy: Proxy,
    start_exporter: StartExporter,
) -> None:
    """A refusal that takes half the time-out to come is named, though psycopg's cause takes as long once more."""
    proxy.latency = 0.08
    url = server.url(driver, host="127.0.0.1", port=proxy.port, **wrong)
    once = run("check", DATABASE_URL=url)
    exporter = start_exporter(url)

    assert once.returncode == 1
    assert re.search(r": (error|auth|no_such_database) in .*(authentication failed|does not exist)", once.stdout)
    for _ in range(3):
        exporter.wait_for(outcome, within=8)
    seen = exporter.outcomes()
    assert seen.pop("error", 0) <= (driver == "psycopg"), exporter.story()
    assert set(seen) == {outcome}, exporter.story()


def test_warm_probe_takes_two_round_trips(
    driver: str,
    server: Postgres,
    proxy: Proxy,
    start_exporter: StartExporter,
) -> None:
    """The ping and the question: one round trip each, no transaction around them, on one connection."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=proxy.port))
    warm(exporter)
    exporter.wait_for("success", within=3)
    turns, probes = proxy.turns, exporter.outcomes()["success"]
    for _ in range(3):
        exporter.wait_for("success", within=3)

    assert proxy.turns - turns <= 2 * (exporter.outcomes()["success"] - probes)
    assert proxy.accepted == 1
    assert server.sql("SELECT state, query FROM pg_stat_activity WHERE usename = 'app'")[0][0] == "idle"


def test_500_requests_a_second_cost_three_probes(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """Everybody who asks shares one reading: however many ask, the server hears of it seldom."""
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
