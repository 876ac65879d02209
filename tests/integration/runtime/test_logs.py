"""The log: one line for each event, in text or in JSON, on stderr."""

import json
import subprocess
import sys
from typing import Any

import pytest

PROGRAM = """
import logging, sys, warnings
from exporter.runtime import logs  # noqa: PLC0415 - the libraries come after the settings
logs.set_up(style=sys.argv[1], level=sys.argv[2])
log = logging.getLogger("exporter.probing.monitor")
log.debug("detail")
log.info("two\\nlines", extra={"database": "app", "outcome": "auth"})
log.error("bad")
warnings.warn("a library's")
logging.getLogger("sqlalchemy.pool").error("terminated on purpose")
logging.getLogger("asyncio").warning("slow callback")
try:  # noqa: SIM105 - a context manager costs more than all of this
    1 / 0
except ZeroDivisionError:
    log.exception("broken")
"""


def logged(style: str, level: str) -> str:
    """The log of a separate process."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, style, level],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == ""
    return done.stderr


def test_text_has_time_level_logger_and_message() -> None:
    """A line of text has the time, the level, the logger and the message."""
    text = logged("text", "info")

    assert "INFO exporter.probing.monitor: two lines\n" in text
    assert "ERROR exporter.probing.monitor: bad" in text
    assert "ZeroDivisionError" in text
    assert "detail" not in text
    [warning] = [line for line in text.splitlines() if "a library's" in line]
    assert "WARNING py.warnings: " in warning


def test_json_is_one_object_a_line() -> None:
    """A line of JSON is one object, with extra fields and tracebacks."""
    entries: list[dict[str, Any]] = [json.loads(line) for line in logged("json", "info").splitlines()]

    warning = entries.pop(2)
    assert warning["logger"] == "py.warnings"
    assert "a library's" in warning["message"]
    assert [entry["message"] for entry in entries] == ["two\nlines", "bad", "broken"]
    assert entries[0] | {"time": ""} == {
        "time": "",
        "level": "info",
        "logger": "exporter.probing.monitor",
        "message": "two\nlines",
        "database": "app",
        "outcome": "auth",
    }
    assert entries[0]["time"].endswith("+00:00")
    assert "ZeroDivisionError" in entries[2]["exception"]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("level", "seen"), [("debug", True), ("info", True), ("warning", False), ("error", False)])
def test_level_filters_the_log(level: str, seen: bool) -> None:
    """Records below the level are not written, and expected warnings never are."""
    text = logged("text", level)

    assert ("lines" in text) is seen
    assert ("detail" in text) is (level == "debug")
    assert "bad" in text
    assert "on purpose" not in text
    assert "slow callback" not in text
