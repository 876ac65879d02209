"""The application, in its own process: a small shop with random customers, metrics, and a signal for each mistake."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from exporter.database.sessions import init_db
from prometheus_client import REGISTRY, Counter, start_http_server
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from db_health_demo.ports import LOOPBACK

POOL = {"pool_size": 3, "max_overflow": 2, "pool_timeout": 3.0}  # seconds that a request waits for a connection
REQUESTS_PER_SECOND, CONCURRENT_REQUESTS = 15.0, 100  # a real server would refuse more at once, too
MISTAKES = {"leak": signal.SIGRTMIN, "wedge": signal.SIGRTMIN + 1, "block": signal.SIGRTMIN + 2}  # these are queued


class Shop:
    """Serves random requests, each a task with a session, and counts their results."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._sessions = async_sessionmaker(engine)
        self._requests = Counter("shop_requests", "requests by how they ended", ["outcome"], registry=REGISTRY)
        self._tasks: set[asyncio.Task[None]] = set()
        self._forgotten: list[AsyncSession] = []
        self._reply = asyncio.Event()  # never set

    async def run(self) -> None:
        """Serve requests as soon as the database answers, until cancelled; make a mistake at each signal."""
        opened = False
        while not opened:
            with suppress(SQLAlchemyError, OSError):
                await init_db(self._engine)  # the table of the exporter's write probe: a migration's job
                opened = True
            await asyncio.sleep(0.1)
        mistakes = {"leak": [self.export_orders], "wedge": [self.reserve_goods] * 5}
        mistakes["block"] = [*mistakes["wedge"][1:], self.print_invoice]  # with the pool full and requests waiting
        for name, requests in mistakes.items():
            asyncio.get_running_loop().add_signal_handler(MISTAKES[name], self._accept, *requests)
        while True:
            await asyncio.sleep(random.expovariate(REQUESTS_PER_SECOND))
            if len(self._tasks) < CONCURRENT_REQUESTS:
                self._accept(self.place_order)
            else:
                self._requests.labels("TooManyRequests").inc()

    async def place_order(self) -> None:
        """Sell something, and pay while the transaction is open, as so many applications do."""
        async with self._sessions.begin() as session:
            good = {"id": random.randint(1, 100)}  # noqa: S311 - any will do
            await session.execute(text("UPDATE goods SET stock = stock - 1 WHERE id = :id"), good)
            await session.execute(text("INSERT INTO orders (good) VALUES (:id)"), good)
            await asyncio.sleep(random.uniform(0.05, 0.1))  # noqa: S311

    async def export_orders(self) -> None:
        """Leak: take a session, read, and forget to close it."""
        session = self._sessions()
        await session.execute(text("SELECT * FROM orders LIMIT 1"))
        self._forgotten.append(session)

    async def reserve_goods(self) -> None:
        """Wedge: hold a transaction open while waiting for a reply that never comes."""
        async with self._sessions.begin() as session:
            await session.execute(text("SELECT stock FROM goods LIMIT 1"))
            await self._reply.wait()

    async def print_invoice(self) -> None:
        """Block: in a transaction, call a function that does not yield to the event loop, as a printer's driver."""
        async with self._sessions.begin() as session:
            await session.execute(text("SELECT * FROM orders LIMIT 1"))
            while True:
                time.sleep(60)  # noqa: ASYNC251 - the mistake

    def _accept(self, *requests: Callable[[], Coroutine[Any, Any, None]]) -> None:
        for request in requests:
            task = asyncio.create_task(self._serve(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, request: Callable[[], Coroutine[Any, Any, None]]) -> None:
        outcome = "answered"
        try:
            await request()
        except (SQLAlchemyError, OSError) as error:
            outcome = type(getattr(getattr(error, "orig", None), "__cause__", None) or error).__name__
        self._requests.labels(outcome).inc()


async def main() -> None:
    """Serve until SIGTERM."""
    engine = create_async_engine(os.environ["SHOP_URL"], pool_pre_ping=True, **POOL)
    start_http_server(int(os.environ["SHOP_PORT"]), addr=LOOPBACK)
    traffic = asyncio.create_task(Shop(engine).run(), name="traffic")
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, traffic.cancel)
    with suppress(asyncio.CancelledError):
        await traffic


if __name__ == "__main__":
    asyncio.run(main())
