"""Works for a second whether or not reports can be sent, and prints how long each query took."""

import asyncio
import gc
import json
import logging
import os
import sys
import time
import warnings
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

SELECT = text("select 1")
SECONDS = 1.2


def errors() -> int:
    """The number of reports that could not be sent."""
    process = sys.modules["db_health_reporter.plugin"]._process_reporter()
    return sum(reporter._writer.sender.errors for reporter in process._reporters)


def say(taken: list[float]) -> None:
    """Print the result."""
    median = sorted(taken)[len(taken) // 2]
    print(json.dumps({"times": len(taken), "median": median, "errors": errors()}), flush=True)


def synchronous(engine: Any) -> None:
    """Work in a thread."""
    taken, end = [], time.monotonic() + SECONDS
    while (began := time.monotonic()) < end:
        with engine.connect() as connection:
            connection.execute(SELECT)
        taken.append(time.monotonic() - began)
    say(taken)


async def asynchronous(engine: Any) -> None:
    """Work on an event loop."""
    taken, end = [], time.monotonic() + SECONDS
    while (began := time.monotonic()) < end:
        async with engine.connect() as connection:
            await connection.execute(SELECT)
        taken.append(time.monotonic() - began)
    say(taken)
    await engine.dispose()


def use(engine: Any) -> None:
    """One query, and time for a report of it."""
    with engine.connect() as connection:
        connection.execute(SELECT)
    time.sleep(0.15)


def several(url: str) -> None:
    """Engines that come and go, are renamed and disposed of, here and in a child."""
    engines = [create_engine(url) for _ in range(3)]
    for engine in engines:
        use(engine)
    report: Any = __import__("db_health_reporter").report
    report(engines[1], pool="renamed")
    engines[2].dispose()
    for engine in engines:
        use(engine)
    engines.pop().dispose()
    del engine
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads, which the child lacks
        pid = os.fork()
    for engine in engines:
        engine.dispose(close=pid != 0)
        use(engine)
        engine.dispose()
    if pid:
        assert os.waitpid(pid, 0)[1] == 0
    asyncio.run(several_asynchronous(url.replace("psycopg2", "asyncpg")))


async def several_asynchronous(url: str) -> None:
    """The same on an event loop."""
    engines = [create_async_engine(url) for _ in range(2)]
    for engine in engines * 3:
        async with engine.connect() as connection:
            await connection.execute(SELECT)
        await asyncio.sleep(0.15)
        await engine.dispose()


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG, format="%(name)s %(message)s")
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # in development mode it logs that the machine is slow
    if sys.argv[2] == "several":
        several(sys.argv[1])
    elif sys.argv[2] == "async":
        asyncio.run(asynchronous(create_async_engine(sys.argv[1])))
    else:
        synchronous(create_engine(sys.argv[1]))
