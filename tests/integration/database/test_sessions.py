"""Sessions commit or roll back and always close; `init_db` creates everything or nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from exporter.database.engine import PoolOptions, close_db, make_engine
from exporter.database.sessions import (
    HEARTBEAT_SLOTS,
    Base,
    Heartbeat,
    get_db,
    heartbeat_slot,
    init_db,
    session_factory,
    write_heartbeat,
)
from exporter.database.sqlalchemy_core import AsyncEngine
from exporter.dsn import Source
from tests.support.postgres import Postgres
from tests.support.template import Template

Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture(scope="module")
def server(template: Template) -> Iterator[Postgres]:
    """One PostgreSQL; each test has a database of its own in it."""
    made = template.copy()
    made.start()
    made.sql("CREATE ROLE owner SUPERUSER LOGIN PASSWORD 'o'")
    yield made
    made.close()


@pytest.fixture
def database(server: Postgres) -> Iterator[str]:
    """An empty database."""
    name = f"test_{server.value('SELECT count(*) FROM pg_database')}"
    server.sql(f"CREATE DATABASE {name} OWNER app", database="template1")
    yield name
    server.sql(f"DROP DATABASE {name} WITH (FORCE)", database="template1")


@pytest.fixture
async def engine(server: Postgres, database: str, driver: str) -> AsyncIterator[AsyncEngine]:
    """A pooled engine over each driver."""
    made = make_engine(Source(url=server.url(driver, database=database, user="owner", password="o")), PoolOptions())
    yield made
    await close_db(made)


@pytest.fixture
async def sessions(engine: AsyncEngine) -> Sessions:
    """Sessions over tables that exist."""
    await init_db(engine)
    return session_factory(engine)


def beat(slot: int) -> Heartbeat:
    """A row with an old time stamp."""
    return Heartbeat(slot=slot, beat_at=datetime(2020, 1, 1, tzinfo=UTC))


def slots(server: Postgres, database: str) -> list[int]:
    """The slots of all committed rows."""
    return [row[0] for row in server.sql("SELECT slot FROM dbhealth_heartbeat ORDER BY 1", database=database)]


def checked_out(engine: AsyncEngine) -> int:
    """The number of connections in use."""
    return int(engine.sync_engine.pool.checkedout())  # type: ignore[attr-defined]


async def test_objects_stay_usable_after_a_commit(sessions: Sessions) -> None:
    """Objects stay usable after a commit, and nothing is flushed automatically."""
    async with sessions() as session:
        assert session.sync_session.expire_on_commit is False
        assert session.sync_session.autoflush is False


async def test_block_is_committed(sessions: Sessions, engine: AsyncEngine, server: Postgres, database: str) -> None:
    """The block's changes are committed, and its objects can still be read."""
    async with get_db(sessions) as session:
        row = beat(1)
        session.add(row)

    assert slots(server, database) == [1]
    assert row.slot == 1
    assert checked_out(engine) == 0


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError, GeneratorExit])
async def test_error_rolls_the_block_back(
    sessions: Sessions,
    engine: AsyncEngine,
    server: Postgres,
    database: str,
    error: type[BaseException],
) -> None:
    """An error in the block rolls it back, is raised, and leaves no connection in use."""

    async def fail() -> None:
        async with get_db(sessions) as session:
            session.add(beat(2))
            await session.flush()
            raise error

    with pytest.raises(error):
        await fail()
    assert slots(server, database) == []
    assert checked_out(engine) == 0
    states = server.sql("SELECT DISTINCT state FROM pg_stat_activity WHERE usename = 'owner'", database=database)
    assert states in ([("idle",)], [])


async def test_failed_commit_closes_the_session(
    sessions: Sessions, engine: AsyncEngine, server: Postgres, database: str
) -> None:
    """A commit that the server refuses raises, and the session is closed."""
    async with get_db(sessions) as session:
        session.add(beat(3))

    with pytest.raises(DBAPIError):
        async with get_db(sessions) as session:
            session.add(beat(3))

    assert slots(server, database) == [3]
    assert checked_out(engine) == 0


async def test_each_block_has_its_own_session(sessions: Sessions, engine: AsyncEngine) -> None:
    """Two blocks have sessions of their own, and do not see each other's uncommitted rows."""
    async with get_db(sessions) as one, get_db(sessions) as other:
        one.add(beat(4))
        await one.flush()

        assert (await other.execute(select(Heartbeat))).all() == []
        assert checked_out(engine) == 2
    assert checked_out(engine) == 0


async def test_init_creates_everything_once(engine: AsyncEngine, server: Postgres, database: str) -> None:
    """The extension and every table are created; a second run changes nothing."""
    await init_db(engine, extensions=["vector"])
    await init_db(engine, extensions=["vector"])

    assert server.sql("SELECT '[1,2]'::vector <-> '[1,3]'", database=database) == [(1.0,)]
    async with engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert set(tables) == set(Base.metadata.tables)


async def test_concurrent_inits_wait_for_each_other(engine: AsyncEngine) -> None:
    """Pods that run it at the same time wait for each other, and none fails."""
    await asyncio.gather(*(init_db(engine, extensions=["vector"]) for _ in range(5)))


async def test_init_without_the_extension_creates_nothing(engine: AsyncEngine, server: Postgres, database: str) -> None:
    """If an extension is not available, nothing is created."""
    with pytest.raises(DBAPIError, match="missing_one"):
        await init_db(engine, extensions=["vector", "missing_one"])

    assert server.sql("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'", database=database) == []
    assert server.value("SELECT count(*) FROM pg_class WHERE relname = 'dbhealth_heartbeat'") == 0


async def test_init_with_a_taken_name_creates_nothing(engine: AsyncEngine, server: Postgres, database: str) -> None:
    """If a table cannot be created, the extensions are not created either."""
    server.sql("CREATE TYPE dbhealth_heartbeat AS (x int)", database=database)

    with pytest.raises(DBAPIError):
        await init_db(engine, extensions=["vector"])
    assert server.sql("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'", database=database) == []


async def test_init_quotes_the_extension(engine: AsyncEngine, server: Postgres, database: str) -> None:
    """The name of an extension is quoted: it cannot carry a statement."""
    with pytest.raises(DBAPIError):
        await init_db(engine, extensions=['vector"; DROP DATABASE app; --'])

    assert server.sql("SELECT 1", database=database)


async def test_heartbeat_updates_one_row(sessions: Sessions, server: Postgres, database: str) -> None:
    """A pod updates one row, with the server's clock."""
    slot = heartbeat_slot("pod-1")
    await write_heartbeat(sessions, slot=slot, limit=5)
    first = server.sql("SELECT slot, beat_at FROM dbhealth_heartbeat", database=database)
    await write_heartbeat(sessions, slot=slot, limit=5)
    second = server.sql("SELECT slot, beat_at FROM dbhealth_heartbeat", database=database)

    assert [row[0] for row in first] == [row[0] for row in second] == [slot]
    assert second[0][1] > first[0][1]


async def test_heartbeat_behind_a_lock_leaves_no_backend(sessions: Sessions, server: Postgres, database: str) -> None:
    """The server itself ends a heartbeat that waits for a lock, so no backend is left behind."""
    await write_heartbeat(sessions, slot=1, limit=5)
    with server.connect(database=database) as lock, lock.transaction():
        lock.execute("LOCK TABLE dbhealth_heartbeat")

        with pytest.raises(DBAPIError) as caught:
            await write_heartbeat(sessions, slot=1, limit=0.1)
    assert getattr(caught.value.orig, "sqlstate", None) == "57014"


def test_host_name_always_has_the_same_slot() -> None:
    """A host name always hashes to the same slot, and many host names use all slots."""
    assert heartbeat_slot("pod-1") == heartbeat_slot("pod-1") == 430
    spread = {heartbeat_slot(f"pod-{number}") for number in range(10_000)}
    assert len(spread) > HEARTBEAT_SLOTS * 0.99
    assert spread <= set(range(HEARTBEAT_SLOTS))


async def test_statement_timeout_ends_with_the_transaction(sessions: Sessions) -> None:
    """The `statement_timeout` ends with the heartbeat's transaction; the connection's next user has none."""
    await write_heartbeat(sessions, slot=1, limit=0.6)

    async with get_db(sessions) as session:
        assert (await session.execute(text("SHOW statement_timeout"))).scalar_one() == "0"
