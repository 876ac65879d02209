"""What can be broken, by which key, and how it is healed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import asyncpg

from exporter.demo.actions import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from exporter.demo.database import Database

CONTROL_ANSWERS_WITHIN = aiohttp.ClientTimeout(total=1.0)


OF_APPLICATION = ("leak", "wedge", "block")


class Faults:
    """Breaks and heals, one thing at a time."""

    def __init__(self, database: Database, *, application: str, restart: Callable[[], Awaitable[None]]) -> None:
        """Break this database, and the application at this address, which `restart` cures."""
        self._database = database
        self._application = application
        self._restart = restart
        self._active: dict[str, int] = {}
        self._lock = asyncio.Lock()

    def active(self) -> tuple[str, ...]:
        """Name what is broken now, and how often where it can be so more than once."""
        return tuple(name if count == 1 else f"{count} times {name}" for name, count in self._active.items())

    async def do(self, name: str) -> str:
        """Do it and return a sentence about what has happened."""
        async with self._lock:
            if name not in {"freeze", "thaw", "heal", *OF_APPLICATION} and "freeze" in self._active:
                return f"{name}: not while the database is frozen: thaw it first"
            try:
                return f"{name}: {await self._do(name)}"
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, aiohttp.ClientError) as error:
                return f"{name}: not possible now ({type(error).__name__})"

    async def _do(self, name: str) -> str:
        action = BY_NAME[name]
        if name in OF_APPLICATION:
            await self._ask(name)
            self._active[name] = self._active.get(name, 0) + 1 if name == "leak" else 1
            return action.story
        if name == "heal":
            return await self._heal()
        if name == "thaw":
            self._database.thaw()
            self._active.pop("freeze", None)
            return action.story
        story = await self._break(name) or action.story
        self._active[name] = 1
        return story

    async def _break(self, name: str) -> str | None:
        database = self._database
        if name == "freeze":
            database.freeze()
        elif name == "fill":
            return f"{await database.fill()} more connections are taken, and none is left"
        elif name == "password":
            await database.rotate(back=False)
        else:
            await database.set_read_only(value=True)
        return None

    async def _heal(self) -> str:
        broken = dict(self._active)
        if not broken:
            return "nothing is broken"
        self._database.thaw()
        self._database.drain()
        if "password" in broken:
            await self._database.rotate(back=True)
        if "readonly" in broken:
            await self._database.set_read_only(value=False)
        if ill := any(name in broken for name in OF_APPLICATION):
            await self._restart()
        self._active.clear()
        return f"everything is undone{'; the application is restarted, as a kubelet would do' if ill else ''}"

    async def _ask(self, name: str) -> None:
        async with (
            aiohttp.ClientSession(timeout=CONTROL_ANSWERS_WITHIN) as session,
            session.post(f"{self._application}/{name}") as answer,
        ):
            answer.raise_for_status()
