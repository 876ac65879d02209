"""The application as a process of its own: traffic on the shop, and a control endpoint that makes it misbehave."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from exporter.demo.ports import LOOPBACK
from exporter.demo.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sqlalchemy.ext.asyncio import AsyncEngine

POOL_SIZE, MAX_OVERFLOW = 3, 2
POOL_TIMEOUT = 3.0  # seconds that a request waits for a connection before it gives up
REQUESTS_PER_SECOND = 15.0
DATABASE_COMES_WITHIN = 30.0  # seconds
MOST_AT_ONCE = 100  # a real server would refuse more, too
ORDERS_SHARE = 0.7


class Application:
    """Requests come at random, each a task; what becomes of them is counted."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Serve customers from this engine."""
        self.counts = Counter(answered=0, failed=0)
        self.last_error = ""
        self._shop = Shop(engine)
        self._pool = engine.pool
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Open the shop and let customers in for ever."""
        await self._open()
        while True:
            await asyncio.sleep(random.expovariate(REQUESTS_PER_SECOND))
            if len(self._tasks) < MOST_AT_ONCE:
                orders = random.random() < ORDERS_SHARE  # noqa: S311
                self._take(self._shop.place_order() if orders else self._shop.look_around())
            else:
                self.counts["failed"] += 1
                self.last_error = "TooManyRequests"

    async def _open(self) -> None:
        """Open the shop as soon as the database is there."""
        limit = asyncio.get_running_loop().time() + DATABASE_COMES_WITHIN
        while True:
            try:
                return await self._shop.open()
            except (SQLAlchemyError, OSError):
                if asyncio.get_running_loop().time() > limit:
                    raise
                await asyncio.sleep(0.1)

    async def leak(self, _: web.Request) -> web.Response:
        """Lose one connection."""
        self._take(self._shop.export_orders())
        return web.Response()

    async def wedge(self, _: web.Request) -> web.Response:
        """Lose every connection to requests that wait for ever."""
        for _each in range(POOL_SIZE + MAX_OVERFLOW):
            self._take(self._shop.reserve_goods())
        return web.Response()

    async def block(self, _: web.Request) -> web.Response:
        """Stop the event loop while every connection is in use: who comes last finds the others waiting."""
        for _each in range(POOL_SIZE + MAX_OVERFLOW - 1):
            self._take(self._shop.reserve_goods())
        self._take(self._shop.print_invoice())
        return web.Response()

    async def state(self, _: web.Request) -> web.Response:
        """Tell how many requests were answered, how many failed, and why."""
        return web.json_response({**self.counts, "error": self.last_error})

    def _take(self, request: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(self._serve(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, request: Coroutine[None, None, None]) -> None:
        try:
            await request
        except (SQLAlchemyError, OSError) as error:
            self.counts["failed"] += 1
            cause = getattr(getattr(error, "orig", None), "__cause__", None) or error
            self.last_error = type(cause).__name__
        else:
            self.counts["answered"] += 1


async def main() -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    engine = create_async_engine(
        os.environ["SHOP_URL"],
        pool_size=POOL_SIZE,
        max_overflow=MAX_OVERFLOW,
        pool_timeout=POOL_TIMEOUT,
        pool_pre_ping=True,
    )
    application = Application(engine)
    server = web.Application()
    faults = {"/leak": application.leak, "/wedge": application.wedge, "/block": application.block}
    server.add_routes([web.get("/state", application.state), *(web.post(*each) for each in faults.items())])
    runner = web.AppRunner(server, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, int(os.environ["SHOP_PORT"])).start()
    traffic = asyncio.create_task(application.run(), name="traffic")
    waiting = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({traffic, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if traffic.done():
        traffic.result()  # it ends by an error only


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
