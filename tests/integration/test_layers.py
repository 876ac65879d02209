"""Imports point down, nothing is done at import, and the package has types for its users."""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = ("app", "cli.commands", "database.sessions", "settings.model")  # together they import every other module

AT_IMPORT = """
import asyncio, importlib, logging, os, sys, threading
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith(("socket.", "subprocess.")) else None)
before = dict(os.environ), logging.getLogger().handlers[:], logging.getLogger().level
from prometheus_client import REGISTRY
collectors = len(REGISTRY._collector_to_names)
importlib.import_module("exporter." + sys.argv[1])
assert before == (dict(os.environ), logging.getLogger().handlers[:], logging.getLogger().level), "environment, logging"
assert len(REGISTRY._collector_to_names) == collectors, "the global registry"
assert threading.active_count() == 1, threading.enumerate()
engines = [event for event in opened if event != "socket.gethostname"]
assert not [e for e in engines if e in ("socket.connect", "socket.bind", "subprocess.Popen")], engines
"""


@pytest.mark.extended
def test_imports_point_down() -> None:
    """The contracts of pyproject.toml hold."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stdout


def test_package_is_typed() -> None:
    """The package has the marker `py.typed`."""
    assert files("exporter").joinpath("py.typed").is_file()


@pytest.mark.extended
def test_import_does_nothing() -> None:
    """An import reads no environment, sets up no log, connects nothing, registers nothing in global places."""
    running = {
        name: subprocess.Popen(
            [sys.executable, "-c", AT_IMPORT, name],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name in MODULES
    }
    said = {name: process.communicate(timeout=60)[0] for name, process in running.items()}

    assert len(running) == 4
    assert {name: text for name, text in said.items() if text} == {}
