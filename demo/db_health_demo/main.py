"""`db-health-exporter demo`: the process that supervises the others, and its parent, which leaves nothing behind."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from db_health_demo import control, processes
from db_health_demo.application import MISTAKES
from db_health_demo.faults import ACTIONS, Faults, play_tour
from db_health_demo.ports import LOOPBACK, reserve
from db_health_demo.postgres import Database
from db_health_demo.screen import Screen
from db_health_demo.watcher import Watcher

SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
STARTS_WITHIN = 30.0  # seconds
ENDS_WITHIN = 10  # seconds for the supervisor to clear up before its parent does
PACE = {  # seconds, shorter than the defaults; the environment overrides them
    "APP_POOL_WEDGED_AFTER": "10",
    "PROBE_INTERVAL": "1",
    "FRESH_PROBE_INTERVAL": "5",
    "WRITE_PROBE_INTERVAL": "5",
    "DBHEALTH_LEAK_AFTER": "5",
}
KEYS = {key: name for name, (key, *_) in ACTIONS.items()}


def main(arguments: list[str]) -> int:
    """Run the demo; return 0 after an orderly end."""
    about = "An embedded PostgreSQL, a small busy application and the exporter: break them, watch the verdict."
    parser = argparse.ArgumentParser("db-health-exporter demo", description=about, allow_abbrev=False)
    parser.add_argument("--seconds", type=float, metavar="N", help="end by itself after so long")
    parser.add_argument("--scenario", action="store_true", help="play a scripted tour and print a transcript")
    given = parser.parse_args(arguments)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until each process has its handlers
    for each in (signal.SIGTSTP, signal.SIGTTOU):  # a stopped demo would keep the terminal
        signal.signal(each, signal.SIG_IGN)
    folder = Path(tempfile.mkdtemp(prefix="dbhealth-demo-"))
    folder.chmod(0o711)  # the database's user must pass through
    screen = Screen(scripted=given.scenario)
    processes.tell_kernel(processes.ADOPT_ORPHANS, 1)
    supervisor = os.fork()
    if supervisor:
        return _guard(supervisor, folder, screen)
    status = 1
    try:
        processes.tell_kernel(processes.DIE_WITH_PARENT, signal.SIGTERM)
        processes.tell_kernel(processes.ADOPT_ORPHANS, 1)
        status = asyncio.run(Supervisor(folder, screen).run(seconds=given.seconds, scripted=given.scenario))
    finally:
        processes.clear(folder)
        os._exit(status)


def _guard(supervisor: int, folder: Path, screen: Screen) -> int:
    """Pass signals on to the supervisor, and clear up after it, however it ends."""

    def end(number: int, _: object) -> None:
        signal.alarm(ENDS_WITHIN)
        with suppress(ProcessLookupError):
            os.kill(supervisor, signal.SIGKILL if number == signal.SIGALRM else signal.SIGTERM)

    for each in (signal.SIGALRM, *SIGNALS):
        signal.signal(each, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    status = os.waitstatus_to_exitcode(os.waitpid(supervisor, 0)[1])
    signal.alarm(0)
    processes.clear(folder)
    if status < 0:
        screen.restore("\x1b[?25h\x1b[?1049l")  # show the cursor, leave the alternate screen
        sys.stderr.write("db-health-exporter demo: it was ended from outside; what was left is cleared away\n")
        return 1
    screen.say("everything has ended; nothing is left behind")
    return status


class Supervisor:
    """Owns the parts, and the tasks that watch them."""

    def __init__(self, folder: Path, screen: Screen) -> None:
        self._folder, self._screen = folder, screen
        self._reservations = reserve(9850), reserve(9851, udp=True), reserve(9852), reserve(), reserve()
        self._port, self._reports, self._control, self._shop, port = (port for port, _ in self._reservations)
        self._database = Database(folder, port)
        self._faults = Faults(
            self._database, lambda name: self._parts["application"].process.send_signal(MISTAKES[name]), self._restart
        )
        self._exporter = f"http://{LOOPBACK}:{self._port}"
        self._watcher = Watcher(self._exporter, f"http://{LOOPBACK}:{self._shop}", self._faults.active)
        self._pace = {name: os.environ.get(name) or seconds for name, seconds in PACE.items()}
        self._parts: dict[str, processes.Part] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stop = asyncio.Event()

    async def run(self, *, seconds: float | None, scripted: bool) -> int:
        """Run until a signal, a key, the time or an error ends it; return the exit status."""
        for each in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(each, self._stop.set)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        performance = self._task(self._perform(seconds=seconds, scripted=scripted))
        ends = {performance, self._task(self._stop.wait()), self._task(self._watch_parts())}
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        self._screen.leave()
        self._screen.say("ending everything")
        for task in self._tasks - done:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._database.drain()
        await asyncio.gather(*(part.end() for part in self._parts.values()))
        if error := next(filter(None, (task.exception() for task in done)), None):
            sys.stderr.write(f"db-health-exporter demo: {error or type(error).__name__}\n")
            return 1
        return performance.result() if performance in done else 0

    async def _perform(self, *, seconds: float | None, scripted: bool) -> int:
        """Start the parts in the order of their dependencies; play the tour, or wait for keys."""
        began = time.monotonic()
        await self._start_application()  # started first: its imports take long, and it waits for the database by itself
        await self._database.start()
        self._parts["postgres"] = self._database.part
        await self._database.create_shop()
        self._screen.say(f"PostgreSQL answers after {time.monotonic() - began:.1f} s")
        address = {"LISTEN_HOST": LOOPBACK, "LISTEN_PORT": str(self._port), "DATABASE_URL": self._database.url}
        reports = {"APP_POOL_LISTEN": f"{LOOPBACK}:{self._reports}/udp"}
        await self._start("exporter", "exporter", "serve", environment=self._pace | address | reports)
        page = await control.serve(self._control, self._exporter, status=lambda: self._watcher.status, do=self._do)
        try:
            watching = self._task(self._watcher.run(self._screen.show))
            await self._watcher.wait_for(lambda now: "answered" in now.requests, STARTS_WITHIN)
            if not await self._watcher.wait_for(lambda now: now.verdict == "healthy", STARTS_WITHIN):
                raise RuntimeError(f"not healthy within {STARTS_WITHIN:g} s: {self._watcher.status.advice}")
            self._screen.say(f"ready after {time.monotonic() - began:.1f} s")
            paths = {"page": "", "health": "healthz?verbose", "metrics": "metrics"}
            links = {name: f"{self._exporter}/{path}" for name, path in paths.items()}
            wedged, probe, fresh, _, leak = self._pace.values()
            pace = f"wedged {wedged} s (30), probe {probe} s (5), fresh {fresh} s (60), leak {leak} s (30)"
            links |= {"control": f"http://{LOOPBACK}:{self._control}/", "shortened": pace}
            self._screen.enter(links, self._press)
            if scripted:
                return await play_tour(self._faults, self._watcher, self._screen.say)
            done, _ = await asyncio.wait({watching}, timeout=seconds)
            return 0 if not done else watching.result()  # it ends only by an error
        finally:
            await page.cleanup()

    def _press(self, key: str) -> None:
        if key in "q\x04":
            self._stop.set()
        elif key in KEYS:
            self._task(self._do(KEYS[key]))

    async def _do(self, name: str) -> None:
        self._screen.say(await self._faults.do(name))

    def _task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        return task

    async def _watch_parts(self) -> None:
        """Raise a RuntimeError as soon as a part has ended by itself."""
        while True:
            for part in self._parts.values():
                if (status := part.process.returncode) is not None:
                    raise RuntimeError(f"{part.name} has ended with status {status}:\n{part.last_lines()}")
            await asyncio.sleep(0.2)

    async def _start(self, name: str, *arguments: str, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", *arguments]
        self._parts[name] = await processes.start(self._folder, name, command, environment)

    async def _start_application(self) -> None:
        url = f"{self._database.url.replace('://', '+asyncpg://')}?plugin=dbhealth&dbhealth_interval=0.5"
        reports = {"DBHEALTH_ADDRESS": f"{LOOPBACK}:{self._reports}", **self._pace}
        # On the path, so that a report names a place in it from there, wherever it is installed.
        path = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))))
        environment = {"SHOP_URL": url, "SHOP_PORT": str(self._shop), "PYTHONPATH": path, **reports}
        await self._start("application", "db_health_demo.application", environment=environment)

    async def _restart(self) -> None:
        await self._parts.pop("application").end()
        await self._watcher.wait_for(lambda now: not now.requests, STARTS_WITHIN)
        await self._start_application()
        await self._watcher.wait_for(lambda now: "answered" in now.requests, STARTS_WITHIN)
