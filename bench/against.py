"""Compares the working tree with another revision in one run, in turns, each with the image's dependencies."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench import footprint
from bench.bed import ROOT, Bed, Program
from bench.load import measure
from bench.reports import Reports
from tests.support.background import Background
from tests.support.proxy import Proxy
from tests.support.server_factory import ServerFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.bed import Exporter

Figures = dict[str, list[float]]
SETTLED = 3.0  # seconds after the last request
COUNTED = 10.0  # seconds in which round trips are counted
UNITS = {
    "RssAnon": "MiB",
    "start to the first /healthz": "s",
    "start, processor time": "s",
    "/healthz p50": "ms",
    "/healthz processor time": "ms",  # the figure that a busy machine changes least
    "/metrics p50": "ms",
    "/metrics processor time": "ms",
    "round trips of a probe": "",
}


def compare(revision: str, *, rounds: int) -> int:
    """Print the medians of both and their ratio (below 1: the working tree needs less); the exit status is 0.

    Raises:
        subprocess.CalledProcessError: if git does not know the revision, or its dependencies cannot be installed.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        then = _program(stack.enter_context(_worktree(revision, folder / "then")), folder / "then-environment")
        now = _program(ROOT, folder / "now-environment")
        factory = ServerFactory()
        stack.callback(factory.close)
        bed = Bed(factory, stack)
        found: dict[Program, Figures] = {then: {}, now: {}}
        for program in found:  # this compiles it
            bed.exporter(program).end()
        for number in range(rounds):
            order = list(found) if number % 2 else list(reversed(found))
            print(f"round {number + 1} of {rounds}", flush=True)
            for program in order:
                for what, figure in _measure(bed, program).items():
                    found[program].setdefault(what, []).append(figure)
            for what, both in _speed(bed, order).items():
                for program, figure in both.items():
                    found[program].setdefault(what, []).append(figure)
        for program, figures in found.items():
            figures["round trips of a probe"] = [_round_trips(bed, program)]
        _print(revision, found[then], found[now])
    return 0


@contextmanager
def _worktree(revision: str, folder: Path) -> Iterator[Path]:
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), revision], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def _program(root: Path, environment: Path) -> Program:
    """Install the image's dependencies, and nothing else, for this source."""
    python = environment / "bin/python"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    subprocess.run([python, "-m", "pip", "install", *quiet, "-r", root / "requirements/image.txt"], check=True)
    return Program(root, str(python))


def _measure(bed: Bed, program: Program) -> dict[str, float]:
    """Time the start of one process, and read its memory after 100 requests to each endpoint."""
    exporter = bed.exporter(program)
    busy = footprint.cpu_ticks(exporter.pid)
    exporter.warm()
    time.sleep(SETTLED)
    anonymous = footprint.status(exporter.pid, "RssAnon")
    exporter.end()
    return {
        "RssAnon": anonymous,
        "start to the first /healthz": exporter.start_seconds,
        "start, processor time": busy,
    }


def _speed(bed: Bed, programs: list[Program]) -> dict[str, dict[Program, float]]:
    """Measure both in turns, each while the other is idle."""
    found: dict[str, dict[Program, float]] = {what: {} for what in UNITS if what.startswith("/")}
    running: dict[Program, tuple[Exporter, Reports]] = {}
    for program in programs:
        exporter = bed.exporter(program)
        running[program] = exporter, Reports(exporter.report_port)
        exporter.warm()
    for path in ("/healthz", "/metrics"):
        for program, (exporter, _) in running.items():
            busy = footprint.cpu_seconds(exporter.pid)
            load = measure(exporter.port, path)
            busy = footprint.cpu_seconds(exporter.pid) - busy
            found[f"{path} p50"][program] = load.p50 * 1000
            found[f"{path} processor time"][program] = busy / sum(load.statuses.values()) * 1000
    for exporter, reports in running.values():
        reports.close()
        exporter.end()
    return found


def _round_trips(bed: Bed, program: Program) -> float:
    """Round trips to the database for each pooled probe once warm, the server's statistics every 30 s left out."""
    with ExitStack() as stack:
        background = Background()
        stack.callback(background.close)
        proxy = Proxy(background, (bed.server.host, bed.server.port))
        stack.callback(proxy.close)
        url = bed.server.url(host="127.0.0.1", port=proxy.port, sslmode="disable")
        exporter = bed.exporter(program, DATABASE_URL=url, PROBE_INTERVAL="1", FRESH_PROBE_INTERVAL="0")
        time.sleep(SETTLED)
        before, probes = proxy.round_trips, _probes(exporter)
        time.sleep(COUNTED)
        round_trips, probes = proxy.round_trips - before, _probes(exporter) - probes
        exporter.end()
    return round_trips / probes


def _probes(exporter: Exporter) -> float:
    text = exporter.get("/metrics")[1].decode()
    counters = re.findall(r'(?m)^dbhealth_probes_total\{.*path="pooled".*\} (\S+)$', text)
    return sum(map(float, counters))


def _print(revision: str, then: Figures, now: Figures) -> None:
    print(f"{'medians':<30}{revision[:12]:>14}{'now':>14}{'ratio':>10}{'of rounds':>16}")
    for what, unit in UNITS.items():
        before, after = statistics.median(then[what]), statistics.median(now[what])
        ratios = [new / old for old, new in zip(then[what], now[what], strict=True)]
        spread = f"{min(ratios):.2f} - {max(ratios):.2f}"
        name = f"{what}, {unit}" if unit else what
        print(f"{name:<30}{before:>14.3f}{after:>14.3f}{statistics.median(ratios):>10.2f}{spread:>16}")
