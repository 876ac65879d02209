"""The engine fits its environment, the check tells yes or no and nothing else, and closing takes as long as said."""

import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.pool import NullPool, QueuePool

from exporter.database.engine import PoolOptions, check_db_connection, check_role, close_db, make_engine
from exporter.database.errors import WrongRoleError, describe
from exporter.database.sqlalchemy_core import AsyncConnection, AsyncEngine
from exporter.dsn import Source
from exporter.model.role import ExpectedRole
from tests.support.ports import free_port
from tests.support.postgres import PASSWORD, Postgres
from tests.support.template import Template
from tests.support.waiting import until

SEVERAL_LOOPS = """
import asyncio, sys
from exporter.database.engine import PoolOptions, check_db_connection, close_db, make_engine
from exporter.dsn import Source

engine = make_engine(Source(url=sys.stdin.readline().strip()), PoolOptions(test=sys.argv[1] == "test"))
errors = []

async def check():
    return await check_db_connection(engine, on_failure=lambda error: errors.append(error))

print([asyncio.run(check()) for _ in range(3)])
print([str(error) for error in errors])
"""


@pytest.fixture(scope="module")
def server(template: Template) -> Iterator[Postgres]:
    """One PostgreSQL for all tests that leave it as it was."""
    made = template.copy()
    made.start()
    yield made
    made.close()


@pytest.fixture
async def engine(server: Postgres, driver: str) -> AsyncIterator[AsyncEngine]:
    """A pooled engine over each driver."""
    made = make_engine(Source(url=server.url(driver)), PoolOptions())
    yield made
    await close_db(made)


def source(**parts: str) -> Source:
    """Somewhere that nobody connects to."""
    return Source(**({"url": "postgresql://app@127.0.0.1/app"} | parts))  # type: ignore[arg-type]


def pool(options: PoolOptions, *, pooled: bool = True) -> QueuePool:
    """The pool of an engine that was never used."""
    made = make_engine(source(), options, pooled=pooled).sync_engine.pool
    assert isinstance(made, QueuePool)
    return made


# The engine


def test_pool_by_default() -> None:
    """Five connections and ten more, pinged before use, replaced hourly less a little."""
    found = pool(PoolOptions())

    assert (found.size(), found._max_overflow, found._pre_ping) == (5, 10, True)
    assert 3240 <= found._recycle <= 3600


def test_pool_as_asked() -> None:
    """The settings reach the pool."""
    found = pool(PoolOptions(size=2, max_overflow=0, recycle=100, timeout=0.8))

    assert (found.size(), found._max_overflow, found._timeout) == (2, 0, 0.8)
    assert 90 <= found._recycle <= 100


def test_recycle_differs() -> None:
    """A fleet does not reconnect together."""
    assert len({pool(PoolOptions())._recycle for _ in range(10)}) > 1


@pytest.mark.parametrize("echo", [True, False])
def test_environment_test(echo: bool) -> None:
    """Where the environment is test there is no pool and no echo, whatever else is asked for."""
    engine = make_engine(source(), PoolOptions(test=True, echo=echo))

    assert isinstance(engine.sync_engine.pool, NullPool)
    assert engine.sync_engine.echo is False


def test_echo() -> None:
    """Elsewhere the echo is on where asked for, and shows no values."""
    engine = make_engine(source(), PoolOptions(echo=True)).sync_engine

    assert engine.echo is True
    assert engine.hide_parameters


def test_direct() -> None:
    """An engine for fresh connections keeps none."""
    assert isinstance(make_engine(source(), PoolOptions(), pooled=False).sync_engine.pool, NullPool)


@pytest.mark.parametrize("environment", ["test", "production"])
def test_several_event_loops(server: Postgres, environment: str) -> None:
    """What NullPool is for: one engine in several loops, one after the other, which a pool does not survive."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SEVERAL_LOOPS, environment],
        cwd=Path(__file__).parents[3],
        input=server.url(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    results, errors = done.stdout.splitlines()

    if environment == "test":
        assert (results, errors, done.stderr) == ("[True, True, True]", "[]", "")
    else:
        assert "False" in results
        assert "loop" in errors


# The check


async def test_yes(engine: AsyncEngine, server: Postgres) -> None:
    """A server that answers is a yes; the connection goes back to the pool, with no transaction open."""
    for _ in range(3):
        assert await check_db_connection(engine)

    assert server.sessions() == 1
    assert server.value("SELECT state FROM pg_stat_activity WHERE usename = 'app'") == "idle"
    assert engine.sync_engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_no(caplog: pytest.LogCaptureFixture, driver: str) -> None:
    """A server that is not there is a no, logged at ERROR in one line without the password, and never raised."""
    closed = Source(
        url=f"postgresql{'+psycopg' if driver == 'psycopg' else ''}://app:hunter2@127.0.0.1:{free_port()}/app",
    )
    engine = make_engine(closed, PoolOptions())
    with caplog.at_level(logging.DEBUG):
        assert await check_db_connection(engine) is False

    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert "\n" not in errors[0].getMessage()
    assert "hunter2" not in caplog.text
    assert engine.sync_engine.pool.checkedout() == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["/nowhere/url", "/"])
async def test_a_file_that_is_gone(caplog: pytest.LogCaptureFixture, tmp_path: Path, path: str) -> None:
    """Even settings that have become unusable are a no."""
    file = tmp_path / "url"
    file.write_text("postgresql://app@127.0.0.1:1/app")
    engine = make_engine(Source(url_file=str(file)), PoolOptions())
    file.unlink()
    if path == "/":
        file.mkdir()

    assert await check_db_connection(engine) is False
    assert "DATABASE_URL_FILE" in caplog.text


@pytest.mark.parametrize(
    ("expect", "passes"), [(ExpectedRole.ANY, True), (ExpectedRole.PRIMARY, True), (ExpectedRole.REPLICA, False)]
)
async def test_expected_role(engine: AsyncEngine, expect: ExpectedRole, passes: bool) -> None:
    """A primary is no replica."""
    errors: list[Exception] = []

    assert await check_db_connection(engine, expect=expect, on_failure=errors.append) is passes
    assert [type(error) for error in errors] == ([] if passes else [WrongRoleError])


async def test_callbacks(engine: AsyncEngine) -> None:
    """Who asks hears of the answer while the connection is still there, and of a failure instead of the log."""
    answers: list[tuple[int, bool]] = []

    async def answered(connection: AsyncConnection, in_recovery: bool) -> None:
        answers.append(((await connection.execute(text("select 42"))).scalar_one(), in_recovery))

    assert await check_db_connection(engine, on_answer=answered)
    assert answers == [(42, False)]


async def test_a_callback_that_fails(engine: AsyncEngine) -> None:
    """Whatever goes wrong on the way is a no."""
    errors: list[Exception] = []

    async def answered(_connection: AsyncConnection, _in_recovery: bool) -> None:
        raise ZeroDivisionError

    assert await check_db_connection(engine, on_answer=answered, on_failure=errors.append) is False
    assert [type(error) for error in errors] == [ZeroDivisionError]


async def test_cancelled(engine: AsyncEngine, server: Postgres) -> None:
    """Only an end from outside goes through, and it leaves no session behind."""
    asking = asyncio.Event()

    async def answered(_connection: AsyncConnection, _in_recovery: bool) -> None:
        asking.set()
        await asyncio.Event().wait()

    check = asyncio.create_task(check_db_connection(engine, on_answer=answered))
    await asking.wait()
    check.cancel()

    with pytest.raises(asyncio.CancelledError):
        await check
    assert engine.sync_engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    await close_db(engine)
    until(lambda: server.sessions() == 0, within=2, what="no session")


async def test_role(engine: AsyncEngine, server: Postgres) -> None:
    """The role is asked for without a transaction."""
    async with engine.connect() as connection:
        assert await check_role(connection, ExpectedRole.ANY) is False
        assert server.value("SELECT state FROM pg_stat_activity WHERE usename = 'app'") == "idle"


async def test_backend_terminated(engine: AsyncEngine, server: Postgres) -> None:
    """A connection that died in the pool is replaced before the question: still a yes."""
    assert await check_db_connection(engine)
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
    until(lambda: server.sessions() == 0, within=2, what="session gone")

    assert await check_db_connection(engine)


async def test_rotated_password(server: Postgres, tmp_path: Path) -> None:
    """A password file is read at each connect."""
    server.sql("CREATE ROLE rotated LOGIN PASSWORD 'second'")
    file = tmp_path / "password"
    file.write_text("first\n")
    where = Source(host=server.host, port=server.port, name="app", user="rotated", password_file=str(file))
    engine = make_engine(where, PoolOptions())

    assert await check_db_connection(engine) is False
    file.write_text("second\n")
    assert await check_db_connection(engine)
    await close_db(engine)


# Closing


async def test_close(engine: AsyncEngine, server: Postgres) -> None:
    """Closing says goodbye; closing again, or nothing, is no error."""
    assert await check_db_connection(engine)
    await close_db(engine)
    await close_db(engine)
    await close_db()

    until(lambda: server.sessions() == 0, within=2, what="no session")


async def test_close_while_frozen(driver: str, template: Template) -> None:
    """A server that does not answer the farewell is not waited for beyond the limit."""
    server = template.copy()
    server.start()
    try:
        engine = make_engine(Source(url=server.url(driver)), PoolOptions())
        assert await check_db_connection(engine)
        server.freeze()
        began = time.monotonic()
        await close_db(engine, within=0.3)

        assert time.monotonic() - began < 0.6
        assert asyncio.all_tasks() == {asyncio.current_task()}
    finally:
        server.close()


# Words


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError(), "ValueError"),
        (ValueError("two\nlines"), "ValueError: two lines"),
        (ValueError("x" * 999), "ValueError: " + "x" * 200),
    ],
)
def test_describe(error: Exception, said: str) -> None:
    """An error is one short line."""
    assert describe(error) == said


async def test_describe_a_statement(engine: AsyncEngine) -> None:
    """The driver's own words, without the statement and its values."""
    with pytest.raises(Exception, match="hunter2") as caught:
        async with engine.connect() as connection:
            await connection.execute(text("select 1 as hunter2 from missing where 1 = :value"), {"value": 7})

    assert "missing" in describe(caught.value)
    assert "hunter2" not in describe(caught.value)
    assert PASSWORD not in describe(caught.value)
