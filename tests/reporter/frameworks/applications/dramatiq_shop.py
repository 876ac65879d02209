"""Actors of Dramatiq that use a database."""

import os
from typing import Any

import dramatiq  # type: ignore[import-not-found] # in its own environment only
from dramatiq.brokers.redis import RedisBroker  # type: ignore[import-not-found]
from sqlalchemy import create_engine, text

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))
engine: Any = create_engine(os.environ["DATABASE_URL"], pool_size=2)


@dramatiq.actor  # type: ignore[untyped-decorator]
def order() -> None:
    """One query."""
    with engine.connect() as connection:
        connection.execute(text("select 1"))
