"""The server is not there: stopped, frozen, behind a firewall, without a route, or without a name."""

import time
from contextlib import closing

import pytest

from tests.conftest import StartExporter
from tests.support import command
from tests.support.background import Background, Listener
from tests.support.fake_servers import http
from tests.support.fault_assertions import fails, leaves_nothing_behind, recovers, stays_green, unharmed
from tests.support.needs import need_root, need_tools
from tests.support.network import Network
from tests.support.ports import free_port
from tests.support.postgres import SCHEMES, Postgres
from tests.support.resolver import Behaviour, Resolver
from tests.support.server_factory import ServerFactory
from tests.support.waiting import until

# What a fault may show first: the query waits, or the abandoned run was about to connect again.
SLOWER = ("query_timeout", "connect_timeout")
# Ways in which the machine itself forbids a connection, inside a network of the command's own.
FORBIDDEN = {
    "EACCES": ("198.18.0.1", "ip route add prohibit 198.18.0.1"),
    "EINVAL": ("198.18.0.1", "ip route add blackhole 198.18.0.1"),
    "ENOPROTOOPT": (
        "127.0.0.9",
        """
        nft add table inet fault
        nft add chain inet fault output '{ type filter hook output priority 0; }'
        nft add rule inet fault output ip daddr 127.0.0.9 reject with icmp type prot-unreachable
        """,
    ),
}


def test_stopped_server_is_refused(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """A port without a listener is `refused`, until the server is back."""
    exporter = start_exporter(server.url(driver))

    with unharmed(exporter, server):
        server.stop("immediate")
        fails(exporter, "refused", verdict="database_down", also=("shutting_down", "starting_up"))
        server.start()
        recovers(exporter)


@pytest.mark.extended
def test_stopped_server_from_the_start(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """An exporter that starts before its database reports `refused`, and needs no restart when the database comes."""
    server.stop("immediate")
    exporter = start_exporter(server.url(driver))
    first = exporter.health()

    assert first.status == 503
    assert "refused" in first.text
    fails(exporter, "refused", verdict="database_down")
    server.start()
    recovers(exporter)
    leaves_nothing_behind(exporter, server)


def test_frozen_server_times_out_under_a_warm_pool(
    driver: str, server: Postgres, start_exporter: StartExporter
) -> None:
    """With a frozen server every answer comes by the deadline; the waiting connection is given up later."""
    exporter = start_exporter(server.url(driver))

    with unharmed(exporter, server):
        server.freeze()
        fails(exporter, "query_timeout", verdict="database_down")
        exporter.wait_for("connect_timeout", within=5)
        assert exporter.sample("dbhealth_abandoned_connections_total") >= 1
        server.thaw()
        recovers(exporter)


@pytest.mark.extended
def test_short_freeze_keeps_the_connection(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """A server that answers late was slow, not dead: the connection is kept."""
    exporter = start_exporter(server.url(driver))

    with unharmed(exporter, server):
        backend = server.value("SELECT pid FROM pg_stat_activity WHERE usename = 'app'")
        server.freeze()
        exporter.wait_for("query_timeout", within=3)
        server.thaw()
        recovers(exporter)
        assert server.value("SELECT pid FROM pg_stat_activity WHERE usename = 'app'") == backend


@pytest.mark.extended
def test_frozen_server_times_out_from_the_start(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """The first answer after the start is in time too, though no connection was ever made."""
    server.freeze()
    exporter = start_exporter(server.url(driver))
    first = exporter.health()

    assert first.status == 503
    assert "connect_timeout" in first.text
    fails(exporter, "connect_timeout", verdict="database_down")
    server.thaw()
    recovers(exporter)
    leaves_nothing_behind(exporter, server)


@pytest.mark.extended
def test_connect_timeout_of_the_url_ends_a_connect(
    driver: str, server: Postgres, start_exporter: StartExporter
) -> None:
    """A `connect_timeout` in the URL that is shorter than a probe ends its connect, as it would an application's."""
    server.freeze()
    limit = 10.0
    url = server.url(driver, connect_timeout="1")
    exporter = start_exporter(url, PROBE_TIMEOUT=str(limit), PROBE_INTERVAL=str(limit))
    until(lambda: "connect_timeout" in exporter.outcomes(), within=2 * limit, what="the end of a connect")

    assert 1 <= exporter.sample("dbhealth_probe_latency_seconds", path="pooled") < limit
    assert exporter.get("/healthz?verbose").status == 503
    assert "no answer within" not in exporter.get("/healthz?verbose").text
    server.thaw()
    until(lambda: exporter.get("/healthz").status == 200, within=2 * limit, what="the next probe passes")


@pytest.mark.extended
def test_dropped_packets_time_out_under_a_warm_pool(
    driver: str,
    far_server: Postgres,
    net: Network,
    start_exporter: StartExporter,
) -> None:
    """A firewall that swallows packets is a timeout: first of the query, then of new connections."""
    exporter = start_exporter(far_server.url(driver))

    with unharmed(exporter, far_server):
        net.drop()
        fails(exporter, "query_timeout", verdict="database_down")
        exporter.wait_for("connect_timeout", within=5)
        net.mend()
        # TCP repeats a lost packet after 1 s, and a handshake that was abandoned is not repeated at all.
        recovers(exporter, within=3.5)


def test_dropped_packets_from_the_start_are_connect_timeout(
    driver: str,
    far_server: Postgres,
    net: Network,
    start_exporter: StartExporter,
) -> None:
    """A firewall in the way of the first connection is `connect_timeout`."""
    net.drop()
    exporter = start_exporter(far_server.url(driver))

    fails(exporter, "connect_timeout", verdict="database_down")
    net.mend()
    recovers(exporter, within=3.5)
    leaves_nothing_behind(exporter, far_server)


def test_no_route_from_the_start_is_unreachable(
    driver: str,
    far_server: Postgres,
    net: Network,
    start_exporter: StartExporter,
) -> None:
    """A network that knows no way to the server is `unreachable`, at once."""
    net.refuse_route()
    exporter = start_exporter(far_server.url(driver))

    fails(exporter, "unreachable", verdict="database_down")
    assert exporter.sample("dbhealth_probe_latency_seconds", path="pooled") < 0.5
    net.mend()
    recovers(exporter)
    leaves_nothing_behind(exporter, far_server)


@pytest.mark.parametrize("error", FORBIDDEN)
def test_connection_forbidden_by_the_machine_itself_is_unreachable(driver: str, error: str) -> None:
    """A route or firewall rule of the machine itself that lets nothing out is `unreachable`, whatever its errno."""
    need_root()
    need_tools("ip", "nft", "unshare")
    address, rules = FORBIDDEN[error]
    script = f'set -e; ip link set lo up; {rules}\nexec "$@"'
    prefix = ("unshare", "--net", "sh", "-c", script, "sh")

    done = command.run("check", prefix=prefix, DATABASE_URL=f"{SCHEMES[driver]}://app:x@{address}/app")

    assert done.returncode == 1
    assert "unreachable" in done.stdout, done


@pytest.mark.extended
def test_no_route_times_out_first_under_a_warm_pool(
    driver: str,
    far_server: Postgres,
    net: Network,
    start_exporter: StartExporter,
) -> None:
    """An open connection survives a lost route, so a query times out first; a new connection names the cause."""
    exporter = start_exporter(far_server.url(driver))

    with unharmed(exporter, far_server):
        net.refuse_route()
        # With psycopg a refusal that comes just before the deadline has libpq's text and no outcome of its own yet.
        unnamed = ("error",) if driver == "psycopg" else ()
        fails(exporter, "unreachable", verdict="database_down", within=6, also=SLOWER + unnamed)
        net.mend()
        recovers(exporter)


def test_unknown_name_is_dns(driver: str, server: Postgres, resolver: Resolver, start_exporter: StartExporter) -> None:
    """A name that does not exist is `dns`; once it does, the exporter connects."""
    resolver.behaviour = Behaviour.UNKNOWN
    exporter = start_exporter(server.url(driver, host="db.example"), prefix=resolver.prefix)

    fails(exporter, "dns", verdict="database_down")
    resolver.behaviour = Behaviour.KNOWN
    recovers(exporter)
    leaves_nothing_behind(exporter, server)


def test_silent_resolver_is_dns_and_holds_up_no_exit(
    driver: str,
    server: Postgres,
    resolver: Resolver,
    start_exporter: StartExporter,
) -> None:
    """A name server that never answers is `dns`, costs at most two threads, and delays no exit."""
    resolver.behaviour = Behaviour.SILENT
    exporter = start_exporter(server.url(driver, host="db.example"), prefix=resolver.prefix)
    first = exporter.health()
    assert "dns" in first.text
    fails(exporter, "dns", verdict="database_down")
    for _ in range(5):
        exporter.wait_for("dns", within=3)
    assert exporter.holdings().threads <= 3

    began = time.monotonic()
    assert exporter.terminate() == 0
    assert time.monotonic() - began < 3


@pytest.mark.extended
def test_exporter_recovers_from_a_silent_resolver(
    driver: str, server: Postgres, resolver: Resolver, start_exporter: StartExporter
) -> None:
    """When the name server answers again, the exporter recovers before the C library repeats its question."""
    resolver.behaviour = Behaviour.SILENT
    exporter = start_exporter(server.url(driver, host="db.example"), prefix=resolver.prefix)
    fails(exporter, "dns", verdict="database_down")
    resolver.behaviour = Behaviour.KNOWN
    # The C library repeats its question after 5 s (resolv.conf(5)); the exporter asks anew after 3.
    recovers(exporter, within=5)
    leaves_nothing_behind(exporter, server, within=7)  # no thread waits for a look-up any more


@pytest.mark.extended
def test_lost_name_fails_only_the_fresh_path(
    driver: str,
    server: Postgres,
    resolver: Resolver,
    start_exporter: StartExporter,
) -> None:
    """An open connection needs no name: the pooled path stays green, and only the fresh path fails."""
    url = server.url(driver, host="db.example")
    exporter = start_exporter(url, prefix=resolver.prefix, FRESH_PROBE_INTERVAL="0.5")

    with unharmed(exporter, server, within=7):  # as long as a look-up may last
        for mood in (Behaviour.UNKNOWN, Behaviour.SILENT):
            resolver.behaviour = mood
            exporter.wait_for("dns", path="fresh", within=4)
            stays_green(exporter)
        resolver.behaviour = Behaviour.KNOWN
        exporter.wait_for("success", path="fresh", within=5)  # as after the silent resolver above
        recovers(exporter)


@pytest.mark.parametrize("sslmode", ["prefer", "require"])
def test_outcome_of_two_hosts_is_the_last_ones(driver: str, background: Background, sslmode: str) -> None:
    """The outcome is that of the last host's error, not of the first one's."""
    with closing(Listener(background, http)) as other:
        hosts = f"127.0.0.1:{free_port()},127.0.0.1:{other.port}"
        url = f"{SCHEMES[driver]}://app:x@{hosts}/app?sslmode={sslmode}"
        done = command.run("check", DATABASE_URL=url)

    assert "refused" not in done.stdout, done
    assert ("tls" if sslmode == "require" else "protocol") in done.stdout, done


@pytest.mark.extended
def test_refusals_of_two_addresses_keep_their_name(
    driver: str, server: Postgres, server_factory: ServerFactory
) -> None:
    """The errors of several addresses, which asyncio joins into one without an errno, still have an outcome."""
    need_root()
    hosts = server_factory.folder("names") / "hosts"
    hosts.write_text("127.0.0.2 db.example\n127.0.0.3 db.example\n")
    prefix = ("unshare", "--mount", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh")
    alone = server.url(driver, host="db.example", port=free_port())
    beside = server.url(driver, host=f"db.example:{free_port()},127.0.0.1", target_session_attrs="standby")

    refused = command.run("check", prefix=prefix, DATABASE_URL=alone)
    other = command.run("check", prefix=prefix, DATABASE_URL=beside)

    assert "refused" in refused.stdout, refused
    assert "read_only" in other.stdout, other  # the last host's failure is the one reported
