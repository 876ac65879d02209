"""A FastAPI application. `DBHEALTH_INSTALL=1 uvicorn --workers 2 main:app` reports its pool; no line of it knows."""

import os
from typing import Any

from fastapi import FastAPI, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=5, max_overflow=0)
app = FastAPI()


@app.get("/alive")
async def alive() -> Response:
    """Answer without the database: what its state is, the exporter tells."""
    return Response("alive")


@app.get("/")
async def orders() -> dict[str, Any]:
    """One query."""
    async with engine.connect() as connection:
        return {"time": await connection.scalar(text("SELECT now()"))}
