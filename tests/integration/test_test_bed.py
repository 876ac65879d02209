"""The test bed itself: each fault that the other tests rely on is real."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import certificates, fake_servers, processes, reaper
from tests.support.background import Background, Listener
from tests.support.certificates import Authority
from tests.support.disk import TinyDisk
from tests.support.needs import need_root
from tests.support.network import Network
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PASSWORD, Postgres
from tests.support.proxy import Proxy
from tests.support.resolver import Behaviour, Resolver
from tests.support.server_factory import ServerFactory
from tests.support.template import Template
from tests.support.waiting import until

pytestmark = pytest.mark.extended  # every fault test would fail, too


def ask(server: Postgres, *, port: int | None = None, password: str = PASSWORD, **words: Any) -> object:
    """One query as role `app` over the network."""
    place: dict[str, Any] = {"host": server.host, "port": port or server.port, "connect_timeout": 2}
    with psycopg.connect(user="app", dbname="app", password=password, **place, **words) as connection:
        row = connection.execute("SELECT 1").fetchone()
    assert row is not None
    return row[0]


def test_server_starts_quickly_and_wants_the_password(server: Postgres) -> None:
    """A server starts from a copy; a connection over the network needs the password, over the socket it does not."""
    assert ask(server) == 1
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        ask(server, password="wrong")
    server.stop("fast")
    began = time.monotonic()
    server.start()

    assert time.monotonic() - began < 1
    assert server.value("SELECT 1") == 1
    assert server.sessions() == 0


def test_frozen_server_accepts_connections_and_answers_nothing(server: Postgres) -> None:
    """A connection to a frozen server is accepted, and gets no answer."""
    server.freeze()

    with socket.create_connection((server.host, server.port), timeout=1) as held:
        held.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")
        held.settimeout(0.2)
        with pytest.raises(TimeoutError):
            held.recv(1)
    server.thaw()
    assert ask(server) == 1


def test_settings_are_in_force_when_configure_returns(server: Postgres) -> None:
    """No test needs to sleep after changing a parameter."""
    server.configure(work_mem="123kB")
    assert server.value("SHOW work_mem") == "123kB"

    server.configure(work_mem=None)
    assert server.value("SHOW work_mem") == "4MB"


def test_killed_server_recovers(server: Postgres) -> None:
    """SIGKILL to all is a crash: the next start runs recovery."""
    server.sql("CREATE TABLE t AS SELECT 1 AS n")
    server.kill()
    with pytest.raises(psycopg.OperationalError, match="refused"):
        ask(server)
    server.start()

    assert ask(server) == 1


def test_standby_is_promoted_and_demoted(server: Postgres, cleanup: ExitStack) -> None:
    """A hot standby follows, becomes a primary, and becomes a standby again."""
    standby = server.standby()
    cleanup.callback(standby.close)
    standby.start()
    assert standby.value("SELECT pg_is_in_recovery()") is True
    standby.promote()
    assert standby.value("SELECT pg_is_in_recovery()") is False
    standby.demote()
    assert standby.value("SELECT pg_is_in_recovery()") is True


def test_network_drops_packets_and_refuses_routes(far_server: Postgres, net: Network) -> None:
    """Dropped packets are a timeout, a refused route an error at once; both end with `mend`."""
    assert ask(far_server) == 1
    net.drop()
    with pytest.raises(TimeoutError):
        socket.create_connection((far_server.host, far_server.port), timeout=0.3)
    net.mend()
    assert ask(far_server) == 1
    net.refuse_route()
    with pytest.raises(OSError, match="No route to host"):
        socket.create_connection((far_server.host, far_server.port), timeout=0.3)
    net.mend()
    assert ask(far_server) == 1


def test_network_disappears_with_its_holder(net: Network) -> None:
    """The network ends with the process that holds it."""
    net.close()

    def addresses() -> str:
        return subprocess.run(["ip", "address"], capture_output=True, text=True, check=True).stdout

    until(lambda: net.outside not in addresses(), within=5, what="the link is gone")


def test_proxy_counts_round_trips_and_adds_latency(
    server: Postgres,
    background: Background,
    cleanup: ExitStack,
) -> None:
    """A simple query is one round trip, and the latency is added once to each."""
    proxy = Proxy(background, (server.host, server.port))
    cleanup.callback(proxy.close)
    with psycopg.connect(
        host="127.0.0.1",
        port=proxy.port,
        user="app",
        password=PASSWORD,
        dbname="app",
        autocommit=True,
    ) as connection:
        cursor = psycopg.ClientCursor(connection)
        before = proxy.round_trips
        cursor.execute("SELECT 1")
        cursor.execute("SELECT 2")
        assert proxy.round_trips - before == 2
        proxy.latency = 0.3
        began = time.monotonic()
        cursor.execute("SELECT 3")
        assert 0.3 <= time.monotonic() - began < 0.6
        proxy.latency, proxy.cut_after = 0, 3
        with pytest.raises(psycopg.OperationalError):
            cursor.execute("SELECT 4")


def test_fake_servers_are_no_databases(server: Postgres, background: Background, cleanup: ExitStack) -> None:
    """A connection to a web server or to a silent peer fails."""
    listener = Listener(background, fake_servers.http)
    cleanup.callback(listener.close)
    with pytest.raises(psycopg.OperationalError, match="invalid response"):
        ask(server, port=listener.port)


@pytest.mark.parametrize("behaviour", Behaviour)
def test_resolver_answers_every_name(resolver: Resolver, behaviour: Behaviour) -> None:
    """Behind the prefix every name is resolved by the test's own server."""
    resolver.behaviour = behaviour
    code = "import socket; print(socket.getaddrinfo('db.example', 5432, socket.AF_INET)[0][4][0])"
    command = [*resolver.prefix, sys.executable, "-c", code]
    if behaviour is Behaviour.SILENT:
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run(command, capture_output=True, timeout=1, check=False)
    else:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
        assert done.stdout == ("127.0.0.1\n" if behaviour is Behaviour.KNOWN else ""), done.stderr
    assert resolver.questions > 0


@pytest.mark.extended
def test_certificates_work(tls_server: Postgres, authority: Authority, server_factory: ServerFactory) -> None:
    """`verify-full` accepts the server's certificate, and refuses an expired one."""
    folder = server_factory.folder("tls")
    root = certificates.write(folder, "root.pem", authority.certificate)
    assert ask(tls_server, sslmode="verify-full", sslrootcert=root) == 1
    tls_server.serve_tls(authority.server("127.0.0.1", days=-1))
    with pytest.raises(psycopg.OperationalError, match="certificate"):
        ask(tls_server, sslmode="verify-full", sslrootcert=root)


def test_pgbouncer_pauses(server_factory: ServerFactory, server: Postgres, cleanup: ExitStack) -> None:
    """PAUSE holds queries back until RESUME."""
    bouncer = PgBouncer(server_factory, server)
    cleanup.callback(bouncer.close)
    assert ask(server, port=bouncer.port) == 1
    bouncer.console("PAUSE app")
    paused = {row["name"]: row["paused"] for row in bouncer.console("SHOW DATABASES")}
    assert paused["app"] == 1
    bouncer.console("RESUME app")
    assert ask(server, port=bouncer.port) == 1


def test_tiny_disk_fills(template: Template, tiny_disk: TinyDisk, cleanup: ExitStack) -> None:
    """A tablespace on a full memory disk gives the real 53100, and stores rows again once there is room."""
    server = template.copy(prefix=tiny_disk.prefix)
    cleanup.callback(server.close)
    server.start()
    server.sql(f"CREATE TABLESPACE tiny LOCATION '{tiny_disk.path}'")
    server.sql("CREATE TABLE t (n text) TABLESPACE tiny")
    tiny_disk.fill(server)
    with pytest.raises(psycopg.errors.DiskFull):
        server.sql("INSERT INTO t SELECT repeat('x', 100) FROM generate_series(1, 100)")
    tiny_disk.clear(server)

    server.sql("INSERT INTO t SELECT repeat('x', 100) FROM generate_series(1, 100)")


@pytest.mark.extended
def test_killed_run_leaves_nothing() -> None:
    """A run that is killed leaves no process and no folder."""
    root = Path(__file__).parents[2]
    code = (
        "import time\nfrom tests.support.template import make_template\n"
        "from tests.support.server_factory import ServerFactory\n"
        "w = ServerFactory()\ns = make_template(w, w.binaries).copy()\ns.start()\ns.freeze()\n"
        "print(s.process.pid, w.home, flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        pid, home = run.stdout.readline().split()
        run.kill()

    until(lambda: not Path(home).exists(), within=10, what="the folder is gone")
    assert processes.title(int(pid)) == ""


# A shell in the background ignores SIGINT, and so would all that it starts.
INTERRUPTIBLE = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.mark.extended
def test_interrupted_run_leaves_nothing(server_factory: ServerFactory) -> None:
    """Ctrl-C in the middle of a fault ends servers, exporter, network and folder."""
    need_root()
    place = server_factory.folder("interrupted")
    test = "tests/faults/test_reach.py::test_dropped_packets_time_out_under_a_warm_pool[asyncpg]"
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "-q", "--all", "-p", "no:cacheprovider", test],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        until(lambda: list(place.glob("*/exporter*/log")), within=20, what="the exporter is started")
        folder = str(next(place.iterdir()))
        assert len(reaper.processes_inside(folder)) > 3
        run.send_signal(signal.SIGINT)
        output, _ = run.communicate(timeout=20)

    assert "KeyboardInterrupt" in output
    assert reaper.processes_inside(folder) == []
    assert list(place.iterdir()) == []
