"""Round trips of a check, counted by a proxy in front of the database."""

from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from exporter.database.engine import PoolOptions, check_db_connection, close_db, make_engine
from exporter.database.server_stats import read_server_stats
from exporter.database.sqlalchemy_core import AsyncEngine
from exporter.dsn import Source
from exporter.model.role import ExpectedRole
from tests.support.background import Background
from tests.support.postgres import Postgres
from tests.support.proxy import Proxy


@pytest.fixture(scope="module")
def server(healthy_server: Postgres) -> Postgres:
    """A server that these tests leave as it was."""
    return healthy_server


@pytest.fixture
def proxy(server: Postgres, background: Background, cleanup: ExitStack) -> Proxy:
    """A proxy in front of it, which counts."""
    made = Proxy(background, (server.host, server.port))
    cleanup.callback(made.close)
    return made


@pytest.fixture
async def engine(server: Postgres, proxy: Proxy, driver: str) -> AsyncIterator[AsyncEngine]:
    """A pooled engine over each driver, through the proxy."""
    made = make_engine(Source(url=server.url(driver, host="127.0.0.1", port=proxy.port)), PoolOptions())
    yield made
    await close_db(made)


async def test_warm_check_takes_two_round_trips(engine: AsyncEngine, proxy: Proxy) -> None:
    """A warm check takes two round trips, the pool's ping and the query of the role, on one connection."""
    assert await check_db_connection(engine)
    before = proxy.round_trips
    for _ in range(5):
        assert await check_db_connection(engine, expect=ExpectedRole.PRIMARY)

    assert proxy.round_trips - before == 10
    assert proxy.accepted == 1


async def test_first_check_adds_only_the_connect(engine: AsyncEngine, proxy: Proxy) -> None:
    """The first check adds only what a connect takes: the dialect runs no queries of its own."""
    assert await check_db_connection(engine)

    # TLS offered and refused, start-up, two rounds of the password exchange, the query of the role.
    assert proxy.round_trips <= 6


async def test_server_stats_take_at_most_ten_round_trips(engine: AsyncEngine, proxy: Proxy) -> None:
    """The server's statistics, read every half minute, take at most ten round trips on the same connection."""
    assert await check_db_connection(engine)
    before = proxy.round_trips
    async with engine.connect() as connection:
        await read_server_stats(connection, pod_ip="127.0.0.1", within=5)

    assert proxy.round_trips - before <= 10
    assert proxy.accepted == 1
