"""The engine fits its environment, the check returns True or False and never raises, and closing is bounded."""

import asyncio
import logging
import subprocess
import sys
import time
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

SUCCESSIVE_LOOPS = """
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


def source(**parts: str) -> Source:
    """An address that no test connects to."""
    return Source(**({"url": "postgresql://app@127.0.0.1/app"} | parts))  # type: ignore[arg-type]


def pool(options: PoolOptions, *, pooled: bool = True) -> QueuePool:
    """The pool of an engine that is never used."""
    made = make_engine(source(), options, pooled=pooled).sync_engine.pool
    assert isinstance(made, QueuePool)
    return made


# The engine


def test_pool_has_its_defaults() -> None:
    """Five connections and ten more, pinged before use, replaced hourly less a little."""
    found = pool(PoolOptions())

    assert (found.size(), found._max_overflow, found._pre_ping) == (5, 10, True)
    assert 3240 <= found._recycle <= 3600


def test_settings_reach_the_pool() -> None:
    """The settings reach the pool."""
    found = pool(PoolOptions(size=2, max_overflow=0, recycle=100, timeout=0.8))

    assert (found.size(), found._max_overflow, found._timeout) == (2, 0, 0.8)
    assert 90 <= found._recycle <= 100


def test_each_process_recycles_at_another_time() -> None:
    """Each process recycles at another time, so that a fleet does not reconnect together."""
    assert len({pool(PoolOptions())._recycle for _ in range(10)}) > 1


@pytest.fixture(scope="module")
def server(healthy_server: Postgres) -> Postgres:
    """A server that these tests leave as it was."""
    return healthy_server


@pytest.mark.parametrize("echo", [True, False])
def test_environment_test_has_no_pool_and_no_echo(echo: bool) -> None:
    """With ENVIRONMENT=test there is no pool and no echo, whatever the other settings are."""
    engine = make_engine(source(), PoolOptions(test=True, echo=echo))

    assert isinstance(engine.sync_engine.pool, NullPool)
    assert engine.sync_engine.echo is False


def test_echo_shows_no_parameters() -> None:
    """DATABASE_ECHO turns the echo on, without the values of parameters."""
    engine = make_engine(source(), PoolOptions(echo=True)).sync_engine

    assert engine.echo is True
    assert engine.hide_parameters


def test_engine_of_the_fresh_path_has_no_pool() -> None:
    """The engine of the fresh path keeps no connection."""
    assert isinstance(make_engine(source(), PoolOptions(), pooled=False).sync_engine.pool, NullPool)


@pytest.mark.parametrize("environment", ["test", "production"])
def test_pool_fails_in_a_second_event_loop(server: Postgres, environment: str) -> None:
    """One engine in one event loop after the other works without a pool, and fails with one."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SUCCESSIVE_LOOPS, environment],
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


async def test_check_passes_when_the_server_answers(engine: AsyncEngine, server: Postgres) -> None:
    """The check passes; the connection goes back to the pool, with no transaction open."""
    for _ in range(3):
        assert await check_db_connection(engine)

    assert server.sessions() == 1
    assert server.value("SELECT state FROM pg_stat_activity WHERE usename = 'app'") == "idle"
    assert engine.sync_engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_check_fails_in_one_line_when_the_server_is_down(caplog: pytest.LogCaptureFixture, driver: str) -> None:
    """The check fails, logs one line at ERROR without the password, and does not raise."""
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
async def test_check_fails_when_a_file_of_the_url_is_gone(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, path: str
) -> None:
    """Settings that have become unusable fail the check, and do not raise."""
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
async def test_check_compares_the_expected_role(engine: AsyncEngine, expect: ExpectedRole, passes: bool) -> None:
    """A primary passes unless a replica is expected."""
    errors: list[Exception] = []

    assert await check_db_connection(engine, expect=expect, on_failure=errors.append) is passes
    assert [type(error) for error in errors] == ([] if passes else [WrongRoleError])


async def test_on_answer_gets_the_open_connection(engine: AsyncEngine) -> None:
    """`on_answer` is called with the connection while it is still open."""
    answers: list[tuple[int, bool]] = []

    async def answered(connection: AsyncConnection, in_recovery: bool) -> None:
        answers.append(((await connection.execute(text("select 42"))).scalar_one(), in_recovery))

    assert await check_db_connection(engine, on_answer=answered)
    assert answers == [(42, False)]


async def test_check_fails_when_on_answer_raises(engine: AsyncEngine) -> None:
    """An exception of the callback fails the check."""
    errors: list[Exception] = []

    async def answered(_connection: AsyncConnection, _in_recovery: bool) -> None:
        raise ZeroDivisionError

    assert await check_db_connection(engine, on_answer=answered, on_failure=errors.append) is False
    assert [type(error) for error in errors] == [ZeroDivisionError]


async def test_cancelled_check_leaves_no_session(engine: AsyncEngine, server: Postgres) -> None:
    """A cancellation is raised, and leaves no session behind."""
    answering = asyncio.Event()

    async def answered(_connection: AsyncConnection, _in_recovery: bool) -> None:
        answering.set()
        await asyncio.Event().wait()

    check = asyncio.create_task(check_db_connection(engine, on_answer=answered))
    await answering.wait()
    check.cancel()

    with pytest.raises(asyncio.CancelledError):
        await check
    assert engine.sync_engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    await close_db(engine)
    until(lambda: server.sessions() == 0, within=2, what="no session")


async def test_query_of_the_role_opens_no_transaction(engine: AsyncEngine, server: Postgres) -> None:
    """The query of the role opens no transaction."""
    async with engine.connect() as connection:
        assert await check_role(connection, ExpectedRole.ANY) is False
        assert server.value("SELECT state FROM pg_stat_activity WHERE usename = 'app'") == "idle"


async def test_check_passes_after_a_terminated_session(engine: AsyncEngine, server: Postgres) -> None:
    """A session that the server ended in the pool is replaced by the ping: the check passes."""
    assert await check_db_connection(engine)
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
    until(lambda: server.sessions() == 0, within=2, what="session gone")

    assert await check_db_connection(engine)


async def test_password_file_is_read_at_each_connect(server: Postgres, tmp_path: Path) -> None:
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


async def test_close_ends_the_session(engine: AsyncEngine, server: Postgres) -> None:
    """Closing ends the session; closing again, or closing nothing, is no error."""
    assert await check_db_connection(engine)
    await close_db(engine)
    await close_db(engine)
    await close_db()

    until(lambda: server.sessions() == 0, within=2, what="no session")


async def test_close_of_a_frozen_connection_is_bounded(driver: str, template: Template) -> None:
    """A server that does not answer the disconnect is not waited for beyond the limit."""
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


# Text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError(), "ValueError"),
        (ValueError("two\nlines"), "ValueError: two lines"),
        (ValueError("x" * 999), "ValueError: " + "x" * 200),
    ],
)
def test_error_is_described_in_one_line(error: Exception, text: str) -> None:
    """An error becomes one short line."""
    assert describe(error) == text


async def test_failed_statement_is_described_without_its_text(engine: AsyncEngine) -> None:
    """A failed statement is described by the server's message, without the statement and its values."""
    with pytest.raises(Exception, match="hunter2") as caught:
        async with engine.connect() as connection:
            await connection.execute(text("select 1 as hunter2 from missing where 1 = :value"), {"value": 7})

    assert "missing" in describe(caught.value)
    assert "hunter2" not in describe(caught.value)
    assert PASSWORD not in describe(caught.value)
