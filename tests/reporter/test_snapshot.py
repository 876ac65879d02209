"""Leaks in a report: each one, except connections held on purpose, and never with an unrelated request."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.reporter.conftest import Reports, Start

PREAMBLE = """
import sys, time, threading, contextlib
from sqlalchemy import create_engine, pool, text
import db_health_reporter
engine = create_engine(sys.argv[1], poolclass=pool.QueuePool)
db_health_reporter.report(engine, pool="app", interval=0.1, address=sys.argv[2], leak_after=LEAK_AFTER)
held = []
def view(leaks, seconds):
    if leaks:
        held.append(engine.connect())
    time.sleep(seconds)
"""
SEVERAL = """
listening = engine.connect()
db_health_reporter.long_lived(listening)
for _ in range(3):
    held.append(engine.connect())
time.sleep(0.5)
"""
SAME_VIEW = "view(True, 0)\nview(False, 1)\n"
STILL_RUNNING = "view(True, 1)\n"
GENERATOR = """
@contextlib.contextmanager
def scope():
    with engine.connect() as connection:
        yield connection
def handler():
    with scope():
        time.sleep(1)
handler()
"""
NESTED = """
def handler():
    with engine.connect():
        with engine.connect():
            pass
        time.sleep(1)
handler()
"""


@pytest.fixture
def run(start: Start, reports: Reports, sqlite: str, tmp_path: Path) -> Any:
    """Run an instrumented script and return its reports."""

    def go(script: str, leak_after: float = 0.1) -> list[dict[str, Any]]:
        file = tmp_path / "shop.py"
        file.write_text(PREAMBLE.replace("LEAK_AFTER", str(leak_after)) + script)
        process = start("2.1", file, sqlite, reports.address)
        out, log = process.communicate(timeout=30)
        assert (process.returncode, out, log) == (0, "", "")
        return reports.received()

    return go


def doing(received: list[dict[str, Any]]) -> set[str]:
    """The reported activity of the oldest leak's holder."""
    return {report["oldest"]["doing"] for report in received if "doing" in report.get("oldest", {})}


def test_each_leak_is_named(run: Any) -> None:
    """Three leaks are reported, without the connection that is held on purpose."""
    received = run(SEVERAL)

    leaks = [report["leaks"] for report in received if "leaks" in report][-1]
    assert len({leak["id"] for leak in leaks}) == len(leaks) == 3
    (where,) = {leak["where"] for leak in leaks}
    assert re.fullmatch(r"shop\.py:\d+ in <module>", where)
    assert received[-2]["checked_out"] == 4


def test_leak_after_0_calls_nothing_a_leak(run: Any) -> None:
    """With `leak_after` 0 a pool has no leaks, and the oldest checkout's age is still reported."""
    received = run(STILL_RUNNING, leak_after=0)

    assert not any(report.get("oldest", {}).get("leak") for report in received)
    assert max(report["oldest"]["age"] for report in received if "oldest" in report) > 0.3


def test_next_call_of_the_leaking_function_is_not_blamed(run: Any) -> None:
    """The next call of the function that leaked is not reported as the holder."""
    assert doing(run(SAME_VIEW)) == {"the call that took it has returned"}


@pytest.mark.parametrize("script", [STILL_RUNNING, NESTED])
def test_running_call_that_took_the_connection_is_described(script: str, run: Any) -> None:
    """The call that took the connection is described while it runs, with or without another checkout in it."""
    (told,) = doing(run(script))

    assert " in view" in told or " in handler" in told


def test_caller_of_a_generator_is_unknown(run: Any) -> None:
    """A context manager made from a generator is suspended: the activity of its caller is unknown."""
    assert doing(run(GENERATOR)) == {"unknown: it was taken in a generator, whose caller cannot be seen"}
