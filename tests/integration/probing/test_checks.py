"""The check of each path: its query, the outcome of its errors, and what it learns about the server."""

import asyncio
import time
from typing import Any

import asyncpg
import pytest

from exporter.database.attempt import track
from exporter.database.engine import PoolOptions, close_db, make_engine
from exporter.database.sqlalchemy_core import AsyncConnection, AsyncEngine
from exporter.dsn import Source
from exporter.model.outcome import Outcome, Reason
from exporter.model.role import ExpectedRole
from exporter.probing.checks import ServerState, query_check, write_check
from exporter.probing.probe import Run
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.template import Template


@pytest.fixture(scope="module")
def server(healthy_server: Postgres) -> Postgres:
    """A server that these tests leave as it was."""
    return healthy_server


def run(clock: Any = time.monotonic) -> Run:
    """A run without a probe."""
    return Run(clock(), clock, asyncio.get_running_loop().create_future())


def answer(made: Run) -> tuple[Outcome, str]:
    """The outcome and the detail of a settled run."""
    found, _, detail = made.settled.result()
    return found, detail


async def test_answer_comes_before_what_follows_on_the_connection(engine: AsyncEngine) -> None:
    """The run is settled before the connection is used for anything else."""
    server_state, made, order = ServerState(), run(), []

    async def after(connection: AsyncConnection) -> None:
        order.append((made.settled.done(), connection.closed))

    await query_check(engine, server_state, expect=ExpectedRole.ANY, after=after)(made)

    assert answer(made) == (Outcome.SUCCESS, "")
    assert order == [(True, False)]
    assert server_state.in_recovery is False


async def test_failure_after_the_answer_changes_nothing(engine: AsyncEngine) -> None:
    """The run has its outcome already."""
    made = run()

    async def after(_: AsyncConnection) -> None:
        raise TimeoutError

    await query_check(engine, ServerState(), expect=ExpectedRole.ANY, after=after)(made)

    assert answer(made)[0] is Outcome.SUCCESS


async def test_wrong_role_is_read_only(engine: AsyncEngine) -> None:
    """The role that was found is noted."""
    server_state, made = ServerState(), run()
    await query_check(engine, server_state, expect=ExpectedRole.REPLICA)(made)

    assert answer(made)[0] is Outcome.READ_ONLY
    assert "the server is a primary" in answer(made)[1]
    assert server_state.in_recovery is False


@pytest.mark.parametrize(
    ("statement", "undo", "reason"),
    [
        ("ALTER ROLE app CONNECTION LIMIT 1", "ALTER ROLE app CONNECTION LIMIT -1", Reason.LIMIT_ROLE),
        ("ALTER DATABASE app CONNECTION LIMIT 1", "ALTER DATABASE app CONNECTION LIMIT -1", Reason.LIMIT_DATABASE),
    ],
)
async def test_limits_of_role_and_database_are_told_apart(
    server: Postgres, driver: str, statement: str, undo: str, reason: Reason
) -> None:
    """The limits of a role and of a database are told apart, by fields of PostgreSQL's error."""
    engine = make_engine(Source(url=server.url(driver)), PoolOptions(), pooled=False)
    server.sql(statement)
    made = run()
    async with engine.connect():
        await query_check(engine, ServerState(), expect=ExpectedRole.ANY, fresh=True)(made)
    server.sql(undo)

    assert (answer(made)[0], made.reason) == (Outcome.TOO_MANY_CONNECTIONS, reason)


async def test_server_without_free_slots_is_its_limit(template: Template, driver: str) -> None:
    """A server whose free slots are all reserved for superusers has the reason `limit_server`."""
    server = template.copy()
    server.configure(max_connections=4, superuser_reserved_connections=2, autovacuum_max_workers=1, max_wal_senders=0)
    server.start()
    engine = make_engine(Source(url=server.url(driver)), PoolOptions(), pooled=False)
    made = run()
    async with engine.connect(), engine.connect():
        await query_check(engine, ServerState(), expect=ExpectedRole.ANY, fresh=True)(made)
    await close_db(engine)
    server.close()

    assert (answer(made)[0], made.reason) == (Outcome.TOO_MANY_CONNECTIONS, Reason.LIMIT_SERVER)


@pytest.mark.parametrize(("sslmode", "reason"), [("disable", Reason.NO_TLS), ("prefer", None)])
async def test_server_for_tls_only_refuses_by_a_reason_of_its_own(
    template: Template, driver: str, sslmode: str, reason: Reason | None
) -> None:
    """A server that accepts TLS only refuses a client without TLS by a reason of its own."""
    server = template.copy()
    server.start()
    server.allow("hostssl all all all scram-sha-256")
    engine = make_engine(Source(url=server.url(driver, sslmode=sslmode)), PoolOptions(), pooled=False)
    made = run()
    track(made.attempt)
    await query_check(engine, ServerState(), expect=ExpectedRole.ANY, fresh=True)(made)
    server.close()

    assert (answer(made)[0], made.reason) == (Outcome.AUTH, reason)


async def test_failure_has_an_outcome_and_a_detail(driver: str) -> None:
    """One line of detail, no secret, and never an exception, with either driver."""
    scheme = "postgresql+psycopg" if driver == "psycopg" else "postgresql"
    engine = make_engine(Source(url=f"{scheme}://a:hunter2@127.0.0.1:{free_port()}/a"), PoolOptions(), pooled=False)
    made = run()
    await query_check(engine, ServerState(), expect=ExpectedRole.ANY, fresh=True)(made)

    found, detail = answer(made)
    assert found is Outcome.REFUSED
    assert detail
    assert "\n" not in detail
    assert "hunter2" not in detail


async def test_commit_in_time_is_a_success() -> None:
    """Without a detail."""
    made = run()
    await write_check(_nothing, ServerState(), limit=1)(made)

    assert answer(made) == (Outcome.SUCCESS, "")


async def _nothing() -> None:
    return


async def test_late_commit_is_a_timeout() -> None:
    """A commit that outlasts the server's own time-out has waited for a standby: a timeout, although it holds."""
    times = iter((100.0, 100.0, 100.7, 100.7))
    made = run(lambda: next(times))
    await write_check(_nothing, ServerState(), limit=0.6)(made)

    assert answer(made) == (Outcome.QUERY_TIMEOUT, "the commit had to wait")


async def test_write_error_has_an_outcome() -> None:
    """The server's SQLSTATE decides."""

    async def full() -> None:
        raise asyncpg.DiskFullError("could not extend file")

    made = run()
    await write_check(full, ServerState(), limit=1)(made)

    assert answer(made) == (Outcome.DISK_FULL, "DiskFullError: could not extend file")


async def test_cancelled_write_has_no_outcome() -> None:
    """The run stays without an answer."""

    async def ended() -> None:
        raise asyncio.CancelledError

    made = run()
    with pytest.raises(asyncio.CancelledError):
        await write_check(ended, ServerState(), limit=1)(made)
    assert not made.settled.done()


async def test_shutdown_is_remembered_until_the_next_success(engine: AsyncEngine) -> None:
    """After an answer, 57P03 means a server that starts."""
    server_state = ServerState()
    assert server_state.note_outcome(Outcome.SHUTTING_DOWN, fresh=False) is Outcome.SHUTTING_DOWN
    assert server_state.note_outcome(Outcome.STARTING_UP, fresh=False) is Outcome.SHUTTING_DOWN
    await query_check(engine, server_state, expect=ExpectedRole.ANY)(run())

    assert server_state.note_outcome(Outcome.STARTING_UP, fresh=False) is Outcome.STARTING_UP
