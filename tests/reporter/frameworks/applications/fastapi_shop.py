"""A FastAPI application with an asynchronous engine, and a synchronous one used in asynchronous handlers."""

import asyncio
import os
from typing import Any

from fastapi import FastAPI, Response  # type: ignore[import-not-found] # in its own environment only
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

SELECT = text("select 1")
held: list[Any] = []


def trace() -> None:
    """Switch on the tracer that the environment names."""
    if os.environ.get("TRACER") == "opentelemetry":
        from opentelemetry.instrumentation.sqlalchemy import (  # type: ignore[import-not-found]
            SQLAlchemyInstrumentor,
        )

        SQLAlchemyInstrumentor().instrument(engine=engine.sync_engine)
    elif os.environ.get("TRACER") == "sentry":
        import sentry_sdk  # type: ignore[import-not-found]

        sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", traces_sample_rate=1.0)


engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=2, max_overflow=1)
synchronous = create_engine(
    os.environ["DATABASE_URL"].replace("+asyncpg", "+psycopg2"), pool_logging_name="synchronous"
)
trace()
app: Any = FastAPI()


@app.get("/alive")  # type: ignore[untyped-decorator]
async def alive() -> Any:
    """Answer without the database."""
    return Response("alive")


@app.get("/")  # type: ignore[untyped-decorator]
async def use() -> Any:
    """One query, answered with the number of the process."""
    async with engine.connect() as connection:
        await connection.execute(SELECT)
    await asyncio.sleep(0.05)
    return Response(str(os.getpid()))


@app.get("/leak")  # type: ignore[untyped-decorator]
async def leak() -> Any:
    """Take a connection and never give it back."""
    held.append(await engine.connect())
    return Response("leaked")


@app.get("/block")  # type: ignore[untyped-decorator]
async def block() -> Any:
    """Let a synchronous query block the event loop, as on a dead connection."""
    with synchronous.connect() as connection:
        connection.execute(text("select pg_sleep(8)"))
    return Response("over")
