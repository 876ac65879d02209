"""A small application that uses its database and reports its pool; lines on its input inject faults."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

import db_health_reporter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

SIZE, OVERFLOW, PATIENCE = 3, 2, 1.0
KEPT: list[AsyncConnection] = []


async def work(engine: AsyncEngine) -> None:
    """Query and pause in a loop; errors of the database are ignored."""
    while True:
        try:
            async with engine.begin() as connection:
                await connection.execute(text("SELECT pg_sleep(0.01)"))
        except (OSError, PoolTimeoutError):
            pass
        except DBAPIError as error:
            print(error, file=sys.stderr)
        await asyncio.sleep(0.05)


async def leak(engine: AsyncEngine) -> None:
    """Take a connection, open a transaction and forget it."""
    connection = await engine.connect()
    await connection.execute(text("SELECT 1"))
    KEPT.append(connection)


async def fill(engine: AsyncEngine) -> None:
    """Hold more connections than there are, each for a moment: requests wait, and some give up."""

    async def hold() -> None:
        while True:
            try:
                async with engine.begin() as connection:
                    await connection.execute(text("SELECT pg_sleep(0.4)"))
            except PoolTimeoutError:
                pass

    KEEP.extend(asyncio.create_task(hold()) for _ in range(16))


async def wedge(engine: AsyncEngine) -> None:
    """Hold every connection and wait for another one: the deadlock of nested checkouts."""

    async def nest() -> None:
        async with engine.connect() as outer:
            await outer.execute(text("SELECT 1"))
            while True:
                try:
                    async with engine.connect() as inner:
                        KEPT.append(inner)
                        await asyncio.Event().wait()
                except PoolTimeoutError:
                    pass

    KEEP.extend(asyncio.create_task(nest()) for _ in range(SIZE + OVERFLOW))


KEEP: list[asyncio.Task[None]] = []
FAULTS: dict[str, Callable[[AsyncEngine], Awaitable[None]]] = {"leak": leak, "fill": fill, "wedge": wedge}


async def main() -> None:
    """Work until standard input ends."""
    engine = create_async_engine(
        os.environ["DATABASE_URL"],
        pool_size=SIZE,
        max_overflow=OVERFLOW,
        pool_timeout=PATIENCE,
        pool_pre_ping=True,
    )
    db_health_reporter.report(engine, pool="orders")
    KEEP.extend(asyncio.create_task(work(engine)) for _ in range(2))
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        await FAULTS[line.strip()](engine)
        print("done", flush=True)
    os._exit(0)  # tasks that hang by now were meant to


if __name__ == "__main__":
    asyncio.run(main())
