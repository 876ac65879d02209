"""Every pool class works as before; a gauge that it cannot compute is absent, not 0."""

import json

import pytest

from tests.reporter import environments
from tests.reporter.conftest import Start, reporting
from tests.support.exporter import Exporter
from tests.support.postgres import Postgres
from tests.support.waiting import until

NAMED = {"size", "checked_out_connections", "checked_in_connections", "overflow_connections"}
ALWAYS = {"oldest_checkout_seconds", "leaked_connections"}
COUNTED = {*ALWAYS, "checked_out_connections"}  # what the reporter counts itself
GAUGES = {
    "queue": {*NAMED, *ALWAYS, "max_connections", "pending_requests"},
    "own": {*NAMED, *ALWAYS, "max_connections", "pending_requests"},
    "null": COUNTED,
    "singleton": COUNTED,
    "assertion": COUNTED,
    "static": set(),
    "raising size": {*NAMED, *ALWAYS} - {"size"},
    "unknown overflow": {*NAMED, *ALWAYS, "max_connections", "pending_requests"} - {"overflow_connections"},
}
WITHOUT_A_NUMBER = ("raising size", "unknown overflow")  # a method gives no number: one line in the log at level DEBUG
CONNECTS = {
    "queue": 2,
    "own": 2,
    "null": 5,
    "singleton": 4,
    "assertion": 2,
    "static": 2,
    "raising size": 2,
    "unknown overflow": 2,
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("version", environments.VERSIONS)
@pytest.mark.parametrize("name", GAUGES)
def test_pool_class_works_as_before(
    name: str,
    version: str,
    start: Start,
    exporter: Exporter,
    shared_server: Postgres,
    report_port: int,
) -> None:
    """The class, its arguments, its events and its own `recreate` are kept; its gauges are those it has."""
    process = start(version, "pool_classes.py", name, reporting(shared_server, "psycopg2", report_port))
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said, process.communicate()[1]
    assert json.loads(said)["kind"] == "Pool"

    until(
        lambda: gauges(exporter) == GAUGES[name] and counted(exporter, "create") == CONNECTS[name],
        within=3,
        what=name,
    )

    assert counted(exporter, "wait") == 5
    _, log = process.communicate("\n", timeout=10)
    assert process.returncode == 0
    assert log.count("returns no number") == (name in WITHOUT_A_NUMBER)
    assert "Traceback" not in log


@pytest.mark.parametrize("name", ["required keyword", "registered class"])
def test_class_that_cannot_be_subclassed_is_left_alone(
    name: str, start: Start, shared_server: Postgres, report_port: int
) -> None:
    """A class that cannot have a subclass is left as it is, and one line says that it is not reported."""
    process = start("2.1", "pool_classes.py", name, reporting(shared_server, "psycopg2", report_port), "quiet")
    out, log = process.communicate("\n", timeout=20)

    assert process.returncode == 0, log
    assert json.loads(out)["kind"] == "Pool"
    assert log.startswith(f"the {name.title().replace(' ', '')} of this engine is not reported (TypeError: ")
    assert log.count("\n") == 1


def gauges(exporter: Exporter) -> set[str]:
    """The gauges of the application's pool."""
    return {
        name.removeprefix("dbhealth_pool_")
        for name, labels in exporter.samples()
        if name.startswith("dbhealth_pool_") and {"pool", "worker"} <= dict(labels).keys() and ("pool", "app") in labels
    }


def counted(exporter: Exporter, what: str) -> float:
    """The count of a histogram."""
    wanted = f"dbhealth_pool_{what}_seconds_count"
    return sum(
        value for (name, labels), value in exporter.samples().items() if name == wanted and ("pool", "app") in labels
    )
