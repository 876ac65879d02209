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
def pgbouncer(server_factory: ServerFactory, server: Postgres, cleanup: ExitStack) -> PgBouncer:
    """A pool of few server connections."""
    made = PgBouncer(server_factory, server, default_pool_size=3, server_round_robin=1)
    cleanup.callback(made.close)
    return made


def connect_through(pgbouncer: PgBouncer) -> "psycopg.Connection[object]":
    """Another client's connection."""
    return psycopg.connect(
        host="127.0.0.1",
        port=pgbouncer.port,
        dbname="app",
        user="app",
        password=PASSWORD,
        prepare_threshold=None,
    )


@contextmanager
def busy_application(pgbouncer: PgBouncer) -> Iterator[None]:
    """An application at work: the check's next statement may get another server connection."""
    ended = threading.Event()

    def work() -> None:
        with closing(connect_through(pgbouncer)) as connection:
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


@pytest.mark.extended
def test_a_thousand_checks_succeed(
    driver: str, server: Postgres, pgbouncer: PgBouncer, start_exporter: StartExporter
) -> None:
    """Beside a busy application every check succeeds, though each statement may get another server connection."""
    url = server.url(driver, host="127.0.0.1", port=pgbouncer.port)
    exporter = start_exporter(url, HEALTH_MAX_AGE="0", FRESH_PROBE_INTERVAL="0.1")

    with unharmed(exporter, pgbouncer), busy_application(pgbouncer):
        for _ in range(CHECKS):
            assert exporter.get("/healthz").status == 200, exporter.history()

    assert exporter.outcomes()["success"] >= CHECKS
    assert set(exporter.outcomes()) == set(exporter.outcomes("fresh")) == {"success"}
    assert exporter.log().count("prepared statement") == 0


@pytest.mark.extended
def test_write_path_passes_through(
    driver: str, server: Postgres, pgbouncer: PgBouncer, start_exporter: StartExporter
) -> None:
    """Writes pass through too; their time-out ends a wait on any server connection and stays set on none."""
    url = server.url(driver, host="127.0.0.1", port=pgbouncer.port)
    done = command.run("init-db", DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    exporter = start_exporter(url, WRITE_PROBE_INTERVAL="0.2")

    with unharmed(exporter, pgbouncer):
        with busy_application(pgbouncer):
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
        clients = [others.enter_context(closing(connect_through(pgbouncer))) for _ in range(3)]
        found = [client.execute("SELECT current_setting('statement_timeout')") for client in clients]
        assert {row for cursor in found for row in cursor.fetchall()} == {("0",)}


def test_paused_pgbouncer_is_query_timeout(
    driver: str, server: Postgres, pgbouncer: PgBouncer, start_exporter: StartExporter
) -> None:
    """A paused PgBouncer keeps queries waiting: `query_timeout` until it resumes."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=pgbouncer.port))

    with unharmed(exporter, pgbouncer):
        pgbouncer.console("PAUSE app")
        fails(exporter, "query_timeout", verdict="database_down", also=("connect_timeout",))
        pgbouncer.console("RESUME app")
        recovers(exporter, within=3.5)


@pytest.mark.extended
def test_check_times_out_when_no_server_connection_is_left(
    driver: str,
    server: Postgres,
    pgbouncer: PgBouncer,
    start_exporter: StartExporter,
) -> None:
    """Where other clients hold every server connection in transactions, a check times out as any client would."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=pgbouncer.port))

    with unharmed(exporter, pgbouncer):
        with ExitStack() as others:
            for _ in range(3):
                others.enter_context(closing(connect_through(pgbouncer))).execute("SELECT 1")
            fails(exporter, "query_timeout", verdict="database_down", also=("connect_timeout",))
        recovers(exporter, within=3.5)


@pytest.mark.extended
def test_refused_client_beyond_the_limit_is_protocol(
    driver: str,
    server_factory: ServerFactory,
    server: Postgres,
    cleanup: ExitStack,
    start_exporter: StartExporter,
) -> None:
    """PgBouncer refuses the client beyond `max_client_conn` with its only code, 08P01: `protocol`."""
    pgbouncer = PgBouncer(server_factory, server, max_client_conn=1)
    cleanup.callback(pgbouncer.close)
    with closing(connect_through(pgbouncer)):
        exporter = start_exporter(server.url(driver, host="127.0.0.1", port=pgbouncer.port))
        fails(exporter, "protocol", verdict="database_down")
    recovers(exporter)
    assert pgbouncer.sessions() == 1


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "wrong",
    [{"password": "wrong"}, {"database": "nowhere"}, {"options": "-c work_mem=64"}],
    ids=list,
)
def test_refusal_by_pgbouncer_is_named_as_a_poolers(
    driver: str,
    server: Postgres,
    pgbouncer: PgBouncer,
    start_exporter: StartExporter,
    wrong: dict[str, str],
) -> None:
    """PgBouncer's own refusals carry 08P01 too: the advice names a pooler, not a peer that is no PostgreSQL."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=pgbouncer.port, **wrong))

    fails(exporter, "protocol", verdict="database_down")
    assert "a pooler such as PgBouncer" in exporter.health().text


@pytest.mark.extended
def test_stopped_server_behind_pgbouncer_fails_the_check(
    driver: str,
    server: Postgres,
    pgbouncer: PgBouncer,
    start_exporter: StartExporter,
) -> None:
    """A check fails while the server behind a running PgBouncer is down, and recovers with the server."""
    exporter = start_exporter(server.url(driver, host="127.0.0.1", port=pgbouncer.port))

    with unharmed(exporter, pgbouncer):
        server.stop("immediate")
        fails(exporter, "protocol", verdict="database_down", within=6, also=("query_timeout", "connect_timeout"))
        server.start()
        # PgBouncer itself waits `server_login_retry` (1 s here) before it tries its server again.
        recovers(exporter, within=4.5)
