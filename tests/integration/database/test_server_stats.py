"""Connections of the server, and this pod's sessions only where the server sees the pod's own address."""

import asyncio

import psycopg
import pytest

from exporter.database.engine import PoolOptions, make_engine
from exporter.database.server_stats import ServerStats, read_server_stats
from exporter.database.sqlalchemy_core import AsyncEngine
from exporter.dsn import Source
from tests.support.postgres import PASSWORD, Postgres


@pytest.fixture(scope="module")
def server(healthy_server: Postgres) -> Postgres:
    """A server that these tests leave as it was."""
    return healthy_server


async def stats(engine: AsyncEngine, pod_ip: str | None) -> ServerStats:
    """Read them once."""
    async with engine.connect() as connection:
        return await read_server_stats(connection, pod_ip=pod_ip, within=5)


def session(server: Postgres) -> psycopg.Connection[object]:
    """A session of the application, from the pod's address."""
    return psycopg.connect(
        host="127.0.0.1",
        port=server.port,
        dbname="app",
        user="app",
        password=PASSWORD,
        autocommit=True,
    )


async def test_any_role_sees_the_connections(engine: AsyncEngine, server: Postgres) -> None:
    """Connections against the maximum, visible to any role."""
    async with asyncio.timeout(5):
        while (await stats(engine, None)).connections > 1:  # sessions of the test before are still ending
            await asyncio.sleep(0.02)
    with session(server), session(server):
        found = await stats(engine, None)

    assert found.max_connections == 30
    assert found.connections == 3


async def test_pod_sessions_are_counted_by_state(engine: AsyncEngine, server: Postgres) -> None:
    """Sessions from the pod's own address by state, and how long one has been idle in a transaction."""
    with session(server), session(server) as idle:
        idle.execute("BEGIN")
        idle.execute("SELECT pg_sleep(0.3)")
        found = await stats(engine, "127.0.0.1")

    assert found.pod_sessions["idle"] >= 1
    assert found.pod_sessions["idle in transaction"] == 1
    assert found.pod_sessions["idle in transaction (aborted)"] == 0
    assert found.oldest_idle_in_transaction is not None
    assert 0 <= found.oldest_idle_in_transaction < 5


async def test_age_is_0_when_none_is_idle_in_transaction(engine: AsyncEngine) -> None:
    """Where no session is idle in a transaction the age is 0, not absent."""
    found = await stats(engine, "127.0.0.1")

    assert found.oldest_idle_in_transaction == 0.0


@pytest.mark.parametrize("pod_ip", [None, "10.1.2.3"])
async def test_sessions_behind_a_proxy_are_not_reported(engine: AsyncEngine, pod_ip: str | None) -> None:
    """Behind a proxy the sessions from the client's address are not this pod's: they are not reported."""
    found = await stats(engine, pod_ip)

    assert (found.pod_sessions, found.oldest_idle_in_transaction) == ({}, None)
    assert found.connections > 0


async def test_sessions_over_a_unix_socket_are_not_reported(server: Postgres) -> None:
    """A Unix socket has no address: the pod's sessions are not reported."""
    server.sql("SELECT 1")
    engine = make_engine(
        Source(host=str(server.data), port=server.port, name="app", user="postgres"),
        PoolOptions(test=True),
    )
    found = await stats(engine, "127.0.0.1")

    assert (found.pod_sessions, found.oldest_idle_in_transaction) == ({}, None)


async def test_reading_statistics_times_out(engine: AsyncEngine) -> None:
    """Reading the statistics is limited in time, so that it does not hold a connection for long."""
    async with engine.connect() as connection:
        with pytest.raises(TimeoutError):
            await read_server_stats(connection, pod_ip=None, within=0)
