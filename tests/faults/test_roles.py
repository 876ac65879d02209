"""The server answers and is not the one that the application needs."""

import re
import time
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conftest import StartExporter
from tests.support.background import Background
from tests.support.command import run
from tests.support.fault_assertions import bears_no_trace, fails, recovers, stays_green, unharmed, warm
from tests.support.postgres import Postgres
from tests.support.proxy import Proxy
from tests.support.waiting import until

TWO_INTERVALS = 1.5  # seconds: two of the tests' PROBE_INTERVAL, and what a probe takes


@pytest.fixture
def standby(server: Postgres, cleanup: ExitStack) -> Postgres:
    """A hot standby that follows the server."""
    made = server.standby()
    cleanup.callback(made.close)
    made.start()
    return made


def test_standby_where_a_primary_is_expected(driver: str, standby: Postgres, start_exporter: StartExporter) -> None:
    """A hot standby answers queries and fails the check, by a new connection each time, until it is promoted."""
    exporter = start_exporter(standby.url(driver), DATABASE_EXPECT="primary")

    fails(exporter, "read_only", verdict="wrong_role")
    until(lambda: standby.sessions() == 0, within=1, what="no session stays in the pool")
    standby.promote()
    recovers(exporter)
    bears_no_trace(exporter, standby)


def test_demotion_under_a_warm_pool(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """A primary that comes back as a standby is the wrong server at the right address."""
    exporter = start_exporter(server.url(driver), DATABASE_EXPECT="primary")

    with unharmed(exporter, server):
        server.demote()
        fails(exporter, "read_only", verdict="wrong_role", also=("refused", "starting_up", "shutting_down"))
        server.promote()
        recovers(exporter)


def test_failover_behind_a_slow_proxy(
    driver: str,
    server: Postgres,
    standby: Postgres,
    background: Background,
    cleanup: ExitStack,
    start_exporter: StartExporter,
) -> None:
    """A proxy that moves new connections only, 3 s after the failover, is followed within two intervals."""
    proxy = Proxy(background, (server.host, server.port))
    cleanup.callback(proxy.close)
    url = server.url(driver, host="127.0.0.1", port=proxy.port)
    exporter = start_exporter(url, DATABASE_EXPECT="primary", READINESS="gate")
    warm(exporter)

    standby.promote()
    server.demote()
    fails(exporter, "read_only", verdict="wrong_role", also=("refused", "starting_up", "shutting_down", "protocol"))
    time.sleep(3)
    assert exporter.get("/readyz").status == 503
    proxy.target = (standby.host, standby.port)
    until(lambda: exporter.get("/readyz").status == 200, within=TWO_INTERVALS, what="ready")
    recovers(exporter)
    until(lambda: (server.sessions(), standby.sessions()) == (0, 1), within=2, what="one session, on the new primary")


def test_primary_where_a_replica_is_expected(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """Reports read from the primary are a wrong role too, until a standby is behind the address."""
    exporter = start_exporter(server.url(driver), DATABASE_EXPECT="replica")

    fails(exporter, "read_only", verdict="wrong_role")
    server.demote()
    recovers(exporter)
    bears_no_trace(exporter, server)


def test_the_host_that_has_the_role(
    driver: str,
    server: Postgres,
    standby: Postgres,
    start_exporter: StartExporter,
) -> None:
    """Of several hosts the one that `target_session_attrs` asks for is used, also when the roles change places."""
    hosts = f"@{standby.host}:{standby.port},{server.host}:{server.port}/"
    url = server.url(driver, target_session_attrs="read-write").replace(f"@{server.host}:{server.port}/", hosts)
    exporter = start_exporter(url, DATABASE_EXPECT="primary", FRESH_PROBE_INTERVAL="0.5")

    with unharmed(exporter, server):
        exporter.wait_for("success", path="fresh", within=3)
        stays_green(exporter)
        assert server.sessions() >= 1
    server.stop("immediate")
    standby.promote()
    recovers(exporter)
    assert standby.sessions() >= 1


def test_any_role_will_do_by_default(driver: str, standby: Postgres, start_exporter: StartExporter) -> None:
    """Without `DATABASE_EXPECT` a standby is as good as a primary."""
    exporter = start_exporter(standby.url(driver))
    warm(exporter)

    stays_green(exporter)
    assert exporter.sample("dbhealth_server_in_recovery") == 1


# Several hosts in one URL


def both(driver: str, first: Postgres, second: Postgres, **query: Any) -> str:
    """The URL that names two hosts."""
    place = f"{first.host}:{first.port}"
    return first.url(driver, **query).replace(place, f"{place},{second.host}:{second.port}")


def test_first_host_is_frozen(driver: str, server: Postgres, standby: Postgres, start_exporter: StartExporter) -> None:
    """A silent host uses up its share of the time and no more: the next one is asked within the same probe."""
    url = both(driver, standby, server)
    standby.freeze()
    once = run("check", DATABASE_URL=url)
    told = run("check", "--explain", DATABASE_URL=url)
    exporter = start_exporter(url, FRESH_PROBE_INTERVAL="0.5")

    assert once.stdout.startswith("app: success in ")
    assert (told.returncode, "does not (no answer)" in told.stdout) == (0, True), told.stdout
    with unharmed(exporter, server):
        for _ in range(3):
            exporter.wait_for("success", path="fresh", within=2)
        assert exporter.outcomes().keys() | exporter.outcomes("fresh").keys() == {"success"}
        standby.thaw()
    until(lambda: standby.sessions() == 0, within=2, what="nothing left on the one that was frozen")


def test_first_host_uses_up_connect_timeout(driver: str, server: Postgres, standby: Postgres) -> None:
    """`connect_timeout` counts for each host, as in libpq."""
    standby.freeze()
    url = both(driver, standby, server, connect_timeout="1")
    once = run("check", DATABASE_URL=url, PROBE_TIMEOUT="5")

    assert re.match(r"app: success in [1-4]\d\d\d\.", once.stdout), once.stdout


def test_both_hosts_are_slow(driver: str, server: Postgres, background: Background, cleanup: ExitStack) -> None:
    """A log-in that takes longer than a host's share is waited for, and no session stays behind."""
    proxy = Proxy(background, (server.host, server.port))
    cleanup.callback(proxy.close)
    proxy.latency = 0.1
    place = f"127.0.0.1:{proxy.port}"
    url = server.url(driver, host="127.0.0.1", port=proxy.port).replace(place, f"{place},{place}")
    once = run("check", DATABASE_URL=url)

    assert once.stdout.startswith("app: success in "), once.stdout
    until(lambda: server.sessions() == 0, within=2, what="no session")


@pytest.mark.parametrize(
    ("attributes", "role"),
    [("any", "replica"), ("read-write", "primary"), ("primary", "primary"), ("prefer-standby", "replica")],
)
def test_role_of_two_hosts(driver: str, attributes: str, role: str, server: Postgres, standby: Postgres) -> None:
    """The first host with the role that the URL asks for is taken."""
    url = both(driver, standby, server, target_session_attrs=attributes)
    once = run("check", DATABASE_URL=url, DATABASE_EXPECT=role)

    assert once.stdout.startswith("app: success in "), once.stdout


def test_no_host_is_left(driver: str, server: Postgres, standby: Postgres) -> None:
    """Where every host fails, the last one's failure is told."""
    url = both(driver, standby, server, password="wrong")
    server.stop("immediate")
    standby.stop("immediate")
    once = run("check", DATABASE_URL=url)

    assert once.stdout.startswith("app: refused in "), once.stdout


@pytest.mark.parametrize("attribute", ["primary", "read-write"])
def test_no_host_is_what_the_url_asks_for(
    driver: str,
    server: Postgres,
    start_exporter: StartExporter,
    attribute: str,
) -> None:
    """After a failover that leaves a standby only, `target_session_attrs` finds no host: the wrong role."""
    exporter = start_exporter(server.url(driver, target_session_attrs=attribute))

    with unharmed(exporter, server):
        assert exporter.sample("dbhealth_server_in_recovery") == 0
        server.demote()
        fails(exporter, "read_only", verdict="wrong_role", also=("refused", "starting_up", "shutting_down"))
        assert not exporter.samples("dbhealth_server_in_recovery")
        server.promote()
        recovers(exporter)


def test_no_host_is_the_standby_that_the_url_asks_for(
    driver: str,
    server: Postgres,
    start_exporter: StartExporter,
) -> None:
    """Reports that must not burden a primary find nothing else."""
    exporter = start_exporter(server.url(driver, target_session_attrs="standby"))

    fails(exporter, "read_only", verdict="wrong_role")
