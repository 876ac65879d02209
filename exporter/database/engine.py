"""The engines of one database: how they are built, checked and closed."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool

from exporter.database.connector import Connector
from exporter.database.drivers.base import load_driver
from exporter.database.errors import WrongRoleError, describe
from exporter.database.sqlalchemy_core import AsyncEngine, create_async_engine
from exporter.model.role import ExpectedRole

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from exporter.database.dialects import LeanDialect
    from exporter.database.drivers.base import Driver
    from exporter.database.sqlalchemy_core import AsyncConnection
    from exporter.dsn import Source

log = logging.getLogger(__name__)

RECYCLE_JITTER = 0.1  # of the recycle time: a fleet must not reconnect together


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """The settings of the exporter's own pool; durations in seconds.

    `test` is `ENVIRONMENT=test`: no pool and no echo, so that one engine works in several event loops.
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
    on_server_error: Callable[[str], None] = lambda _: None,
    on_notes: Callable[[Sequence[str]], None] = lambda _: None,
) -> AsyncEngine:
    """Build an engine; nothing is connected before it is used.

    Args:
        source: where the connection's parameters come from, read anew at each connect.
        options: the pool's settings.
        pooled: False for an engine whose every connection is new and closed after use.
        on_server_error: called with the SQLSTATE of each error that a server sends on an open connection, also on one
            that is idle in the pool.
        on_notes: called at each connect with what is left out of the address or replaced, in sentences.
    """
    name = source.driver()
    driver = load_driver(name, on_server_error)
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
    return create_async_engine(
        f"postgresql+lean_{name}://",
        async_creator=Connector(source, name, driver, on_notes=on_notes).connect,
        probe_driver=driver,
        connect_args=dict(driver.connect_args),
        echo=options.echo and not options.test,
        hide_parameters=True,
        **arguments,
    )


async def check_db_connection(
    engine: AsyncEngine,
    *,
    expect: ExpectedRole = ExpectedRole.ANY,
    on_answer: Callable[[AsyncConnection, bool], Awaitable[None]] | None = None,
    on_failure: Callable[[Exception], None] | None = None,
) -> bool:
    """Tell whether the database answers, in the role that is expected. Raises no error of the database.

    Args:
        engine: its pool pings before it hands a connection out, so a warm check costs two round trips.
        expect: the role that the server must have; a connection to a server with the wrong role leaves the pool.
        on_answer: called with the connection and whether the server is in recovery, before the connection goes back.
        on_failure: called with the error; without it, the error is logged at ERROR.
    """
    try:
        async with engine.connect() as connection:
            try:
                in_recovery = await check_role(connection, expect)
            except WrongRoleError:
                # After a failover the address may point to another server, which only a new connection reaches.
                await connection.invalidate()
                raise
            if on_answer is not None:
                await on_answer(connection, in_recovery)
    except Exception as error:  # noqa: BLE001 - the probe's edge: whatever failed, the answer is no
        (on_failure or _log_failure)(error)
        return False
    return True


async def check_role(connection: AsyncConnection, expect: ExpectedRole) -> bool:
    """Return whether the server is in recovery, in one round trip and outside of a transaction.

    Raises:
        WrongRoleError: it has not the role that is expected.
    """
    driver, raw = await _driver_connection(connection)
    in_recovery = await driver.is_in_recovery(raw)
    if not expect.allows(in_recovery=in_recovery):
        raise WrongRoleError(expect, in_recovery=in_recovery)
    return in_recovery


async def ping(connection: AsyncConnection) -> None:
    """Check that the server answers, in one round trip. Raises the driver's error if it does not."""
    driver, raw = await _driver_connection(connection)
    await driver.ping(raw)


async def abort_connection(connection: AsyncConnection) -> None:
    """Close a connection at once, sending nothing."""
    driver, raw = await _driver_connection(connection)
    driver.abort(raw)


async def _driver_connection(connection: AsyncConnection) -> tuple[Driver, Any]:
    dialect = cast("LeanDialect", connection.dialect)
    return dialect.probe_driver, (await connection.get_raw_connection()).driver_connection


def _log_failure(error: Exception) -> None:
    log.error("database check failed: %s", describe(error))


async def close_db(*engines: AsyncEngine, within: float = 1.0) -> None:
    """Dispose of engines' idle connections; after `within` seconds those of servers that do not answer are dropped."""
    closing = [asyncio.ensure_future(engine.dispose()) for engine in engines]
    if not closing:
        return
    _, pending = await asyncio.wait(closing, timeout=within)
    for task in pending:
        task.cancel()
    await asyncio.gather(*closing, return_exceptions=True)
