"""One engine on event loops that pause, are closed and follow each other, and that disposes of its pools."""

import asyncio
import sys
import time
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

SELECT = text("select 1")


async def use(engine: Any, seconds: float) -> None:
    """One query, and a while on the event loop."""
    async with engine.connect() as connection:
        await connection.execute(SELECT)
    await asyncio.sleep(seconds)


async def dispose_often(engine: Any) -> None:
    """Replace the pool again and again, then continue."""
    for _ in range(20):
        await use(engine, 0)
        await engine.dispose()
    await use(engine, 2)
    await engine.dispose()


def now_and_then(engine: Any) -> None:
    """Run the loop for a moment, do something else for longer, close it, and go on in another loop."""
    loop = asyncio.new_event_loop()
    for _ in range(4):
        loop.run_until_complete(use(engine, 0.05))
        time.sleep(0.5)
    loop.run_until_complete(engine.dispose())
    loop.close()
    time.sleep(0.5)
    asyncio.run(dispose_often(engine))


if __name__ == "__main__":
    now_and_then(create_async_engine(sys.argv[1]))
