"""A forked child starts its counts at 0: nothing is counted twice or lost."""

import json

import pytest

from tests.reporter import environments
from tests.reporter.conftest import Start, reporting
from tests.support.exporter import Exporter
from tests.support.postgres import Postgres
from tests.support.waiting import until


@pytest.mark.parametrize("version", environments.VERSIONS)
def test_children_count_from_0(
    version: str, start: Start, exporter: Exporter, shared_server: Postgres, report_port: int
) -> None:
    """A bare fork, multiprocessing's fork and its spawn: the sum is exact."""
    process = start(version, "forking.py", reporting(shared_server, "psycopg2", report_port))
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said, process.communicate()[1]
    checkouts = json.loads(said)["checkouts"]

    def counted() -> float:
        return exporter.sample("dbhealth_pool_use_seconds_count", pool="app")

    until(lambda: counted() == checkouts, within=3, what=f"{checkouts} checkouts")

    assert exporter.sample("dbhealth_pool_wait_seconds_count", pool="app") == checkouts
    assert exporter.sample("dbhealth_pool_use_seconds_count", pool="passing") == 4
    silent = [labels for name, labels in exporter.samples() if name == "dbhealth_app_worker_silent"]
    assert len(silent) == 1  # the parent; each child has sent a goodbye
    out, log = process.communicate("\n", timeout=10)
    assert (process.returncode, out, log) == (0, "", "")
