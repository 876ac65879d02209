"""A demo as a user starts it: in a folder of its own, in a terminal of its own or with pipes."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.needs import need
from tests.support.waiting import until

QUICK = {
    "APP_POOL_WEDGED_AFTER": "2",
    "FRESH_PROBE_INTERVAL": "1",
    "WRITE_PROBE_INTERVAL": "1",
    "DBHEALTH_LEAK_AFTER": "1",
}
PATIENCE = 40.0  # seconds: this machine may be busy with other things


class Demo:
    """One run, with the actions of its user."""

    def __init__(self, home: Path, *arguments: str, terminal: bool = False) -> None:
        """Start it."""
        self.home, self.output, self.slave = home, "", -1
        self._master, writer = os.openpty() if terminal else os.pipe()
        if terminal:
            self.slave = writer
            self.before = termios.tcgetattr(writer)
            fcntl.ioctl(writer, termios.TIOCSWINSZ, b"\x18\x00\x50\x00\x00\x00\x00\x00")  # 24 lines, 80 columns
        self.process = subprocess.Popen(
            [sys.executable, "-m", "exporter", "demo", *arguments],
            env={**os.environ, **QUICK, "TMPDIR": str(home), "TERM": "xterm"},
            cwd=home,
            stdin=writer if terminal else subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            start_new_session=True,
            preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if terminal else None,  # noqa: PLW1509 - one call
        )
        if not terminal:
            os.close(writer)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while data := os.read(self._master, 2**16):
                self.output += data.decode(errors="replace")
        except OSError:
            return

    def ready(self) -> "Demo":
        """Wait for the links."""
        self.control, self.page = self.link("control"), self.link("page")
        return self

    def link(self, name: str) -> str:
        """The address shown under this name."""
        pattern = re.compile(name + r"(?:\s|\x1b\[[\d;]*m)+(http://127\.0\.0\.1:\d+)/")

        def found() -> str:
            assert self.process.poll() is None, self.output
            match = pattern.search(self.output)
            return match[1] if match else ""

        return until(found, within=PATIENCE, what=f"the link {name}", every=0.05)

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def click(self, name: str, **headers: str) -> int:
        """Press a button of the control page; the status after redirects."""
        return get_status(urllib.request.Request(f"{self.control}/do/{name}", method="POST", headers=headers))

    def control_page(self) -> str:
        """The control page as text."""
        with urllib.request.urlopen(self.control, timeout=10) as answer:
            return str(answer.read().decode())

    def diagnosis(self) -> dict[str, Any]:
        """The exporter's diagnosis of the database."""
        request = urllib.request.Request(f"{self.page}/app/livez", headers={"Accept": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)["databases"]["shop"]  # type: ignore[no-any-return]
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)["databases"]["shop"]  # type: ignore[no-any-return]

    def leak(self) -> str:
        """Where the application took the oldest leaked connection, if there is one."""
        return str(self.diagnosis().get("oldest_checkout", {}).get("location", ""))

    def expect(self, verdict: str) -> None:
        """Wait for a verdict."""
        seen = lambda: self.diagnosis()["verdict"] == verdict  # noqa: E731
        until(seen, within=PATIENCE, what=f"{verdict}\n{self.output[-3000:]}", every=0.1)

    def processes(self) -> list[psutil.Process]:
        """Every process that descends from the demo or works in its folder."""
        found = {psutil.Process(self.process.pid)} if self.process.poll() is None else set()
        found |= {child for each in [*found] for child in each.children(recursive=True)}
        return [*found, *(each for each in psutil.process_iter() if each not in found and self._works_here(each))]

    def _works_here(self, process: psutil.Process) -> bool:
        try:
            return process.cwd().startswith(str(self.home))
        except psutil.Error:
            return False

    def wait_until_nothing_is_left(self, before: list[psutil.Process]) -> None:
        """Wait until no process, no file and no shared memory of the demo is left."""

        def nothing() -> bool:
            alive = [each for each in before if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
            creators = {int(line.split()[4]) for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}
            ours = creators & {each.pid for each in before}
            return not (alive or self.processes() or ours or any(self.home.iterdir()))

        until(nothing, within=15, what=f"nothing left\n{self.output}", every=0.05)

    def hang_up(self) -> None:
        """Close the terminal, as a lost connection does."""
        os.close(self.slave)
        os.close(self._master)
        self.slave = self._master = -1

    def close(self) -> None:
        """End remaining processes."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=15)
        for each in self.processes():  # after a failed test: its processes must not affect the next one
            each.send_signal(signal.SIGKILL)
        for descriptor in {self.slave, self._master} - {-1}:
            os.close(descriptor)


def get_status(request: urllib.request.Request) -> int:
    """The status of an answer, also of an error."""
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


StartDemo = Callable[..., Demo]


@pytest.fixture
def start_demo() -> Iterator[StartDemo]:
    """Start a demo in a folder that the database's user may enter."""
    need(Path("/proc/self/stat").exists(), "needs /proc")
    demos: list[Demo] = []

    def start(*arguments: str, terminal: bool = False) -> Demo:
        home = Path(tempfile.mkdtemp(prefix="demo-"))
        home.chmod(0o755)
        demos.append(Demo(home, *arguments, terminal=terminal))
        return demos[-1]

    yield start
    for demo in demos:
        demo.close()
        shutil.rmtree(demo.home, ignore_errors=True)
