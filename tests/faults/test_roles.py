"""The server answers and is not the one that the application needs."""

import re
import time
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conftest import StartExporter
from tests.support.background import Background
from tests.support.command import run
from tests.support.fault_assertions import fails, leaves_nothing_behind, recovers, stays_green, unharmed, warm
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


@pytest.mark.extended
def test_standby_fails_where_a_primary_is_expected(
    driver: str, standby: Postgres, start_exporter: StartExporter
) -> None:
    """A hot standby answers queries and fails the check, by a new connection each time, until it is promoted."""
    exporter = start_exporter(standby.url(driver), DATABASE_EXPECT="primary")

    fails(exporter, "read_only", verdict="wrong_role")
    until(lambda: standby.sessions() == 0, within=1, what="no session stays in the pool")
    standby.promote()
    recovers(exporter)
    leaves_nothing_behind(exporter, standby)


def test_demotion_under_a_warm_pool_is_wrong_role(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """A primary that comes back as a standby is `wrong_role`."""
    exporter = start_exporter(server.url(driver), DATABASE_EXPECT="primary")

    with unharmed(exporter, server):
        server.demote()
        fails(exporter, "read_only", verdict="wrong_role", also=("refused", "starting_up", "shutting_down"))
        server.promote()
        recovers(exporter)


@pytest.mark.extended
def test_failover_behind_a_slow_proxy_is_followed(
    driver: str,
    server: Postgres,
    standby: Postgres,
    background: Background,
    cleanup: ExitStack,
    start_exporter: StartExporter,
) -> None:
    """After a failover, a proxy that redirects only new connections, 3 s late, is followed within two intervals."""
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


@pytest.mark.extended
def test_primary_fails_where_a_replica_is_expected(
    driver: str, server: Postgres, start_exporter: StartExporter
) -> None:
    """A primary is the wrong role where a replica is expected, until a standby is behind the address."""
    exporter = start_exporter(server.url(driver), DATABASE_EXPECT="replica")

    fails(exporter, "read_only", verdict="wrong_role")
    server.demote()
    recovers(exporter)
    leaves_nothing_behind(exporter, server)


@pytest.mark.extended
def test_the_host_with_the_right_role_is_used(
    driver: str,
    server: Postgres,
    standby: Postgres,
    start_exporter: StartExporter,
) -> None:
    """Of several hosts the one that `target_session_attrs` asks for is used, also after a switchover."""
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


@pytest.mark.extended
def test_any_role_will_do_by_default(driver: str, standby: Postgres, start_exporter: StartExporter) -> None:
    """Without `DATABASE_EXPECT` a standby is as good as a primary."""
    exporter = start_exporter(standby.url(driver))
    warm(exporter)

    stays_green(exporter)
    assert exporter.sample("dbhealth_server_in_recovery") == 1


# Several hosts in one URL


def url_of_two_hosts(driver: str, first: Postgres, second: Postgres, **query: Any) -> str:
    """The URL that names two hosts."""
    place = f"{first.host}:{first.port}"
    return first.url(driver, **query).replace(place, f"{place},{second.host}:{second.port}")


@pytest.mark.extended
def test_frozen_first_host_leaves_time_for_the_second(
    driver: str, server: Postgres, standby: Postgres, start_exporter: StartExporter
) -> None:
    """A silent host uses up only its share of the time: the next one is tried within the same probe."""
    url = url_of_two_hosts(driver, standby, server)
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


@pytest.mark.extended
def test_first_host_uses_up_connect_timeout(driver: str, server: Postgres, standby: Postgres) -> None:
    """`connect_timeout` counts for each host, as in libpq."""
    standby.freeze()
    url = url_of_two_hosts(driver, standby, server, connect_timeout="1")
    once = run("check", DATABASE_URL=url, PROBE_TIMEOUT="5")

    assert re.match(r"app: success in [1-4]\d\d\d\.", once.stdout), once.stdout


@pytest.mark.extended
def test_two_slow_hosts_are_waited_for(
    driver: str, server: Postgres, background: Background, cleanup: ExitStack
) -> None:
    """A log-in may take longer than a host's share of the time, and no session stays behind."""
    proxy = Proxy(background, (server.host, server.port))
    cleanup.callback(proxy.close)
    proxy.latency = 0.4
    place = f"127.0.0.1:{proxy.port}"
    url = server.url(driver, host="127.0.0.1", port=proxy.port).replace(place, f"{place},{place}")
    once = run("check", DATABASE_URL=url, PROBE_TIMEOUT="3")

    assert once.stdout.startswith("app: success in "), once.stdout
    until(lambda: server.sessions() == 0, within=2, what="no session")


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("attributes", "role"),
    [("any", "replica"), ("read-write", "primary"), ("primary", "primary"), ("prefer-standby", "replica")],
)
def test_first_host_with_the_right_role_is_taken(
    driver: str, attributes: str, role: str, server: Postgres, standby: Postgres
) -> None:
    """The first host with the role that the URL asks for is taken."""
    url = url_of_two_hosts(driver, standby, server, target_session_attrs=attributes)
    once = run("check", DATABASE_URL=url, DATABASE_EXPECT=role)

    assert once.stdout.startswith("app: success in "), once.stdout


@pytest.mark.extended
def test_last_hosts_failure_is_reported(driver: str, server: Postgres, standby: Postgres) -> None:
    """Where every host fails, the last one's failure is reported."""
    url = url_of_two_hosts(driver, standby, server, password="wrong")
    server.stop("immediate")
    standby.stop("immediate")
    once = run("check", DATABASE_URL=url)

    assert once.stdout.startswith("app: refused in "), once.stdout


@pytest.mark.sampled(1)
@pytest.mark.parametrize("attribute", ["primary", "read-write"])
def test_no_primary_among_the_hosts_is_wrong_role(
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


@pytest.mark.extended
def test_no_standby_among_the_hosts_is_wrong_role(
    driver: str,
    server: Postgres,
    start_exporter: StartExporter,
) -> None:
    """`target_session_attrs=standby` with primaries only finds no host: the wrong role."""
    exporter = start_exporter(server.url(driver, target_session_attrs="standby"))

    fails(exporter, "read_only", verdict="wrong_role")
