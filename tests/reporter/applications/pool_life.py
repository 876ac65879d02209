"""Takes a pool through every state, a step for each line of input, and prints what SQLAlchemy says of it."""

import asyncio
import json
import sys
import threading
from typing import Any

from sqlalchemy import create_engine, event, exc, text
from sqlalchemy.ext.asyncio import create_async_engine

SELECT = text("select 1")
KILL = text("select pg_terminate_backend(pid) from pg_stat_activity where usename = user and pid <> pg_backend_pid()")


class Life:
    """One engine, with counts by SQLAlchemy's own events."""

    def __init__(self, url: str, *, asynchronous: bool) -> None:
        """Make the engine; no connection yet."""
        options: dict[str, Any] = {"pool_size": 2, "max_overflow": 1, "pool_timeout": 3, "pool_pre_ping": True}
        self.asynchronous = asynchronous
        if asynchronous:
            self.engine: Any = create_async_engine(url, **options)
            self.core = self.engine.sync_engine
        else:
            self.engine = self.core = create_engine(url, future=True, **options)
        self.held: list[Any] = []
        self.counted = dict.fromkeys(("connects", "timeouts", "invalidations", "checkouts", "checkins"), 0)
        self._count("connects", "connect")
        self._count("checkins", "checkin")
        self._count("invalidations", "invalidate")
        self._count("invalidations", "soft_invalidate")

    def _count(self, name: str, what: str) -> None:
        def more(*_: object) -> None:
            self.counted[name] += 1

        event.listen(self.core, what, more)

    async def may(self, value: Any) -> Any:
        """Await the value if the engine is asynchronous."""
        return await value if self.asynchronous else value

    async def take(self) -> None:
        """Check a connection out and use it."""
        self.counted["checkouts"] += 1
        try:
            connection = await self.may(self.engine.connect())
        except exc.TimeoutError:
            self.counted["timeouts"] += 1
            return
        await self.may(connection.execute(SELECT))
        self.held.append(connection)

    async def give(self, number: int = 0) -> None:
        """Return a connection."""
        await self.may(self.held.pop(number).close())

    def say(self, step: str, **more: object) -> None:
        """Print what SQLAlchemy says of the engine's pool."""
        pool: Any = self.core.pool
        said = {
            "size": pool.size(),
            "checked_out_connections": pool.checkedout(),
            "checked_in_connections": pool.checkedin(),
            "overflow_connections": max(0, pool.overflow()),
            "max_connections": pool.size() + 1,
            "pending_requests": 0,
        }
        print(json.dumps({"step": step, "gauges": {**said, **more}, "counted": self.counted}), flush=True)

    async def next(self) -> None:
        """Wait for the test; an event loop keeps running."""
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def live(life: Life) -> None:
    """Take the pool through every state."""
    await life.take()
    life.say("first connect")
    await life.next()
    await life.take()
    await life.take()
    life.say("overflow")
    await life.next()

    if life.asynchronous:
        waiter: Any = asyncio.create_task(life.take())
    else:
        waiter = threading.Thread(target=lambda: asyncio.run(life.take()))
        waiter.start()
    while life.counted["checkouts"] < 4:
        await asyncio.sleep(0.01)
    life.say("waiting", pending_requests=1)
    await life.next()
    await (waiter if life.asynchronous else asyncio.get_running_loop().run_in_executor(None, waiter.join))
    life.say("time-out")
    await life.next()

    await life.give()
    life.say("overflow returned")
    await life.next()
    await life.give()
    life.say("one idle")
    await life.next()

    await life.may(life.held[0].invalidate())
    life.say("invalidated")
    await life.next()
    await life.may(life.held[0].rollback())
    life.counted["checkouts"] += 1
    await life.may(life.held[0].execute(SELECT))
    life.say("connected again")
    await life.next()

    life.core.pool._recycle = 0
    await life.give()
    await life.take()
    life.core.pool._recycle = -1
    life.say("recycled")
    await life.next()

    await life.give()
    killer = create_engine(sys.argv[3])
    with killer.connect() as connection:
        connection.execute(KILL)
    killer.dispose()
    await life.take()
    await life.take()
    life.say("connected again after the server closed all")
    await life.next()

    await life.may(life.engine.dispose())
    life.say("disposed with two out")
    await life.next()
    await life.take()
    life.say("a new pool")
    await life.next()
    await life.give()
    await life.give()
    life.say("what the old pool lent has come back to it")
    await life.next()
    await life.give()
    await life.may(life.engine.dispose())
    life.say("empty")
    await life.next()


if __name__ == "__main__":
    asyncio.run(live(Life(sys.argv[1], asynchronous=sys.argv[2] == "async")))
