"""Measures speed, memory, start and idle cost in one run, and prints medians beside their goals."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench import against, footprint, web_config
from bench.bed import PEER, Bed
from bench.load import Load, measure
from bench.reports import Reports
from exporter.database import server_stats
from tests.support.server_factory import ServerFactory

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

    from bench.bed import Exporter, Peer

    Session = psycopg.Connection[tuple[object, ...]]

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
IDLE_SECONDS = float(os.environ.get("BENCH_IDLE_SECONDS", "60"))
COPIES = 5
SESSIONS = 20
SETTLED = 3.0  # seconds after the last request
NOISE = 1.5  # a frozen database may change a median by this factor and no more


@dataclass
class Table:
    """Prints each result at once."""

    missed: list[str] = field(default_factory=list)

    def line(self, what: str, found: str, *, goal: str = "", met: bool = True) -> None:
        """Print one figure."""
        if not met:
            self.missed.append(what)
        verdict = "" if not goal else "  ok" if met else "  MISSED"
        print(f"  {what:<44}{found:>14}   {goal:<16}{verdict}", flush=True)


def main() -> int:
    """Measure everything, or compare with another revision; 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--against", metavar="REVISION", help="compare with this commit instead, and print ratios")
    revision = parser.parse_args().against
    return against.compare(revision, rounds=ROUNDS) if revision else _measure()


def _measure() -> int:
    table = Table()
    with ExitStack() as stack:
        server_factory = ServerFactory()
        stack.callback(server_factory.close)
        bed = Bed(server_factory, stack)
        tls = "with" if bed.tls else "without"
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {tls} TLS to the database; medians")
        _speed(bed, table, stack)
        _start(bed, table)
        _idle(bed, table)
        _statistics(bed, table)
        _memory(bed, table)
    print(f"missed: {', '.join(table.missed)}" if table.missed else "every goal is met")
    return int(bool(table.missed))


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3f} ms"


def _median(loads: Iterable[Load]) -> float:
    return statistics.median(load.p50 for load in loads)


@dataclass
class Rounds:
    """Medians of each round, in seconds: healthy, frozen, and the peer's while healthy."""

    health: list[Load] = field(default_factory=list)
    metrics: list[Load] = field(default_factory=list)
    theirs: list[Load] = field(default_factory=list)
    frozen_health: list[Load] = field(default_factory=list)
    frozen_metrics: list[Load] = field(default_factory=list)


def _speed(bed: Bed, table: Table, stack: ExitStack) -> None:
    exporter, peer = bed.exporter(), bed.peer()
    reports = Reports(exporter.report_port)
    stack.callback(reports.close)
    exporter.warm()
    print("speed, 4 clients on keep-alive connections, application pools reported by 4 workers")
    found = _take_turns(bed, exporter, peer)
    mine, scrape = _median(found.health), _median(found.metrics)
    table.line("/healthz p50", _milliseconds(mine), goal="< 0.5 ms", met=mine < 0.0005)
    table.line("/healthz a second", f"{statistics.median(load.per_second for load in found.health):.0f}")
    table.line(f"/metrics p50 ({found.metrics[0].size / 1024:.0f} KiB)", _milliseconds(scrape))
    if found.theirs:
        theirs = _median(found.theirs)
        ratio = theirs / scrape
        table.line(f"postgres_exporter's p50 ({found.theirs[0].size / 1024:.0f} KiB)", _milliseconds(theirs))
        table.line("/metrics is faster by", f"{ratio:.0f} times", goal=">= 20 times", met=ratio >= 20)
    else:
        table.line(f"{PEER} is not installed", "left out")
    for what, healthy, frozen in (
        ("/healthz", found.health, found.frozen_health),
        ("/metrics", found.metrics, found.frozen_metrics),
    ):
        pairs = zip(healthy, frozen, strict=True)
        factor = statistics.median(after.p50 / before.p50 for before, after in pairs)
        table.line(f"{what} p50, database frozen", _milliseconds(_median(frozen)))
        table.line("  against the same when healthy", f"{factor:.2f}", goal=f"< {NOISE:g}", met=factor < NOISE)
    reports.close()
    exporter.end()
    if peer is not None:
        peer.end()


def _take_turns(bed: Bed, exporter: Exporter, peer: Peer | None) -> Rounds:
    """Measure all in turns, freezing the database in each, so that load on the machine affects all alike."""
    found = Rounds()
    for _ in range(ROUNDS):
        found.health.append(measure(exporter.port, "/healthz"))
        found.metrics.append(measure(exporter.port, "/metrics"))
        if peer is not None:
            found.theirs.append(measure(peer.port, "/metrics"))
        bed.server.freeze()
        exporter.wait_for(503)
        found.frozen_health.append(measure(exporter.port, "/healthz"))
        found.frozen_metrics.append(measure(exporter.port, "/metrics"))
        bed.server.thaw()
        exporter.wait_for(200)
        if set(found.health[-1].statuses) != {"200"} or set(found.frozen_health[-1].statuses) != {"503"}:
            raise RuntimeError(f"not what was to be measured: {found.health[-1]}, {found.frozen_health[-1]}")
    return found


def _start(bed: Bed, table: Table) -> None:
    print("start")
    took, busy = [], []
    for _ in range(ROUNDS):
        exporter = bed.exporter()
        took.append(exporter.start_seconds)
        busy.append(footprint.cpu_ticks(exporter.pid))
        exporter.end()
    found = statistics.median(took)
    table.line("start to the first /healthz answer", f"{found:.2f} s", goal="< 1 s", met=found < 1.0)
    table.line("  processor time of it, the settings' included", f"{statistics.median(busy):.2f} s")


def _idle(bed: Bed, table: Table) -> None:
    print(f"idle, a probe every 5 s, over {IDLE_SECONDS:g} s")
    exporter = bed.exporter()
    time.sleep(SETTLED)
    before, began = footprint.cpu_seconds(exporter.pid), time.monotonic()
    time.sleep(IDLE_SECONDS)
    share = (footprint.cpu_seconds(exporter.pid) - before) / (time.monotonic() - began)
    sessions = bed.server.sessions()
    exporter.end()
    table.line("share of one core", f"{share:.3%}", goal="< 0.2 %", met=share < 0.002)
    table.line("connections held", str(sessions), goal="1", met=sessions == 1)


def _statistics(bed: Bed, table: Table) -> None:
    """Let the server time the statistics queries that a monitor runs every 30 s."""
    print(f"the server's statistics, with {SESSIONS} sessions")
    with ExitStack() as stack:
        sessions = [stack.enter_context(bed.server.connect()) for _ in range(SESSIONS)]
        took = [sum(_milliseconds_on_server(sessions[0], query) for query in server_stats.QUERIES) for _ in range(30)]
    found = statistics.median(took)
    table.line("planning and execution on the server", f"{found:.3f} ms", goal="< 1 ms", met=found < 1)


def _milliseconds_on_server(session: Session, query: str) -> float:
    lines = [str(line) for (line,) in session.execute(f"explain (analyze, summary) {query}".encode()).fetchall()]
    times = [line.split()[2] for line in lines if line.startswith(("Planning Time", "Execution Time"))]
    return sum(map(float, times))


def _memory(bed: Bed, table: Table) -> None:
    print("memory, MiB, after 100 requests to each endpoint")
    with footprint.memory_cgroup() as group:
        exporter = bed.exporter(cgroup=group)
        exporter.warm()
        time.sleep(SETTLED)
        anonymous = footprint.status(exporter.pid, "RssAnon")
        table.line("anonymous (RssAnon)", f"{anonymous:.1f}", goal="<= 40", met=anonymous <= 40)
        if group:
            used = footprint.working_set(group)
            table.line("working set (own memory cgroup)", f"{used:.1f}", goal="<= 45", met=used <= 45)
        else:
            table.line("working set: no memory cgroup to be had", "left out")
        table.line("resident (VmRSS)", f"{footprint.status(exporter.pid, 'VmRSS'):.1f}")
        exporter.end()
    plain, secured = web_config.memory(bed)
    table.line("anonymous, /metrics on a port of its own", f"{plain:.1f}")
    more = secured - plain
    table.line("  with TLS and a password there", f"{secured:.1f}", goal="<= 1 more", met=more <= 1)
    copies = [bed.exporter() for _ in range(COPIES)]
    for copy in copies:
        copy.warm()
    time.sleep(SETTLED)
    table.line(f"each of {COPIES} copies (Pss)", f"{statistics.median(footprint.pss(c.pid) for c in copies):.1f}")
    for copy in copies:
        copy.end()
    peer = bed.peer()
    if peer is not None:
        with suppress(OSError):
            for _ in range(20):
                peer.get("/metrics")
        table.line("postgres_exporter's RssAnon", f"{footprint.status(peer.pid, 'RssAnon'):.1f}")
        peer.end()


if __name__ == "__main__":
    raise SystemExit(main())
