"""A web application with one engine, for servers that fork and servers that start new processes."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

SELECT = text("select 1")
engine: Any = (create_async_engine if os.environ["KIND"] == "async" else create_engine)(os.environ["URL"])


def wsgi(_environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """One query, answered with the number of the process."""
    with engine.connect() as connection:
        connection.execute(SELECT)
    time.sleep(0.05)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


async def asgi(scope: dict[str, Any], _receive: object, send: Callable[..., Any]) -> None:
    """The same on an event loop."""
    if scope["type"] != "http":
        return
    async with engine.connect() as connection:
        await connection.execute(SELECT)
    await asyncio.sleep(0.05)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
