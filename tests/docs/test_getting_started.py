"""Getting started on one's own machine: each command of the page, in its order, and what it prints."""

import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.support.needs import need_root, need_tools
from tests.support.postgres import Postgres
from tests.support.waiting import until

BLOCKS = blocks(ROOT / "docs/getting-started.md")


def shape(text: str) -> str:
    """A text with every number alike."""
    return re.sub(r"\d+(\.\d+)?", "N", text).strip()


class Machine:
    """A reader's machine: a network of its own, in which port 9850 is free, and the exporter on the path."""

    def __init__(self, server: Postgres, programs: Path, cleanup: ExitStack) -> None:
        """Make both; the database is reached over its socket."""
        need_root()
        need_tools("unshare", "nsenter", "ip", "curl")
        program = programs / "db-health-exporter"
        program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m exporter "$@"\n')
        program.chmod(0o755)
        self.environment = {
            "PATH": f"{programs}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "DATABASE_URL": f"postgresql://postgres@/app?host={server.data}&port={server.port}",
        }
        self.cleanup = cleanup
        self.inside: list[str] = []
        held = self.spawn("exec unshare --net sleep 600")
        mine = Path("/proc/self/ns/net").readlink()
        until(lambda: Path(f"/proc/{held.pid}/ns/net").readlink() != mine, within=10, what="a network of its own")
        self.inside = ["nsenter", "--net", f"--target={held.pid}"]
        self.run("ip link set lo up")

    def run(self, command: str) -> str:
        """What a command prints; it must succeed."""
        words = [*self.inside, "bash", "-ec", command]
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def spawn(self, command: str) -> "subprocess.Popen[bytes]":
        """Start a command that goes on until the test ends."""
        words = [*self.inside, "bash", "-ec", command]
        process = subprocess.Popen(words, env=self.environment, stderr=subprocess.DEVNULL, start_new_session=True)
        self.cleanup.callback(process.wait)
        self.cleanup.callback(process.terminate)
        return process

    def ready(self) -> bool:
        """Whether the exporter has seen the database by both probes."""
        return self.run("curl -s 'localhost:9850/healthz?verbose' || true").count("success") > 1


@pytest.mark.extended
def test_commands_print_what_the_page_shows(server: Postgres, cleanup: ExitStack, tmp_path: Path) -> None:
    """Numbers apart."""
    machine = Machine(server, tmp_path, cleanup)
    compared, printed = 0, ""
    for block in BLOCKS:
        if block.mark == "run in the background":
            machine.spawn(f"exec {block.text}")
            until(machine.ready, within=20, what="the exporter has seen the database", every=0.2)
        elif block.mark == "run":
            printed = machine.run(block.text)
            assert "[-]" not in printed
        elif block.mark == "prints":
            assert shape(printed) == shape(block.text)
            compared += 1

    assert compared >= 3
