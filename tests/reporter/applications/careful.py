"""An application that works for a second whatever becomes of its reports, and says how that went."""

import asyncio
import json
import logging
import sys
import time
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

SELECT = text("select 1")
SECONDS = 1.2


def errors() -> int:
    """How many reports the reporter could not send."""
    process = sys.modules["db_health_reporter.plugin"]._process()
    return sum(reporter._channel.errors for reporter in process._reporters)


def say(taken: list[float]) -> None:
    """Tell the test, and end."""
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


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG, format="%(name)s %(message)s")
    logging.getLogger("asyncio").setLevel(logging.INFO)
    if sys.argv[2] == "async":
        asyncio.run(asynchronous(create_async_engine(sys.argv[1])))
    else:
        synchronous(create_engine(sys.argv[1]))
