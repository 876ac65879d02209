"""The compose file, by the loader that docker compose itself uses."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.tools import ROOT, tool

COMPOSE = ROOT / "examples/compose/compose.yaml"

pytestmark = pytest.mark.extended


def load(file: Path) -> "subprocess.CompletedProcess[str]":
    """What the loader says of a file."""
    command: list[str | Path] = [tool("compose", "cmd"), file]
    return subprocess.run(command, cwd=file.parent, capture_output=True, text=True, check=False)


def test_the_loader_accepts_it() -> None:
    """By its schema, and with what its services refer to."""
    done = load(COMPOSE)

    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower()


def test_a_slip_would_be_found(tmp_path: Path) -> None:
    """The loader is strict: this test would not be worth much otherwise."""
    slip = tmp_path / "compose.yaml"
    slip.write_text(COMPOSE.read_text().replace("network_mode:", "network_mod:"))

    assert load(slip).returncode != 0


def test_what_it_builds_is_there() -> None:
    """Each context and its Dockerfile."""
    services: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    built = [service["build"] for service in services.values() if "build" in service]

    assert len(built) == 2
    for build in built:
        context = COMPOSE.parent / build["context"]
        assert (context / build.get("dockerfile", "Dockerfile")).is_file()
        assert all((COMPOSE.parent / folder).is_dir() for folder in build.get("additional_contexts", {}).values())
