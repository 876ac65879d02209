"""The server is there and does not let this client log in."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import StartExporter, StartPostgres
from tests.support.fault_assertions import fails, leaves_nothing_behind, recovers, stays_green, unharmed, warm
from tests.support.postgres import PASSWORD, Postgres
from tests.support.server_factory import ServerFactory


def set_password(server: Postgres, password: str) -> None:
    """Rotate the role's password on the server."""
    server.sql(f"ALTER ROLE app PASSWORD '{password}'")


def test_wrong_password_is_auth(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """A wrong password is `auth`, with the verdict `credentials_rejected`."""
    exporter = start_exporter(server.url(driver, password="wrong"))

    fails(exporter, "auth", verdict="credentials_rejected")
    assert "wrong" not in exporter.log().replace("wrong_role", "")
    set_password(server, "wrong")
    recovers(exporter)
    leaves_nothing_behind(exporter, server)


@pytest.mark.extended
def test_role_that_may_not_log_in_is_auth(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """A role that may not log in is `auth`."""
    server.sql("ALTER ROLE app NOLOGIN")
    exporter = start_exporter(server.url(driver))

    fails(exporter, "auth", verdict="credentials_rejected")
    server.sql("ALTER ROLE app LOGIN")
    recovers(exporter)
    leaves_nothing_behind(exporter, server)


@pytest.mark.extended
def test_address_that_pg_hba_does_not_allow_is_auth(
    driver: str, server: Postgres, start_exporter: StartExporter
) -> None:
    """A client that no line of pg_hba.conf allows is `auth`."""
    server.allow("host all all all reject")
    exporter = start_exporter(server.url(driver))

    fails(exporter, "auth", verdict="credentials_rejected")
    server.allow("host all all all scram-sha-256")
    recovers(exporter)
    leaves_nothing_behind(exporter, server)


@pytest.mark.extended
def test_pool_outlives_a_changed_password(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """Open connections survive a changed password: the pooled path stays green, the fresh one fails."""
    exporter = start_exporter(server.url(driver), FRESH_PROBE_INTERVAL="0.5")

    with unharmed(exporter, server):
        exporter.wait_for("success", path="fresh", within=3)
        set_password(server, "another")
        exporter.wait_for("auth", path="fresh", within=3)
        exporter.wait_for_verdict("credentials_rejected", within=1)
        stays_green(exporter)
        set_password(server, PASSWORD)
        exporter.wait_for("success", path="fresh", within=2.5)
        recovers(exporter)


def test_rotated_password_file_needs_no_restart(
    driver: str,
    server: Postgres,
    server_factory: ServerFactory,
    start_exporter: StartExporter,
) -> None:
    """A changed password file takes effect with the next connection, without a restart."""
    file = Path(server_factory.folder("secret")) / "url"
    file.write_text(server.url(driver) + "\n")
    exporter = start_exporter(DATABASE_URL_FILE=str(file), FRESH_PROBE_INTERVAL="0.5")

    with unharmed(exporter, server):
        set_password(server, "rotated")
        exporter.wait_for("auth", path="fresh", within=3)
        file.write_text(server.url(driver, password="rotated") + "\n")
        exporter.wait_for("success", path="fresh", within=2.5)
        recovers(exporter)


@pytest.mark.parametrize(("before", "after"), [("asyncpg", "psycopg"), ("psycopg", "asyncpg")])
@pytest.mark.extended
def test_another_driver_in_the_file_changes_the_address_only(
    before: str,
    after: str,
    server: Postgres,
    server_factory: ServerFactory,
    start_exporter: StartExporter,
) -> None:
    """A changed file takes effect without a restart even where it names another driver; only the driver stays."""
    file = Path(server_factory.folder("secret")) / "url"
    file.write_text(server.url(before))
    exporter = start_exporter(DATABASE_URL_FILE=str(file), FRESH_PROBE_INTERVAL="0.5")

    with unharmed(exporter, server):
        set_password(server, "rotated")
        file.write_text(server.url(after, password="rotated"))
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
        for path in ("fresh", "pooled", "pooled"):
            exporter.wait_for("success", path=path, within=2.5)
        idle = server.value("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%'")
        assert idle == 0
    assert f"a restart is needed for {after}" in exporter.log()
    assert set(exporter.outcomes()) <= {"success", "shutting_down"}, exporter.history()


UNUSABLE = {
    "DATABASE_URL_FILE names a file that does not exist": None,
    "DATABASE_URL_FILE names an empty file": "",
    "DATABASE_URL_FILE has the parameter service": "postgresql://app:hunter2@h/app?service=hunter3",
}


def test_lost_secret_file_is_misconfigured(
    driver: str,
    server: Postgres,
    server_factory: ServerFactory,
    start_exporter: StartExporter,
) -> None:
    """A file that is gone, empty or no address is a fault of the settings, and the advice names the one to mend."""
    file = Path(server_factory.folder("secret")) / "url"
    file.write_text(server.url(driver))
    exporter = start_exporter(DATABASE_URL_FILE=str(file), FRESH_PROBE_INTERVAL="0.5")
    warm(exporter)

    for words, content in UNUSABLE.items():
        file.unlink() if content is None else file.write_text(content)
        exporter.wait_for("misconfigured", path="fresh", within=3)
        exporter.wait_for("misconfigured", path="fresh", within=3)  # the first may have begun before the file changed
        exporter.wait_for_verdict("misconfigured", within=1)
        assert f"cannot use the address of the database that it was given: {words}" in exporter.health().text
        stays_green(exporter, probes=1)
    file.write_text(server.url(driver))
    exporter.wait_for("success", path="fresh", within=2.5)
    recovers(exporter)
    told = exporter.log() + "".join(answer.text for answer in exporter.answers)
    assert "hunter" not in told
    assert "Error: " not in told
    assert not exporter.complaints()


def test_missing_database_is_no_such_database(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """A missing database is `no_such_database` until it is created."""
    exporter = start_exporter(server.url(driver, database="missing"))

    fails(exporter, "no_such_database", verdict="database_down")
    server.sql("CREATE DATABASE missing")
    recovers(exporter)
    leaves_nothing_behind(exporter, server)


def test_full_server_keeps_the_pool_healthy(
    driver: str,
    start_postgres: StartPostgres,
    start_exporter: StartExporter,
) -> None:
    """On a full server the pooled path stays green and the fresh one is refused: verdict `server_full`."""
    server = start_postgres(max_connections=5, superuser_reserved_connections=2)
    exporter = start_exporter(server.url(driver), FRESH_PROBE_INTERVAL="0.5")

    with unharmed(exporter, server):
        exporter.wait_for("success", path="fresh", within=3)
        with closing(server.connect(user="app")), closing(server.connect(user="app")):
            exporter.wait_for("too_many_connections", path="fresh", within=3)
            exporter.wait_for_verdict("server_full", within=1)
            stays_green(exporter)
        exporter.wait_for("success", path="fresh", within=2.5)
        recovers(exporter)


@pytest.mark.extended
def test_full_server_from_the_start_is_too_many_connections(
    driver: str, start_postgres: StartPostgres, start_exporter: StartExporter
) -> None:
    """Where not even the pool has a connection, the pooled path fails with the server's own reason."""
    server = start_postgres(max_connections=5, superuser_reserved_connections=3)
    with closing(server.connect(user="app")), closing(server.connect(user="app")):
        exporter = start_exporter(server.url(driver))
        fails(exporter, "too_many_connections", verdict="server_full")
    recovers(exporter)
    leaves_nothing_behind(exporter, server)
