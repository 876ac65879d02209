"""The cast: the database, the application, the exporter, the watcher and the control page, put together."""

from __future__ import annotations

import asyncio
import os
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from exporter.demo import parts
from exporter.demo.control import Control
from exporter.demo.database import Database
from exporter.demo.faults import Faults
from exporter.demo.ports import LOOPBACK, Ports
from exporter.demo.status import Links
from exporter.demo.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PORT, APP_POOL_PORT, CONTROL_PORT = 9850, 9851, 9852
SHORTENED = {  # so that nobody has to wait for the show; what the environment says goes first
    "PROBE_INTERVAL": "1",
    "FRESH_PROBE_INTERVAL": "5",
    "WRITE_PROBE_INTERVAL": "5",
    "APP_POOL_WEDGED_AFTER": "10",
    "DBHEALTH_LEAK_AFTER": "5",
}
SAID = {  # the same for people, with what is usual
    "wedged": ("APP_POOL_WEDGED_AFTER", "30"),
    "probe": ("PROBE_INTERVAL", "5"),
    "fresh": ("FRESH_PROBE_INTERVAL", "60"),
    "leak": ("DBHEALTH_LEAK_AFTER", "30"),
}
STARTS_WITHIN = 30.0  # seconds
REPORT_INTERVAL = "0.5"  # seconds between the application's reports


class Play:
    """Start it, do what the audience wants, end it."""

    def __init__(self, folder: Path, *, say: Callable[[str], None]) -> None:
        """Keep everything in this folder; nothing is started yet."""
        self.ready = False
        self._folder, self._say = folder, say
        self._reserved = Ports()
        self.database = Database(folder, self._reserved.choose())
        self._pace = {name: os.environ.get(name) or value for name, value in SHORTENED.items()}
        choose = self._reserved.choose
        self._ports = choose(PORT), choose(APP_POOL_PORT, udp=True), choose(CONTROL_PORT), choose()
        page, self._reports, _, application = self._ports
        self._page, self._shop = f"http://{LOOPBACK}:{page}", f"http://{LOOPBACK}:{application}"
        self.faults = Faults(self.database, application=self._shop, restart=self._restart)
        self.watcher = Watcher(self._page, self._shop, faults=self.faults.active)
        self._control = Control(lambda: self.watcher.status, do=self.do, page=self._page)
        self._parts: dict[str, parts.Part] = {}
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> Links:
        """Start all, in the order in which they need each other."""
        began = time.monotonic()
        await self._start_application()  # it waits for the database by itself, and takes long to import
        await self.database.start()
        self._parts["postgres"] = self.database.part
        self._say(f"PostgreSQL answers after {time.monotonic() - began:.1f} s")
        await self._start("exporter", parts.python("exporter", "serve"), self._exporter_environment())
        await self._control.start(self._ports[2])
        self._watching = asyncio.create_task(self.watcher.run(), name="watcher")
        await self.watcher.wait_for(lambda status: status.verdict == "healthy", within=STARTS_WITHIN)
        self.ready = True
        self._say(f"ready after {time.monotonic() - began:.1f} s")
        if find_spec("db_health_reporter") is None:
            self._say("the application's pool is not reported: install db-health-reporter to see it")
        pace = {effect: (self._pace[name], usual) for effect, (name, usual) in SAID.items()}
        return Links(self._page, self._control.url, pace)

    async def do(self, name: str) -> None:
        """Break or heal something, and say what has happened."""
        self._say(await self.faults.do(name))

    async def watch_parts(self) -> None:
        """Look whether every part still runs.

        Raises:
            RuntimeError: one has ended by itself.
        """
        while True:
            for part in list(self._parts.values()):
                if part.process.returncode is not None:
                    raise RuntimeError(
                        f"{part.name} has ended with status {part.process.returncode}:\n{part.last_words()}"
                    )
            if self._watching is not None and self._watching.done():
                self._watching.result()
            await asyncio.sleep(0.2)

    async def end(self) -> None:
        """End all at once."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        others = [part.end() for name, part in self._parts.items() if name != "postgres"]
        await asyncio.gather(self._control.end(), self.database.end(), *others)

    async def _start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self._parts[name] = await parts.start(
            name, command, folder=self._folder, environment={**parts.our_path(), **environment}
        )

    async def _start_application(self) -> None:
        plugin = "?plugin=dbhealth" if find_spec("db_health_reporter") is not None else ""
        environment = {
            "SHOP_URL": self.database.url.replace("://", "+asyncpg://") + plugin,
            "SHOP_PORT": self._shop.rpartition(":")[2],
            "DBHEALTH_ADDRESS": f"{LOOPBACK}:{self._reports}",
            "DBHEALTH_INTERVAL": REPORT_INTERVAL,
            "DBHEALTH_LEAK_AFTER": self._pace["DBHEALTH_LEAK_AFTER"],
        }
        await self._start("application", parts.python("exporter.demo.application"), environment)

    async def _restart(self) -> None:
        await self._parts.pop("application").end()
        self.watcher.forget_application()
        await self._start_application()
        await self.watcher.wait_for(lambda status: bool(status.answered), within=STARTS_WITHIN)

    def _exporter_environment(self) -> dict[str, str]:
        port, reports, *_ = self._ports
        return {
            "DATABASE_URL": self.database.url,
            "LISTEN_HOST": LOOPBACK,
            "LISTEN_PORT": str(port),
            "APP_POOL_LISTEN": f"{LOOPBACK}:{reports}/udp",
            **{name: value for name, value in self._pace.items() if not name.startswith("DBHEALTH_")},
        }
