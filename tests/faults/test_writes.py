"""The server answers every query and stores no row: what only the write path can detect."""

from collections.abc import Callable
from contextlib import ExitStack, closing

import pytest

from tests.conftest import StartExporter
from tests.support import command
from tests.support.disk import TinyDisk
from tests.support.exporter import Exporter
from tests.support.fault_assertions import SESSIONS, leaves_nothing_behind, recovers, stays_green, unharmed
from tests.support.postgres import Postgres
from tests.support.template import Template

TABLE = "dbhealth_heartbeat"
StartWriting = Callable[[Postgres], Exporter]


@pytest.fixture
def start_writing(driver: str, start_exporter: StartExporter) -> StartWriting:
    """Prepare a server with `init-db` and start the exporter with the write path on."""

    def start(server: Postgres) -> Exporter:
        url = server.url(driver)
        done = command.run("init-db", DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
        exporter = start_exporter(url, WRITE_PROBE_INTERVAL="0.5")
        exporter.wait_for("success", path="write", within=5)
        return exporter

    return start


def writes_fail(exporter: Exporter, server: Postgres, outcome: str) -> None:
    """The write path has the outcome twice, sessions do not pile up, and `/healthz` stays green."""
    for _ in range(2):
        exporter.wait_for(outcome, path="write", within=5)
        assert server.sessions() <= SESSIONS
    exporter.wait_for_verdict("writes_blocked", within=1)
    stays_green(exporter, probes=1)


def writes_recover(exporter: Exporter) -> None:
    """The next write succeeds."""
    exporter.wait_for("success", path="write", within=3.5)
    recovers(exporter)


@pytest.mark.extended
def test_heartbeat_stays_one_row(server: Postgres, start_writing: StartWriting) -> None:
    """The write path keeps one row for each pod, however often it runs."""
    exporter = start_writing(server)

    with unharmed(exporter, server):
        for _ in range(2):
            exporter.wait_for("success", path="write", within=3)
        assert server.value(f"SELECT count(*) FROM {TABLE}") == 1


@pytest.mark.extended
def test_lock_on_the_table_blocks_writes(server: Postgres, start_writing: StartWriting) -> None:
    """A lock on the table blocks writes and no reads."""
    exporter = start_writing(server)

    with unharmed(exporter, server):
        with closing(server.connect()) as other:
            other.autocommit = False
            other.execute(f"LOCK TABLE {TABLE}".encode())
            writes_fail(exporter, server, "query_timeout")
        writes_recover(exporter)


def test_full_disk_blocks_writes(
    template: Template, tiny_disk: TinyDisk, cleanup: ExitStack, start_writing: StartWriting
) -> None:
    """A disk without room is `disk_full`, and it is over when there is room."""
    server = template.copy(prefix=tiny_disk.prefix)
    cleanup.callback(server.close)
    server.start()
    exporter = start_writing(server)

    with unharmed(exporter, server):
        server.sql(f"CREATE TABLESPACE tiny LOCATION '{tiny_disk.path}'")
        server.sql(f"ALTER TABLE {TABLE} SET TABLESPACE tiny")
        # A row that fills a page: each new version of it needs another page.
        server.sql(f"ALTER TABLE {TABLE} ADD padding text DEFAULT repeat('x', 7000)")
        server.sql(f"ALTER TABLE {TABLE} ALTER padding SET STORAGE PLAIN")
        tiny_disk.fill(server)
        writes_fail(exporter, server, "disk_full")
        tiny_disk.clear(server)
        writes_recover(exporter)


@pytest.mark.extended
def test_read_only_role_blocks_writes(server: Postgres, start_writing: StartWriting) -> None:
    """A role whose transactions are read-only by default is `writes_blocked` on a primary, not `wrong_role`."""
    exporter = start_writing(server)

    with unharmed(exporter, server):
        server.sql("ALTER ROLE app SET default_transaction_read_only = on")
        writes_fail(exporter, server, "read_only")
        server.sql("ALTER ROLE app RESET default_transaction_read_only")
        writes_recover(exporter)


def test_lost_synchronous_standby_blocks_writes(server: Postgres, start_writing: StartWriting) -> None:
    """Without its synchronous standby a primary answers queries and completes no commit."""
    exporter = start_writing(server)

    with unharmed(exporter, server):
        server.configure(synchronous_commit="on", synchronous_standby_names="gone")
        writes_fail(exporter, server, "query_timeout")
        server.configure(synchronous_standby_names="")
        writes_recover(exporter)


@pytest.mark.extended
def test_write_path_on_a_standby_is_wrong_role(server: Postgres, start_writing: StartWriting) -> None:
    """A primary that became a standby blocks writes because of its role: the verdict is `wrong_role`."""
    exporter = start_writing(server)

    with unharmed(exporter, server):
        server.demote()
        exporter.wait_for("read_only", path="write", within=5)
        exporter.wait_for_verdict("wrong_role", within=3)
        server.promote()
        writes_recover(exporter)


def test_missing_table_blocks_writes_and_fails_no_reads(
    driver: str, server: Postgres, start_exporter: StartExporter
) -> None:
    """Without `init-db` only the write path fails, and it needs no restart after `init-db`."""
    exporter = start_exporter(server.url(driver), WRITE_PROBE_INTERVAL="0.5")

    exporter.wait_for("error", path="write", within=5)
    exporter.wait_for_verdict("writes_blocked", within=1)
    assert "Run db-health-exporter init-db" in exporter.health().text
    assert "Run db-health-exporter init-db" in exporter.log()
    stays_green(exporter, probes=1)
    done = command.run("init-db", DATABASE_URL=server.url(driver))
    assert done.returncode == 0, done.stderr
    writes_recover(exporter)
    leaves_nothing_behind(exporter, server)
