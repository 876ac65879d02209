"""Reports of an event loop come at a steady pace while it is open, and end with it."""

import pytest

from tests.reporter import environments
from tests.reporter.conftest import Reports, Start, reporting
from tests.support.postgres import Postgres

NOW_AND_THEN = range(15, 31)  # reports in 2.2 s of which the loop runs for 0.2 s: ten a second, one as each use ends
STEADY = range(15, 80)  # reports in 20 uses, disposals, and 2 s after them; a timer each would send 400


@pytest.mark.extended
@pytest.mark.parametrize("version", environments.VERSIONS)
def test_reports_come_at_a_steady_pace(version: str, start: Start, shared_server: Postgres, reports: Reports) -> None:
    """A paused loop sends no goodbye, a closed one does; a pool made by `dispose` adds no second timer."""
    process = start(version, "event_loops.py", reporting(shared_server, "asyncpg", reports.port))
    out, log = process.communicate(timeout=30)

    assert (process.returncode, out, log) == (0, "", "")
    received = reports.received()
    byes = [number for number, report in enumerate(received) if report.get("bye")]
    assert len(byes) == 2
    assert byes[0] in NOW_AND_THEN
    assert byes[1] - byes[0] in STEADY
    assert byes[1] == len(received) - 1
    assert [sum(received[bye]["use"]["counts"]) for bye in byes] == [4, 25]
    assert all("size" in report for report in received[: byes[0]])
