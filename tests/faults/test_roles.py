"""The server answers and is not the one that the application needs."""

from contextlib import ExitStack

import pytest

from tests.conftest import StartExporter
from tests.servers.postgres import Postgres
from tests.servers.story import fails, recovers, stays_green, unharmed, warm


@pytest.fixture
def standby(server: Postgres, cleanup: ExitStack) -> Postgres:
    """A hot standby that follows the server."""
    made = server.standby()
    cleanup.callback(made.close)
    made.start()
    return made


def test_standby_where_a_primary_is_expected(driver: str, standby: Postgres, start_exporter: StartExporter) -> None:
    """A hot standby answers queries and fails the check; its promotion is seen on the open connection."""
    exporter = start_exporter(standby.url(driver), DATABASE_EXPECT="primary")

    fails(exporter, "read_only", verdict="wrong_role")
    backend = standby.value("SELECT pid FROM pg_stat_activity WHERE usename = 'app'")
    standby.promote()
    recovers(exporter)
    assert standby.value("SELECT pid FROM pg_stat_activity WHERE usename = 'app'") == backend


def test_demotion_under_a_warm_pool(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """A primary that comes back as a standby is the wrong server at the right address."""
    exporter = start_exporter(server.url(driver), DATABASE_EXPECT="primary")

    with unharmed(exporter, server):
        server.demote()
        fails(exporter, "read_only", verdict="wrong_role", also=("refused", "starting_up", "shutting_down"))
        server.promote()
        recovers(exporter)


def test_primary_where_a_replica_is_expected(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """Reports read from the primary are a wrong role too."""
    exporter = start_exporter(server.url(driver), DATABASE_EXPECT="replica")

    fails(exporter, "read_only", verdict="wrong_role")


def test_any_role_will_do_by_default(driver: str, standby: Postgres, start_exporter: StartExporter) -> None:
    """Without `DATABASE_EXPECT` a standby is as good as a primary."""
    exporter = start_exporter(standby.url(driver))
    warm(exporter)

    stays_green(exporter)
    assert exporter.sample("dbhealth_server_in_recovery") == 1
