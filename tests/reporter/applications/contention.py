"""Many threads, or many tasks, that compete for a small pool; counted by the application itself."""

import asyncio
import json
import sys
import threading
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

SELECT = text("select 1")
SEVERAL, TIMES = 12, 100
OPTIONS: dict[str, Any] = {"pool_size": 1, "max_overflow": 2}


def thread(engine: Any) -> None:
    """One of many threads."""
    for _ in range(TIMES):
        with engine.connect() as connection:
            connection.execute(SELECT)


async def task(engine: Any) -> None:
    """One of many tasks."""
    for _ in range(TIMES):
        async with engine.connect() as connection:
            await connection.execute(SELECT)


async def tasks(url: str) -> None:
    """Run all tasks."""
    engine = create_async_engine(url, **OPTIONS)
    await asyncio.gather(*(task(engine) for _ in range(SEVERAL)))
    await asyncio.get_running_loop().run_in_executor(None, say)
    await engine.dispose()


def say() -> None:
    """Print how often, and wait."""
    print(json.dumps(SEVERAL * TIMES), flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    if sys.argv[2] == "async":
        asyncio.run(tasks(sys.argv[1]))
    else:
        shared = create_engine(sys.argv[1], **OPTIONS)
        crowd = [threading.Thread(target=thread, args=(shared,)) for _ in range(SEVERAL)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
        say()
