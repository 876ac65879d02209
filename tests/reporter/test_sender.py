"""If reports cannot be sent, the application works as before, logs nothing and ends at once."""

import json
import os
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from db_health_reporter.sender import Sender

from tests.reporter.conftest import Reports, Start, url
from tests.support.needs import need_root, need_tools
from tests.support.network import Network
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.resolver import Behaviour, Resolver
from tests.support.server_factory import ServerFactory

KINDS = (("sync", "psycopg2"), ("async", "asyncpg"))
EXIT = 3.0  # seconds for an interpreter to end on a busy machine; waiting for a name server would take ten


@pytest.fixture(params=KINDS, ids=lambda kind: kind[0])
def kind(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Both kinds of engine."""
    return request.param  # type: ignore[no-any-return]


def work(start: Start, address: str, name: str, *, prefix: tuple[str, ...] = ()) -> int:
    """Run the application, check that it was not disturbed, and return how many reports could not be sent."""
    process = start("2.1", "unaffected.py", address, name, prefix=prefix)
    assert process.stdout is not None
    said = json.loads(process.stdout.readline() or "{}")
    began = time.monotonic()
    out, log = process.communicate(timeout=20)
    took = time.monotonic() - began

    assert (process.returncode, out) == (0, "")
    assert said["times"] > 20
    assert said["median"] < 0.05
    assert log.count("\n") <= 1, log
    assert took < EXIT
    return int(said["errors"])


def with_reports(server: Postgres, driver: str, to: str) -> str:
    """The database's address, with twenty reports a second to the given address."""
    return url(server, driver, plugin="dbhealth", dbhealth_interval="0.05", dbhealth_address=to)


@pytest.mark.sampled(1)
def test_missing_listener_does_not_disturb(start: Start, kind: tuple[str, str], shared_server: Postgres) -> None:
    """No socket is bound to the address."""
    work(start, with_reports(shared_server, kind[1], f"127.0.0.1:{free_port()}"), kind[0])


@pytest.mark.extended
def test_missing_socket_does_not_disturb(start: Start, kind: tuple[str, str], shared_server: Postgres) -> None:
    """The exporter has not made its socket's file yet."""
    errors = work(start, with_reports(shared_server, kind[1], "unix:/nowhere/reports"), kind[0])

    assert errors > 5


@pytest.mark.sampled(1)
def test_full_buffer_drops_the_report(
    start: Start,
    kind: tuple[str, str],
    shared_server: Postgres,
    server_factory: ServerFactory,
    cleanup: ExitStack,
) -> None:
    """While the exporter hangs and reads nothing, a report that would have to wait is dropped."""
    path = server_factory.folder("full") / "reports"
    hung = cleanup.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    hung.bind(str(path))

    assert work(start, with_reports(shared_server, kind[1], f"unix:{path}"), kind[0]) > 0


@pytest.mark.extended
def test_missing_permission_does_not_disturb(
    start: Start,
    kind: tuple[str, str],
    shared_server: Postgres,
    server_factory: ServerFactory,
    cleanup: ExitStack,
) -> None:
    """The socket belongs to another user."""
    need_root()
    need_tools("setpriv")
    path = server_factory.folder("private") / "reports"
    theirs = cleanup.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    theirs.bind(str(path))
    server_factory.give(path, mode=0o600)
    prefix = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")

    assert work(start, with_reports(shared_server, kind[1], f"unix:{path}"), kind[0], prefix=prefix) > 5


@pytest.mark.extended
def test_firewall_does_not_disturb(start: Start, shared_server: Postgres, net: Network) -> None:
    """A firewall makes each send fail with EPERM."""
    rules = "add table inet deny; add chain inet deny out { type filter hook output priority 0; }; "
    subprocess.run([*net.prefix, "nft", rules + "add rule inet deny out udp dport 9851 drop"], check=True)
    place = f"postgresql+psycopg2://postgres@/app?host={shared_server.data}&port={shared_server.port}"
    address = f"{place}&plugin=dbhealth&dbhealth_interval=0.05"

    assert work(start, address, "sync", prefix=tuple(net.prefix)) > 5


@pytest.mark.sampled(1)
def test_silent_name_server_does_not_disturb(
    start: Start,
    kind: tuple[str, str],
    shared_server: Postgres,
    resolver: Resolver,
) -> None:
    """Neither the application's work nor its end waits for a silent name server."""
    resolver.behaviour = Behaviour.SILENT
    to = "exporter.test:9851"

    work(start, with_reports(shared_server, kind[1], to), kind[0], prefix=tuple(resolver.prefix))

    assert resolver.questions > 0


def test_unknown_name_is_tried_again(start: Start, shared_server: Postgres, resolver: Resolver) -> None:
    """Each failed look-up is counted, and tried again."""
    resolver.behaviour = Behaviour.UNKNOWN
    to = "exporter.test:9851"

    assert work(start, with_reports(shared_server, "psycopg2", to), "sync", prefix=tuple(resolver.prefix)) > 1


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dbhealth_interval", "soon"),
        ("dbhealth_interval", "-1"),
        ("dbhealth_interval", "nan"),
        ("dbhealth_interval", "1e9"),
        ("dbhealth_leak_after", "never"),
        ("dbhealth_address", "nonsense"),
        ("dbhealth_address", "host:99999"),
    ],
)
def test_bad_value_is_one_warning(start: Start, shared_server: Postgres, name: str, value: str) -> None:
    """A bad value is one warning and replaced by the default; the driver does not get it."""
    process = start("2.1", "unaffected.py", url(shared_server, "psycopg2", plugin="dbhealth", **{name: value}), "sync")

    out, log = process.communicate(timeout=20)

    assert process.returncode == 0
    assert json.loads(out)["times"] > 20
    assert log.count("\n") == 1
    assert log.startswith(f"db_health_reporter {name} is n")


@pytest.mark.extended
def test_bad_value_of_many_engines_is_one_warning(start: Start, shared_server: Postgres) -> None:
    """Each bad value is one warning, however many engines the application makes."""
    environment = {"DBHEALTH_INTERVAL": "soon", "DBHEALTH_LEAK_AFTER": "never"}
    process = start(
        "2.1", "unaffected.py", url(shared_server, "psycopg2", plugin="dbhealth"), "several", env=environment
    )

    out, log = process.communicate(timeout=60)

    assert (process.returncode, out) == (0, "")
    assert [line.split(" is not ")[0] for line in log.splitlines()] == [
        "db_health_reporter dbhealth_interval",
        "db_health_reporter dbhealth_leak_after",
    ]


@pytest.mark.extended
def test_development_mode_finds_nothing_open(start: Start, shared_server: Postgres, reports: Reports) -> None:
    """With warnings as errors, engines that come and go and a child process leave nothing open."""
    address = with_reports(shared_server, "psycopg2", f"127.0.0.1:{reports.port}")
    process = start("2.1", "-X", "dev", "-W", "error", "unaffected.py", address, "several")

    out, log = process.communicate(timeout=60)

    assert (process.returncode, out, log) == (0, "", "")
    received = reports.received()
    assert len({report["pid"] for report in received}) == 2
    assert {report["pool"] for report in received} == {"app", "app-2", "app-3", "renamed"}


@pytest.mark.parametrize("taken", [True, False], ids=["another file has its number", "its number is free"])
def test_a_socket_closed_by_its_number_is_opened_anew(reports: Reports, *, taken: bool) -> None:
    """A daemon closes all its files so; what gets the number next, a session of the database, gets no report."""
    sender = Sender(reports.address)
    sender.send(b"1")
    assert sender._socket is not None
    number = sender._socket.fileno()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        os.close(number)
        if taken:
            os.dup2(ours.fileno(), number)
        sender.send(b"2")
        del sender

        assert [reports.socket.recv(10) for _ in range(2)] == [b"1", b"2"]
        with pytest.raises(BlockingIOError):
            theirs.recv(10)
        if taken:
            os.write(number, b"still open")
            assert theirs.recv(10) == b"still open"
            os.close(number)


def test_reporter_imports_nothing_of_the_exporter(tmp_path: Path, start: Start, shared_server: Postgres) -> None:
    """The reporter works where the exporter is not installed."""
    script = tmp_path / "alone.py"
    script.write_text(
        "import sys, sqlalchemy\n"
        "sqlalchemy.create_engine(sys.argv[1]).connect().close()\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('exporter', 'prometheus_client')])\n",
    )
    process = start("2.1", script, url(shared_server, "psycopg2", plugin="dbhealth"))

    assert process.communicate(timeout=20) == ("[]\n", "")
