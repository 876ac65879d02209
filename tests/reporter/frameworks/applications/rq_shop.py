"""A job of RQ that holds its pool's only connection for a while and succeeds."""

import os
import time
from typing import Any

from sqlalchemy import create_engine, text

engine: Any = create_engine(os.environ["DATABASE_URL"], pool_size=1, max_overflow=0)


def order(seconds: float) -> None:
    """Hold a session."""
    with engine.connect() as connection:
        connection.execute(text("select 1"))
        time.sleep(seconds)


def enqueue(seconds: float) -> None:
    """Put a job into the queue."""
    from redis import Redis  # type: ignore[import-not-found] # in its own environment only
    from rq import Queue  # type: ignore[import-not-found]

    Queue(connection=Redis.from_url(os.environ["REDIS_URL"])).enqueue(order, seconds)
