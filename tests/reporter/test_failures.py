"""After a failure inside the reporter, reports continue, and one line says so."""

import pytest

from tests.reporter.conftest import Reports, Start

SCRIPT = """
import logging, sys, time
logging.basicConfig(format="%(message)s")
from sqlalchemy import create_engine, pool, text
from db_health_reporter.pool_reporter import PoolReporter
engines = [create_engine(sys.argv[1], poolclass=pool.QueuePool, plugins=["dbhealth"], pool_logging_name=name)
           for name in ("bad", "good")]
def broken(self, *arguments):
    if self.name == "bad":
        raise ZeroDivisionError("broken")
    return original(self, *arguments)
original = getattr(PoolReporter, sys.argv[2])
setattr(PoolReporter, sys.argv[2], broken)
for engine in engines:
    engine.connect().close()
time.sleep(0.6)
"""


@pytest.mark.parametrize("method", ["tick", "goodbye"])
def test_failure_of_one_pool_leaves_the_other_reported(
    method: str, start: Start, reports: Reports, sqlite: str
) -> None:
    """One pool fails, in the thread or in the goodbye: the other one is reported to its end."""
    environment = {"DBHEALTH_ADDRESS": reports.address, "DBHEALTH_INTERVAL": "0.1"}
    process = start("2.1", "-c", SCRIPT, sqlite, method, env=environment)
    out, log = process.communicate(timeout=30)

    assert (process.returncode, out) == (0, "")
    assert log == "a report failed (ZeroDivisionError: broken); later failures are not logged\n"
    good = [report for report in reports.received() if report["pool"] == "good"]
    assert len(good) > 3
    assert good[-1]["bye"] is True
