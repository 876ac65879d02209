"""Each driver does what the package needs of it, and the private names in use have kept their meaning."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import asyncpg
import psycopg
import pytest
from asyncpg import protocol

from exporter.database.drivers import asyncpg_driver
from exporter.database.drivers.base import PING_QUERY, RECOVERY_QUERY, Driver, load_driver, with_driver
from exporter.dsn import Source, Target
from tests.support import fake_servers
from tests.support.background import Background, Listener
from tests.support.postgres import Postgres
from tests.support.waiting import until


@pytest.fixture(scope="module")
def server(healthy_server: Postgres) -> Postgres:
    """A server that these tests leave as it was."""
    return healthy_server


@pytest.fixture
def errors() -> list[str]:
    """The SQLSTATEs that the driver has reported."""
    return []


@pytest.fixture
def loaded(driver: str, errors: list[str]) -> Driver:
    """Each driver in turn."""
    return load_driver(driver, errors.append)


@pytest.fixture
async def connection(loaded: Driver, driver: str, server: Postgres) -> AsyncIterator[Any]:
    """A connection of the driver's own."""
    made = await loaded.connect(target(server, driver))
    yield made
    loaded.abort(made)


def target(server: Postgres, driver: str) -> Target:
    """The server's address."""
    return Source(url=server.url(driver)).target()


def terminate_sessions(server: Postgres) -> None:
    """End the exporter's sessions with SQLSTATE 57P01, and wait until they are gone."""
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
    until(lambda: server.sessions() == 0, within=2, what="no session")


# Both drivers


async def test_queries_leave_no_transaction_open(loaded: Driver, connection: Any, server: Postgres) -> None:
    """Rows are counted, the role is found, and no transaction is left open."""
    await loaded.ping(connection)

    assert await loaded.count_rows(connection, PING_QUERY) == 1
    assert await loaded.count_rows(connection, RECOVERY_QUERY) == 0
    assert await loaded.count_rows(connection, "select generate_series(1, 12)") == 12
    assert await loaded.is_in_recovery(connection) is False
    assert server.value("SELECT state FROM pg_stat_activity WHERE usename = 'app'") == "idle"


async def test_server_version_is_the_servers(loaded: Driver, connection: Any, server: Postgres) -> None:
    """The major version is the server's own."""
    number = int(server.value("SELECT current_setting('server_version_num')"))

    assert loaded.server_version(connection)[0] == number // 10000


async def test_abort_closes_the_connection_at_once(loaded: Driver, connection: Any, server: Postgres) -> None:
    """An aborted connection is closed at once, and aborting it again is no error."""
    loaded.abort(connection)
    loaded.abort(connection)

    until(lambda: server.sessions() == 0, within=2, what="no session")


async def test_sqlstate_that_ends_a_session_is_reported(
    loaded: Driver,
    connection: Any,
    server: Postgres,
    errors: list[str],
) -> None:
    """The SQLSTATE by which a server ends an idle session is reported with the next query at the latest."""
    terminate_sessions(server)
    with pytest.raises((psycopg.Error, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await loaded.ping(connection)

    assert errors == ["57P01"]


async def test_sqlstate_of_a_failed_query_is_reported(loaded: Driver, connection: Any, errors: list[str]) -> None:
    """The SQLSTATE of a failed query is reported too, and the connection stays usable."""
    with pytest.raises((psycopg.Error, asyncpg.PostgresError)):
        await loaded.count_rows(connection, "select 1 from missing")

    assert errors == ["42P01"]
    await loaded.ping(connection)


def test_parameters_of_the_other_driver_are_left_out(server: Postgres) -> None:
    """Parameters that only one driver knows are left out for the other."""
    url = server.url("psycopg", channel_binding="disable")

    assert with_driver(Source(url=url).target(), "asyncpg").other == ()


# asyncpg's private names


async def test_every_connection_is_guarded(server: Postgres) -> None:
    """Asyncpg makes its protocol from the replaced name, and keeps it in the attribute that gets the callback."""
    made = await asyncpg_driver.connect(target(server, "asyncpg"))

    assert protocol.Protocol is asyncpg_driver.GuardedProtocol
    assert type(made._protocol) is asyncpg_driver.GuardedProtocol
    made.terminate()


async def test_error_on_an_idle_connection_is_reported_at_once(server: Postgres, errors: list[str]) -> None:
    """Asyncpg's protocol reports what the server sends unasked, at once."""
    made = await asyncpg_driver.Driver(errors.append).connect(target(server, "asyncpg"))
    terminate_sessions(server)
    for _ in range(100):
        if errors:
            break
        await asyncio.sleep(0.02)

    assert errors == ["57P01"]
    made.terminate()


@pytest.mark.parametrize("fake_server", [fake_servers.http, fake_servers.keep_alive_http, fake_servers.garbage])
async def test_peer_that_is_no_postgres_is_refused(
    fake_server: Any,
    background: Background,
    cleanup: ExitStack,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A peer that is no PostgreSQL is refused by its first bytes, and the event loop logs nothing."""
    listener = Listener(background, fake_server)
    cleanup.callback(listener.close)
    url = f"postgresql://app@{listener.host}:{listener.port}/app?sslmode=disable"
    with caplog.at_level(logging.DEBUG), pytest.raises(asyncpg_driver.NotPostgresError):
        await asyncpg_driver.connect(Source(url=url).target())
    await asyncio.sleep(0)

    assert not [record for record in caplog.records if record.exc_info]


# psycopg's private names: the handle of libpq


async def test_libpq_handle_gives_the_socket_while_open(server: Postgres, errors: list[str]) -> None:
    """The handle gives the socket's number while it is open and raises afterwards."""
    made = await load_driver("psycopg", errors.append).connect(target(server, "psycopg"))

    assert made.pgconn.socket >= 0
    made.pgconn.finish()
    with pytest.raises(psycopg.OperationalError):
        _ = made.pgconn.socket
