"""`/metrics` equals the numbers of SQLAlchemy's own pool object at every step."""

import json
from typing import TYPE_CHECKING

import pytest

from tests.reporter import environments
from tests.reporter.conftest import Start, reporting, url
from tests.support.exporter import Exporter
from tests.support.postgres import Postgres
from tests.support.waiting import until

if TYPE_CHECKING:
    import subprocess

PAIRS = [(version, driver) for version in environments.VERSIONS for driver in environments.DRIVERS[version]]
ASYNCHRONOUS = ("asyncpg", "psycopg_async")
STEPS = 14


def seen(exporter: Exporter) -> dict[str, float]:
    """Every sample of the application's pool; histograms by their counts."""
    samples = {}
    for (name, labels), value in exporter.samples().items():
        have = dict(labels)
        if have.get("pool") == "app" and not name.endswith(("_bucket", "_sum", "_info", "_silent")):
            assert have["database"] == "app"
            assert have.get("worker", "1") == "1"
            samples[name.removeprefix("dbhealth_pool_")] = value
    return samples


def expected(said: dict[str, dict[str, float]]) -> dict[str, float]:
    """The samples expected for the application's line; a request that still waits has no duration yet."""
    counted = said["counted"]
    return {
        **said["gauges"],
        "leaked_connections": 0,
        "connects_total": counted["connects"],
        "create_seconds_count": counted["connects"],
        "timeouts_total": counted["timeouts"],
        "invalidations_total": counted["invalidations"],
        "wait_seconds_count": counted["checkouts"] - said["gauges"]["pending_requests"],
        "use_seconds_count": counted["checkins"],
    }


def line(process: "subprocess.Popen[str]") -> str:
    """The next line that the application prints."""
    assert process.stdout is not None
    text = process.stdout.readline()
    if not text:
        raise AssertionError(process.communicate()[1])
    return text


@pytest.mark.parametrize(("version", "driver"), PAIRS)
def test_metrics_equal_the_pool(
    version: str,
    driver: str,
    start: Start,
    exporter: Exporter,
    shared_server: Postgres,
    report_port: int,
) -> None:
    """First connect, overflow, waiting, time-out, invalidation, recycling, a lost server, dispose: exactly equal."""
    kind = "async" if driver in ASYNCHRONOUS else "sync"
    addresses = reporting(shared_server, driver, report_port), kind, url(shared_server, "psycopg2")
    process = start(version, "pool_life.py", *addresses)
    assert process.stdin is not None

    for _ in range(STEPS):
        said = json.loads(line(process))
        wanted = expected(said)
        try:
            until(lambda: _without_age(seen(exporter)) == wanted, within=2.5, what=said["step"])  # noqa: B023
        except AssertionError as error:
            found = _without_age(seen(exporter))
            wrong = {k: (found.get(k), wanted.get(k)) for k in {*found, *wanted} if found.get(k) != wanted.get(k)}
            raise AssertionError(f"{said['step']}: found and wanted {wrong}") from error
        print(file=process.stdin, flush=True)

    out, errors = process.communicate(timeout=10)
    assert (process.returncode, out, errors) == (0, "", "")
    until(lambda: "size" not in seen(exporter), within=2, what="a goodbye")
    assert seen(exporter)["connects_total"] == said["counted"]["connects"]


def _without_age(samples: dict[str, float]) -> dict[str, float]:
    samples.pop("oldest_checkout_seconds", None)
    samples.pop("dbhealth_app_event_loop_lag_seconds", None)
    return samples


@pytest.mark.extended
@pytest.mark.parametrize(("version", "driver"), PAIRS)
def test_a_crowd_is_counted_exactly(
    version: str,
    driver: str,
    start: Start,
    exporter: Exporter,
    shared_server: Postgres,
    report_port: int,
) -> None:
    """Twelve threads or tasks at three connections: no checkout is lost or counted twice, none is left open."""
    kind = "async" if driver in ASYNCHRONOUS else "sync"
    process = start(version, "contention.py", reporting(shared_server, driver, report_port), kind)

    times = json.loads(line(process))

    until(lambda: seen(exporter).get("use_seconds_count") == times, within=3, what=f"{times} checkins")
    found = seen(exporter)
    assert found["wait_seconds_count"] == times
    assert (found["checked_out_connections"], found["pending_requests"], found["oldest_checkout_seconds"]) == (0, 0, 0)
    assert process.communicate("\n", timeout=10) == ("", "")
