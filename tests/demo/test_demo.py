"""The demo as a user runs it: keys and links change the verdict, and nothing outlives it, however it ends."""

import re
import socket
import termios
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.demo.conftest import PATIENCE, Demo, StartDemo, get_status
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]


@pytest.mark.extended
def test_each_key_changes_the_verdict_and_ctrl_c_leaves_nothing(start_demo: StartDemo) -> None:
    """Faults of database and application, each healed by `h`; Ctrl-C gives back terminal, folder and every process."""
    demo = start_demo(terminal=True).ready()
    for path in ("/", "/healthz?verbose", "/metrics"):
        assert get_status(urllib.request.Request(f"{demo.page}{path}")) == 200

    for key, verdict in (
        ("m", "server_full"),
        ("p", "credentials_rejected"),
        ("o", "writes_blocked"),
        ("f", "database_down"),
        ("w", "app_pool_wedged"),
        ("b", "app_pool_wedged"),
    ):
        demo.press(key)
        demo.expect(verdict)
        demo.press("h")
        demo.expect("healthy")
    before = demo.processes()
    demo.press("\x03")

    assert demo.process.wait(timeout=15) == 0
    demo.wait_until_nothing_is_left(before)
    assert len(before) > 10
    assert termios.tcgetattr(demo.slave) == demo.before
    assert demo.output.rindex("\x1b[?1049l") > demo.output.rindex("\x1b[?1049h")


@pytest.mark.extended
def test_links_do_what_keys_do(start_demo: StartDemo) -> None:
    """Without a terminal the control page is enough, other sites' pages cannot use it, and SIGTERM leaves nothing."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # another process holds it, which is as good
            taken.bind(("127.0.0.1", 9850))
            taken.listen()
        demo = start_demo().ready()
    assert ":9850" not in demo.page

    assert demo.click("leak", Origin="http://elsewhere.example") == 403
    assert demo.click("nonsense") == 404
    assert demo.click("leak") == 200
    location = until(demo.leak, within=PATIENCE, what="the leak's place")
    assert re.fullmatch(r"db_health_demo/application\.py:\d+ in Shop\.export_orders", location)
    until(lambda: location in demo.control_page(), within=PATIENCE, what="the leak's place on the control page")
    assert demo.click("heal") == 200
    until(lambda: not demo.leak(), within=PATIENCE, what="no leak")
    before = demo.processes()
    demo.process.terminate()

    assert demo.process.wait(timeout=15) == 0
    demo.wait_until_nothing_is_left(before)


@pytest.mark.extended
def test_the_tour_shows_every_verdict(start_demo: StartDemo) -> None:
    """The scripted tour shows every verdict that it announces, and ends with status 0."""
    demo = start_demo("--scenario")

    assert demo.process.wait(timeout=90) == 0, demo.output
    for verdict in ("app_pool_exhausted", "app_pool_wedged", "database_down"):
        assert f"verdict   {verdict}" in demo.output
    assert not list(demo.home.iterdir())


def _kill(demo: Demo) -> None:
    demo.process.kill()


def _kill_supervisor(demo: Demo) -> None:
    psutil.Process(demo.process.pid).children()[0].kill()


def _kill_exporter(demo: Demo) -> None:
    parts = psutil.Process(demo.process.pid).children(recursive=True)
    next(each for each in parts if each.cmdline()[-2:] == ["exporter", "serve"]).kill()


@pytest.mark.extended
@pytest.mark.parametrize(
    ("end", "status"),
    [(_kill, -9), (_kill_supervisor, 1), (_kill_exporter, 1), (Demo.hang_up, 0)],
    ids=["kill -9", "kill -9 of the supervisor", "a part fails", "hang-up"],
)
def test_nothing_outlives_it(start_demo: StartDemo, end: Callable[[Demo], None], status: int) -> None:
    """However it ends, even with a frozen database, no process, folder or shared memory is left."""
    demo = start_demo(terminal=end is Demo.hang_up).ready()
    demo.click("freeze")
    before = demo.processes()

    end(demo)

    assert demo.process.wait(timeout=20) == status, demo.output
    demo.wait_until_nothing_is_left(before)


def test_it_ends_by_itself(start_demo: StartDemo) -> None:
    """`--seconds` ends it with status 0."""
    began = time.monotonic()
    demo = start_demo("--seconds", "1")

    assert demo.process.wait(timeout=PATIENCE) == 0, demo.output
    assert time.monotonic() - began > 1
    assert not list(demo.home.iterdir())
