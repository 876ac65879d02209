"""The pool's connections are all in use: the database is well, and a check through the pool does not reach it."""

import time
from collections.abc import AsyncIterator

import pytest

from exporter.database.engine import PoolOptions, close_db, make_engine
from exporter.database.sqlalchemy_core import AsyncEngine
from exporter.dsn import Source
from exporter.model.outcome import Outcome
from exporter.model.role import ExpectedRole
from exporter.probing.checks import ServerState, query_check
from exporter.probing.probe import Limits, Probe
from tests.support.exporter import DEADLINE
from tests.support.postgres import Postgres


@pytest.fixture(params=[0.2, 30.0], ids=["the pool gives up", "the deadline comes first"])
def pool_timeout(request: pytest.FixtureRequest) -> float:
    """The pool's time-out, on either side of the probe's deadline of 0.8 s."""
    return float(request.param)


@pytest.fixture
async def engine(server: Postgres, driver: str, pool_timeout: float) -> AsyncIterator[AsyncEngine]:
    """A pool of one connection and no more."""
    made = make_engine(Source(url=server.url(driver)), PoolOptions(size=1, max_overflow=0, timeout=pool_timeout))
    yield made
    await close_db(made)


@pytest.fixture
async def probe(engine: AsyncEngine) -> AsyncIterator[Probe]:
    """The pooled path over that pool."""
    made = Probe(
        query_check(engine, ServerState(), expect=ExpectedRole.ANY),
        limits=Limits(),
        clock=time.monotonic,
        wall_clock=time.time,
        on_result=lambda _: None,
    )
    yield made
    await made.close()


async def test_pool_without_a_free_connection_is_pool_exhausted(
    server: Postgres, engine: AsyncEngine, probe: Probe
) -> None:
    """A pool without a free connection is `pool_exhausted`, in time, until the first connection comes back."""
    async with engine.connect():
        began = time.monotonic()
        reading = await probe.read()
        took = time.monotonic() - began
        await probe.settle()

    assert reading.outcome is Outcome.POOL_EXHAUSTED, reading
    assert took <= DEADLINE
    assert server.sessions() == 1
    assert probe.abandoned == (0 if took < Limits().timeout else 1)
    assert (await probe.read()).outcome is Outcome.SUCCESS
    assert server.sessions() == 1
