"""A small application with a pool of two connections: it queries, wedges on request, and ends slowly."""

import asyncio
import os
import sys
import time

import db_health_reporter
from aiohttp import web
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

GRACE = float(os.environ.get("GRACE", "0"))  # seconds between the request to end and the end
ENGINE = web.AppKey("engine", AsyncEngine)
TASKS = web.AppKey("tasks", list[asyncio.Task[object]])


def engine() -> AsyncEngine:
    """Two connections, reported to the exporter of the same pod."""
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://")
    made = create_async_engine(url, pool_size=2, max_overflow=0, pool_timeout=300)
    db_health_reporter.report(made, pool="orders")
    return made


async def orders(request: web.Request) -> web.Response:
    """Query the database."""
    async with request.app[ENGINE].connect() as connection:
        return web.Response(text=str(await connection.scalar(text("select 42"))))


async def wedge(request: web.Request) -> web.Response:
    """Keep every connection for ever, and let two requests wait for one."""
    for _ in range(4):
        request.app[TASKS].append(asyncio.create_task(request.app[ENGINE].connect().start()))
    await asyncio.sleep(0.1)
    return web.Response(text="wedged")


async def hello(_: web.Request) -> web.Response:
    """Answer without the database."""
    return web.Response(text="hello")


async def lifetime(app: web.Application) -> None:
    """End slowly, as an application with open requests does."""
    del app
    print(f"{time.time():.3f} asked to end", flush=True)
    await asyncio.sleep(GRACE)
    print(f"{time.time():.3f} ended", flush=True)


def main() -> None:
    """Serve until SIGTERM."""
    if sys.argv[1:] == ["once"]:
        print("a job is done")
        return
    app = web.Application()
    app[ENGINE] = engine()
    app[TASKS] = []
    app.add_routes([web.get("/", hello), web.get("/orders", orders), web.post("/wedge", wedge)])
    app.on_shutdown.append(lifetime)
    web.run_app(app, port=8000, print=None)


if __name__ == "__main__":
    main()
