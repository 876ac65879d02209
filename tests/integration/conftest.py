"""Fixtures that several packages' tests with one real server share."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from exporter.database.engine import PoolOptions, close_db, make_engine
from exporter.database.sqlalchemy_core import AsyncEngine
from exporter.dsn import Source
from tests.support.postgres import Postgres
from tests.support.template import Template


@pytest.fixture(scope="module")
def stack() -> Iterator[ExitStack]:
    """Ends what a module has started, in reverse order."""
    with ExitStack() as made:
        yield made


@pytest.fixture(scope="module")
def healthy_server(template: Template, stack: ExitStack) -> Postgres:
    """One PostgreSQL for the tests of a module, which all leave it as it was.

    A module says so by a fixture `server` that returns it: otherwise `server` is one of each test's own.
    """
    made = template.copy()
    stack.callback(made.close)
    made.start()
    return made


@pytest.fixture
async def engine(server: Postgres, driver: str) -> AsyncIterator[AsyncEngine]:
    """A pooled engine over each driver."""
    made = make_engine(Source(url=server.url(driver)), PoolOptions())
    yield made
    await close_db(made)
