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
def server(template: Template, stack: ExitStack) -> Postgres:
    """One PostgreSQL that no test of the module breaks; a module that needs another one has a fixture of its own."""
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
