"""An application that leaks every connection of its pool, and on command blocks its event loop or returns them."""

import asyncio
import sys
import time
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

SELECT = text("select 1")
held: list[Any] = []


async def leak(engine: Any) -> None:
    """Take a connection and never give it back."""
    connection = await engine.connect()
    await connection.execute(SELECT)
    held.append(connection)


async def order(engine: Any) -> None:
    """Act as a request: wait for a connection until the pool's time-out."""
    while True:
        try:
            async with engine.connect() as connection:
                await connection.execute(SELECT)
        except SQLAlchemyError:
            continue
        await asyncio.sleep(0.02)


def block() -> None:
    """Block the event loop, as a careless request does."""
    time.sleep(3600)


async def asynchronous(url: str) -> None:
    """Leak, then follow commands."""
    engine = create_async_engine(url, pool_size=2, max_overflow=0, pool_timeout=0.5)
    await asyncio.gather(leak(engine), leak(engine))
    requests = [asyncio.create_task(order(engine)) for _ in range(2)]
    print("stuck", flush=True)
    while word := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        if word == "block\n":
            block()
        elif word == "mend\n":
            while held:
                await held.pop().close()
    for request in requests:
        request.cancel()


def hold(engine: Any) -> None:
    """Take a connection, never return it, and do something else."""
    connection = engine.connect()
    connection.execute(SELECT)
    held.append(connection)
    wait_for_the_end()


def wait_for_the_end() -> None:
    """Something else."""
    sys.stdin.readline()


if __name__ == "__main__":
    if sys.argv[2] == "async":
        asyncio.run(asynchronous(sys.argv[1]))
    else:
        hold(create_engine(sys.argv[1], pool_size=2, max_overflow=0))
