"""The engines of one database: how they are built, checked and closed."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool

from exporter.database import dialects as dialect
from exporter.database.connector import Connector
from exporter.database.errors import WrongRoleError
from exporter.database.without_orm import AsyncEngine, create_async_engine
from exporter.dsn import DsnError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from exporter.database.without_orm import AsyncConnection
    from exporter.dsn import Source

log = logging.getLogger(__name__)

# The answer is in the command tag: the simple protocol returns no rows to asyncpg's caller, but it costs one
# round trip where a prepared statement costs two, and it reaches one server through PgBouncer.
ROLE_QUERY = "select 1 where pg_catalog.pg_is_in_recovery()"
RECYCLE_JITTER = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """What the settings say of the pool; durations in seconds.

    `test` is `ENVIRONMENT=test`: no pool and no echo, so that each event loop gets connections of its own.
    """

    size: int = 5
    max_overflow: int = 10
    recycle: float = 3600.0
    timeout: float = 30.0
    echo: bool = False
    test: bool = False


def make_engine(
    source: Source,
    options: PoolOptions,
    *,
    pooled: bool = True,
    heard: Callable[[str], None] = lambda _: None,
) -> AsyncEngine:
    """Build an engine; nothing is connected before it is used.

    Args:
        source: where the connection's parameters come from, read anew at each connect.
        options: the pool's settings.
        pooled: False for an engine whose every connection is new and closed after use.
        heard: called with the SQLSTATE of an error that the server sends unasked.
    """
    dialect.register()
    driver = source.target().driver
    arguments: dict[str, Any] = {"poolclass": NullPool}
    if pooled and not options.test:
        arguments = {
            "poolclass": AsyncAdaptedQueuePool,
            "pool_pre_ping": True,
            "pool_size": options.size,
            "max_overflow": options.max_overflow,
            "pool_timeout": options.timeout,
            "pool_recycle": options.recycle * (1 - RECYCLE_JITTER * random.random()),  # noqa: S311 - no secret
        }
    if driver == "asyncpg":  # names and caches of prepared statements do not survive PgBouncer in transaction mode
        arguments["connect_args"] = {
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": _unique_name,
        }
    return create_async_engine(
        f"postgresql+lean_{driver}://",
        async_creator=Connector(source, driver, heard).connect,
        echo=options.echo and not options.test,
        hide_parameters=True,
        **arguments,
    )


def _unique_name() -> str:
    return f"dbhealth_{random.getrandbits(64):016x}"


async def check_db_connection(
    engine: AsyncEngine,
    *,
    expect: str = "any",
    on_answer: Callable[[AsyncConnection, bool], Awaitable[None]] | None = None,
    on_failure: Callable[[Exception], None] | None = None,
) -> bool:
    """Tell whether the database answers, in the role that is expected. Never raises.

    Args:
        engine: its pool pings before it hands a connection out, so a warm check costs two round trips.
        expect: `any`, `primary` or `replica`.
        on_answer: called with the connection and whether the server is in recovery, before the connection goes back.
        on_failure: called with the error; without it, the error is logged at ERROR.
    """
    try:
        async with engine.connect() as connection:
            in_recovery = await ask_role(connection)
            if expect not in ("any", "replica" if in_recovery else "primary"):
                raise WrongRoleError(expect, in_recovery=in_recovery)  # noqa: TRY301 - failures meet in one place
            if on_answer is not None:
                await on_answer(connection, in_recovery)
    except Exception as error:  # noqa: BLE001 - the probe's edge: whatever failed, the answer is no
        (on_failure or _log_failure)(error)
        return False
    return True


async def ask_role(connection: AsyncConnection) -> bool:
    """Return whether the server is in recovery, in one round trip and outside of a transaction."""
    raw: Any = (await connection.get_raw_connection()).driver_connection
    if hasattr(raw, "pgconn"):
        await raw.set_autocommit(True)
        try:
            return bool((await raw.execute(ROLE_QUERY)).rowcount)
        finally:
            if not raw.closed:
                await raw.set_autocommit(False)
    tag: str = await raw.execute(ROLE_QUERY)
    return tag == "SELECT 1"


def _log_failure(error: Exception) -> None:
    log.error("database check failed: %s", describe(error))


def describe(error: BaseException) -> str:
    """Say what failed in one short line: the error's type and text, never a statement or its parameters.

    An error of the settings is a sentence by itself.
    """
    origin = getattr(error, "orig", None) or error
    primary = getattr(getattr(origin, "diag", None), "message_primary", None)  # psycopg's text quotes the statement
    text = " ".join(str(primary or origin).split())[:200]
    if isinstance(origin, DsnError):
        return text
    return f"{type(origin).__name__}: {text}" if text else type(origin).__name__


async def close_db(*engines: AsyncEngine, within: float = 1.0) -> None:
    """Dispose of engines' idle connections, giving the server at most `within` seconds to answer the farewell."""
    closing = [asyncio.ensure_future(engine.dispose()) for engine in engines]
    if not closing:
        return
    _, pending = await asyncio.wait(closing, timeout=within)
    for task in pending:
        task.cancel()
    await asyncio.gather(*closing, return_exceptions=True)
