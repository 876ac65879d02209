"""The faults, their keys and how they are healed; and the tour, which plays them one after the other."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg

from db_health_demo.postgres import Database
from db_health_demo.watcher import Status, Watcher

ACTIONS = {  # by name: the key, the label, the action, and the expected verdict
    "leak": ("l", "leak connection", "a request forgets to close its session", "the pool loses one"),
    "wedge": ("w", "wedge pool", "every session waits for a reply that never comes", "app_pool_wedged"),
    "block": ("b", "block the loop", "a call that does not yield, with the pool full", "app_pool_wedged"),
    "freeze": ("f", "freeze database", "SIGSTOP to every process of PostgreSQL", "database_down"),
    "thaw": ("t", "thaw", "SIGCONT to every process of PostgreSQL", "healthy"),
    "fill": ("m", "fill server", "others take every connection up to max_connections", "server_full"),
    "password": ("p", "rotate password", "ALTER ROLE with a word nobody was told", "credentials_rejected"),
    "readonly": ("o", "read-only", "default_transaction_read_only for everybody", "writes_blocked"),
    "heal": ("h", "heal all", "everything is undone; the application is restarted if need be", "healthy"),
}
OF_APPLICATION = {"leak", "wedge", "block"}
OF_SERVER = {"fill", "password", "readonly"}  # not possible while the server is frozen

WITHIN = 30.0  # seconds for a verdict
LEAK = "the place of the leak"  # while the verdict stays healthy
SCENES = (  # the text, the action, how often, and the expected verdict
    ("A request forgets its session: one connection of five is lost", "leak", 1, LEAK),
    ("Three more: a single connection serves everybody", "leak", 3, "app_pool_exhausted"),
    ("The last one: nobody gets a connection any more", "leak", 1, "app_pool_wedged"),
    ("Restarted, as a kubelet would do by /app/livez", "heal", 1, "healthy"),
    ("Now the database stands still; a restart of the application would not help", "freeze", 1, "database_down"),
    ("It goes on", "thaw", 1, "healthy"),
)


class Faults:
    """Breaks and heals, one fault at a time; `fail` makes the application make a mistake, which `restart` cures."""

    def __init__(self, database: Database, fail: Callable[[str], None], restart: Callable[[], Awaitable[None]]) -> None:
        self._database, self._fail, self._restart = database, fail, restart
        self._active: dict[str, int] = {}
        self._lock = asyncio.Lock()

    def active(self) -> str:
        """Name the present faults, with a count for those that can be repeated."""
        return ", ".join(name if count == 1 else f"{count} times {name}" for name, count in self._active.items())

    async def do(self, name: str) -> str:
        """Do an action and return a sentence about its result."""
        async with self._lock:
            if name in OF_SERVER and "freeze" in self._active:
                return f"{name}: not while the database is frozen: thaw it first"
            try:
                return f"{name}: {await self._do(name) or ACTIONS[name][2]}"
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                return f"{name}: not possible now ({type(error).__name__})"

    async def _do(self, name: str) -> str | None:
        if name == "heal":
            return await self._heal()
        if name == "thaw":
            self._database.part.thaw()
            self._active.pop("freeze", None)
            return None
        if name in OF_APPLICATION:
            self._fail(name)
        elif name == "freeze":
            self._database.part.freeze()
        elif name == "fill":
            self._database.fill()
        elif name == "password":
            await self._database.set_password(secrets.token_urlsafe(12))
        else:
            await self._database.set_read_only("on")
        self._active[name] = self._active.get(name, 0) + 1 if name == "leak" else 1
        return None

    async def _heal(self) -> str:
        if not self._active:
            return "nothing is broken"
        self._database.part.thaw()
        self._database.drain()
        if "password" in self._active:
            await self._database.set_password(self._database.password)
        if "readonly" in self._active:
            await self._database.set_read_only("off")
        if restarts := not OF_APPLICATION.isdisjoint(self._active):
            await self._restart()
        self._active.clear()
        return f"everything is undone{'; the application is restarted, as a kubelet would do' if restarts else ''}"


async def play_tour(faults: Faults, watcher: Watcher, say: Callable[[str], None]) -> int:
    """Play every scene; return 0 if each verdict came in time, else 1."""
    say(describe(watcher.status))
    for title, action, times, expected in SCENES:
        say(f"\n=== {title}")
        began = time.monotonic()
        for _ in range(times):
            say(f"    {await faults.do(action)}")
        if not await watcher.wait_for(partial(has_come, expected), WITHIN):
            say(f"    {expected} did not come within {WITHIN:g} s")
            return 1
        say(f"    after {time.monotonic() - began:.1f} s:\n{describe(watcher.status)}")
    return 0


def has_come(expected: str, status: Status) -> bool:
    """Return whether a status shows the expected verdict or leak."""
    return bool(status.location) if expected == LEAK else status.verdict == expected


def describe(status: Status) -> str:
    """Return a status as the lines of the transcript."""
    next_line = f"\n{'':14}"
    taken = f"{next_line}taken at {status.location}" if status.location else ""
    return f"""\
    verdict   {status.verdict}{next_line}{status.advice.replace(". ", f".{next_line}", 1)}
    pool      {status.used} of {status.maximum} in use, {status.pending} waiting, oldest {status.oldest:.1f} s{taken}
    probes    {", ".join(f"{path} {words}" for path, words in status.probes.items())}
    endpoints {", ".join(f"{path} {code}" for path, code in status.endpoints.items())}"""
