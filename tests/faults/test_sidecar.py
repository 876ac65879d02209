"""The sidecar's own faults: SIGTERM, a blocked event loop, a clock that jumps, and a hundred freezes."""

import os
import signal
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import StartExporter
from tests.support.exporter import Exporter
from tests.support.fault_assertions import SESSIONS, State, recovers, returns_to, state, stays_green, unharmed, warm
from tests.support.needs import need
from tests.support.postgres import SCHEMES, Postgres
from tests.support.server_factory import ServerFactory
from tests.support.waiting import until

FAKETIME = "faketime/libfaketimeMT.so.1"  # below /usr/lib or lib64, in Debian also below the processor's folder
CYCLES = int(os.environ.get("SOAK_CYCLES", "100"))
BLOCK = 4.2  # seconds: longer than the 3.5 s after which a loop counts as stalled
# Runs as `python -c` in the exporter's place: the same program, whose event loop a signal holds up.
BLOCKED_BY_A_SIGNAL = f"""
import signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: time.sleep({BLOCK}))
sys.argv[0] = "exporter"
from exporter.cli.main import main
sys.exit(main(sys.argv[4:]))
"""


def terminate(exporter: Exporter) -> list[int]:
    """Send SIGTERM; the statuses of `/readyz` until the process ends, which is within 3 s and with 0."""
    began = time.monotonic()
    exporter.process.send_signal(signal.SIGTERM)
    statuses = []
    while exporter.process.poll() is None:
        assert time.monotonic() - began < 3, exporter.log()
        try:
            statuses.append(exporter.get("/readyz").status)
        except OSError:
            time.sleep(0.01)
        time.sleep(0.01)
    assert exporter.process.returncode == 0
    assert not exporter.complaints(), exporter.log()
    return statuses


def test_sigterm_turns_readiness_off_before_the_end(
    driver: str, server: Postgres, start_exporter: StartExporter
) -> None:
    """After SIGTERM `/readyz` answers 503 for a while, then the process ends with 0."""
    exporter = start_exporter(server.url(driver))
    warm(exporter)
    assert exporter.get("/readyz").status == 200

    statuses = terminate(exporter)

    assert 503 in statuses
    assert statuses == sorted(statuses)
    until(lambda: server.sessions() == 0, within=2, what="no session left")


@pytest.mark.extended
def test_frozen_database_holds_up_no_exit(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """A database that does not answer delays no exit."""
    exporter = start_exporter(server.url(driver), FRESH_PROBE_INTERVAL="0.5")
    warm(exporter)
    server.freeze()
    exporter.wait_for("query_timeout", within=4)

    assert 503 in terminate(exporter)
    server.thaw()
    until(lambda: server.sessions() == 0, within=2, what="no session left")


@pytest.mark.extended
def test_sigterm_right_after_the_start_ends_the_process(
    driver: str, server: Postgres, start_exporter: StartExporter
) -> None:
    """SIGTERM right after the start ends the process with 0."""
    server.freeze()
    exporter = start_exporter(server.url(driver))

    terminate(exporter)


@pytest.mark.extended
def test_readiness_latch_outlives_an_outage(driver: str, server: Postgres, start_exporter: StartExporter) -> None:
    """By default readiness waits for the first answer and then stays: an outage takes no pod out of service."""
    server.stop("immediate")
    exporter = start_exporter(server.url(driver))
    assert exporter.get("/readyz").status == 503
    server.start()
    recovers(exporter)
    assert exporter.get("/readyz").status == 200
    server.stop("immediate")
    exporter.wait_for("refused", within=4)

    assert exporter.get("/readyz").status == 200
    assert exporter.get("/livez").status == 200


@pytest.mark.extended
def test_stopped_process_fails_liveness_afterwards(server: Postgres, start_exporter: StartExporter) -> None:
    """A process that was stopped fails `/livez` afterwards, for it could not answer meanwhile."""
    exporter = start_exporter(server.url())
    warm(exporter)
    assert exporter.get("/livez").status == 200

    exporter.process.send_signal(signal.SIGSTOP)
    time.sleep(BLOCK)  # the fault itself
    exporter.process.send_signal(signal.SIGCONT)

    assert exporter.get("/livez").status == 503
    until(lambda: exporter.get("/livez").status == 200, within=7, what="the stall is forgotten")
    recovers(exporter)


def test_blocked_event_loop_fails_liveness_afterwards(
    driver: str, server: Postgres, start_exporter: StartExporter
) -> None:
    """A request that had to wait for a blocked event loop gets 503 from `/livez`, which recovers after a while."""
    exporter = start_exporter(server.url(driver), prefix=(sys.executable, "-c", BLOCKED_BY_A_SIGNAL))

    with unharmed(exporter, server):
        assert exporter.get("/livez").status == 200
        exporter.process.send_signal(signal.SIGUSR1)
        answer = exporter.get("/livez?verbose")
        assert answer.status == 503
        assert "stood still" in answer.text
        until(lambda: exporter.get("/livez").status == 200, within=7, what="the block is forgotten")
        recovers(exporter)


@pytest.mark.extended
def test_wall_clock_changes_only_exported_timestamps(
    driver: str, server: Postgres, server_factory: ServerFactory, start_exporter: StartExporter
) -> None:
    """A clock that jumps a day back and a year ahead changes exported timestamps and nothing else."""
    found = [path for folder in ("lib*", "lib/*", "local/lib") for path in Path("/usr").glob(f"{folder}/{FAKETIME}")]
    need(bool(found), "needs libfaketime (package faketime)")
    clock = server_factory.folder("clock") / "faketimerc"
    clock.write_text("+0")
    environment = {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    exporter = start_exporter(server.url(driver), **environment)

    with unharmed(exporter, server):
        for offset, seconds in (("-1d", -86400), ("+1y", 365 * 86400)):
            clock.write_text(offset)
            stays_green(exporter, probes=2)
            told = exporter.sample("dbhealth_probe_last_success_timestamp_seconds", path="pooled")
            assert told - time.time() == pytest.approx(seconds, abs=5)
            assert exporter.get("/livez").status == 200
        clock.write_text("+0")
        stays_green(exporter, probes=2)


def timed_out(exporter: Exporter) -> tuple[int, int]:
    """How many probes of the pooled and of the fresh path have timed out so far."""
    pooled, fresh = exporter.outcomes(), exporter.outcomes("fresh")
    return pooled.get("query_timeout", 0), sum(fresh.get(name, 0) for name in ("connect_timeout", "query_timeout"))


def both_paths_timed_out(exporter: Exporter, than: tuple[int, int]) -> bool:
    """At least one more probe has timed out on each path."""
    return all(now > before for now, before in zip(timed_out(exporter), than, strict=True))


def at_rest(exporter: Exporter, server: Postgres) -> State:
    """What it holds while no connection is made."""
    return min((state(exporter, server) for _ in range(20)), key=lambda now: (now.held.files, now.tasks, now.sessions))


@pytest.mark.extended
@pytest.mark.timeout(60 + 2 * CYCLES)
def test_a_hundred_freezes_leave_nothing_behind(server: Postgres, start_exporter: StartExporter) -> None:
    """After many freezes both drivers hold one session, and as many files, tasks and threads as before."""
    quick = {"PROBE_TIMEOUT": "0.15", "PROBE_INTERVAL": "0.1", "FRESH_PROBE_INTERVAL": "0.2", "HEALTH_MAX_AGE": "0.05"}
    exporters = [start_exporter(server.url(driver), **quick) for driver in SCHEMES]
    for exporter in exporters:
        warm(exporter)
    before = [replace(at_rest(exporter, server), sessions=len(exporters)) for exporter in exporters]

    for _ in range(CYCLES):
        counts = [timed_out(exporter) for exporter in exporters]
        server.freeze()
        for exporter, count in zip(exporters, counts, strict=True):
            until(partial(both_paths_timed_out, exporter, count), within=3, what="time-outs")
        server.thaw()
        for exporter in exporters:
            exporter.wait_for("success", within=2)
    for exporter in exporters:
        exporter.wait_for("success", path="fresh", within=2)

    assert server.sessions() <= SESSIONS * len(exporters)
    for exporter, clean in zip(exporters, before, strict=True):
        returns_to(exporter, server, clean, within=10)  # a connect of the fresh path is nearly always under way
        for path in ("pooled", "fresh"):
            assert set(exporter.outcomes(path)) <= {"success", "query_timeout", "connect_timeout"}
