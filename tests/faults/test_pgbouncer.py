"""PgBouncer in transaction mode between the exporter and the server."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import psycopg
import pytest

from tests.conftest import StartExporter
from tests.support import command
from tests.support.fault_assertions import fails, recovers, unharmed
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PASSWORD, Postgres
from tests.support.server_factory import ServerFactory

CHECKS = 1000
TABLE = "dbhealth_heartbeat"


@pytest.fixture
def bouncer(server_factory: ServerFactory, server: Postgres, cleanup: ExitStack) -> PgBouncer:
    """Few server connections, given to whoever asks next."""
    made = PgBouncer(server_factory, server, default_pool_size=3, server_round_robin=1)
    cleanup.callback(made.close)
    return made


def through(bouncer: PgBouncer) -> "psycopg.Connection[object]":
    """Another client's connection."""
    return psycopg.connect(
        host="127.0.0.1",
        port=bouncer.port,
        dbname="app",
        user="app",
        password=PASSWORD,
        prepare_threshold=None,
    )


@contextmanager
def busy(bouncer: PgBouncer) -> Iterator[None]:
    """An application at work, so that the next statement may reach another server."""
    ended = threading.Event()

    def work() -> None:
        with closing(through(bouncer)) as connection:
            while not ended.wait(0.001):
                connection.execute("SELECT pg_sleep(0.002)")
                connection.commit()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        ended.set()
        for worker in workers:
            worker.join()


def test_a_thousand_checks(driver: str, server: Postgres, bouncer: PgBouncer, start_exporter: StartExporter) -> None:
    """Beside a busy application every check succeeds, though each statement may reach another server."""
    url = server.url(driver, host="127.0.0.1", port=bouncer.port)
    exporter = start_exporter(url, HEALTH_MAX_AGE="0", FRESH_PROBE_INTERVAL="0.1")

    with unharmed(exporter, bouncer), busy(bouncer):
        for _ in range(CHECKS):
            assert exporter.get("/healthz").status == 200, exporter.story()

    assert exporter.outcomes()["success"] >= CHECKS
    assert set(exporter.outcomes()) == set(exporter.outcomes("fresh")) == {"success"}
    assert exporter.log().count("prepared statement") == 0


def test_write_path(driver: str, server: Postgres, bouncer: PgBouncer, start_exporter: StartExporter) -> None:
    """Writes pass through it too, their time-out ends a wait on whichever server it is, and stays on none."""
    url = server.url(driver, host="127.0.0.1", port=bouncer.port)
    done = command.run("init-db", DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    exporter = start_exporter(url, WRITE_PROBE_INTERVAL="0.2")

    with unharmed(exporter, bouncer):
        with busy(bouncer):
            for _ in range(10):
                exporter.wait_for("success", path="write", within=3)
        assert set(exporter.outcomes("write")) == {"success"}
        assert server.value(f"SELECT count(*) FROM {TABLE}") == 1
        with closing(server.connect()) as other:
            other.autocommit = False
            other.execute(f"LOCK TABLE {TABLE}".encode())
            exporter.wait_for("query_timeout", path="write", within=5)
            exporter.wait_for_verdict("writes_blocked", within=1)
        exporter.wait_for("success", path="write", within=3.5)
        recovers(exporter)
    with ExitStack() as others:
        clients = [others.enter_context(closing(through(bouncer))) for _ in range(3)]
        found = [client.execute("SELECT current_setting('statement_timeout')") for client in clients]
        assert {row for cursor in found for row in cursor.fetchall()} == {("0",)}


def test_paused(driver: str, server: Postgres, bouncer: PgBouncer, start_exporter: StartExporter) -> None:
    """A paused PgBouncer keeps queries waiting: `query_timeout` until it resumes."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=bouncer.port))

    with unharmed(exporter, bouncer):
        bouncer.console("PAUSE app")
        fails(exporter, "query_timeout", verdict="database_down", also=("connect_timeout",))
        bouncer.console("RESUME app")
        recovers(exporter, within=3.5)


def test_no_server_connection_left(
    driver: str,
    server: Postgres,
    bouncer: PgBouncer,
    start_exporter: StartExporter,
) -> None:
    """Where others hold every server connection in transactions, a check waits in vain like anyone else."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=bouncer.port))

    with unharmed(exporter, bouncer):
        with ExitStack() as others:
            for _ in range(3):
                others.enter_context(closing(through(bouncer))).execute("SELECT 1")
            fails(exporter, "query_timeout", verdict="database_down", also=("connect_timeout",))
        recovers(exporter, within=3.5)


def test_no_client_connection_left(
    driver: str,
    server_factory: ServerFactory,
    server: Postgres,
    cleanup: ExitStack,
    start_exporter: StartExporter,
) -> None:
    """PgBouncer refuses the client beyond `max_client_conn` with its only code, 08P01: `protocol`."""
    bouncer = PgBouncer(server_factory, server, max_client_conn=1)
    cleanup.callback(bouncer.close)
    with closing(through(bouncer)):
        exporter = start_exporter(server.url(driver, host="127.0.0.1", port=bouncer.port))
        fails(exporter, "protocol", verdict="database_down")
    recovers(exporter)
    assert bouncer.sessions() == 1


@pytest.mark.parametrize(
    "wrong",
    [{"password": "wrong"}, {"database": "nowhere"}, {"options": "-c work_mem=64"}],
    ids=list,
)
def test_refused_by_the_pooler_itself(
    driver: str,
    server: Postgres,
    bouncer: PgBouncer,
    start_exporter: StartExporter,
    wrong: dict[str, str],
) -> None:
    """PgBouncer says what it refuses with 08P01 too: the advice names a pooler, and not a stranger on the port."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=bouncer.port, **wrong))

    fails(exporter, "protocol", verdict="database_down")
    assert "a pooler such as PgBouncer" in exporter.health().text


def test_server_behind_it_down(
    driver: str,
    server: Postgres,
    bouncer: PgBouncer,
    start_exporter: StartExporter,
) -> None:
    """PgBouncer itself answers when the server behind it does not: still a failure, and over when it is."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=bouncer.port))

    with unharmed(exporter, bouncer):
        server.stop("immediate")
        fails(exporter, "protocol", verdict="database_down", within=6, also=("query_timeout", "connect_timeout"))
        server.start()
        # PgBouncer itself waits `server_login_retry` (1 s here) before it tries its server again.
        recovers(exporter, within=4.5)
