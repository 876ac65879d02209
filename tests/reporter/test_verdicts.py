"""The verdicts for a leak, a wedged pool and a blocked event loop, which name the application's line."""

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.conftest import StartExporter
from tests.reporter.conftest import APPLICATIONS, Start, reporting
from tests.support.exporter import Exporter
from tests.support.postgres import Postgres
from tests.support.waiting import until

if TYPE_CHECKING:
    import subprocess

ASYNC = (("2.1", "asyncpg"), ("1.4", "asyncpg"), ("2.0", "psycopg_async"))
SYNC = (("1.4", "psycopg2"), ("2.1", "psycopg"))


def send_command(process: "subprocess.Popen[str]", word: str) -> None:
    """Send a command to the application."""
    assert process.stdin is not None
    print(word, file=process.stdin, flush=True)


def place(function: str, code: str) -> str:
    """The expected place of a report: file, line and function."""
    lines = (APPLICATIONS / "stuck.py").read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if re.match(rf"(async )?def {function}\b", line))
    line = next(n for n in range(start, len(lines)) if code in lines[n])
    return f"stuck.py:{line + 1} in {function}"


def location(exporter: Exporter) -> str | None:
    """The place in the exporter's metrics, if any."""
    found = [dict(labels) for name, labels in exporter.samples() if name == "dbhealth_pool_oldest_checkout_info"]
    assert len(found) <= 1
    return found[0]["location"] if found else None


def gauge(exporter: Exporter, name: str) -> float:
    """A gauge of the application's only pool; 0 while there is none."""
    return sum(value for (found, _), value in exporter.samples(name).items() if found == name)


@pytest.mark.parametrize(("version", "driver"), ASYNC)
def test_held_pool_is_exhausted_then_wedged_then_healthy(
    version: str,
    driver: str,
    start: Start,
    exporter: Exporter,
    shared_server: Postgres,
    report_port: int,
) -> None:
    """A pool held for good with waiters fails only the application's liveness, which recovers with the pool."""
    url = reporting(shared_server, driver, report_port, dbhealth_leak_after="1")
    process = start(version, "stuck.py", url, "async")

    exporter.wait_for_verdict("app_pool_exhausted", within=15)
    assert exporter.get("/app/livez").status == 200
    exporter.wait_for_verdict("app_pool_wedged", within=6)
    assert exporter.get("/app/livez").status == 503
    assert exporter.health().status == 200
    assert location(exporter) == place("leak", "await engine.connect()")
    (diagnosis,) = exporter.get("/app/livez", accept="application/json").json["databases"].values()
    oldest = diagnosis["oldest_checkout"]
    assert diagnosis["verdict"] == "app_pool_wedged"
    assert set(oldest) == {"pool", "worker", "location", "seconds", "doing"}
    assert oldest["location"] == location(exporter)
    assert oldest["seconds"] > 1

    send_command(process, "mend")
    exporter.wait_for_verdict("healthy", within=5)
    assert exporter.get("/app/livez").status == 200
    assert exporter.log().count("checked out at stuck.py") == 2, "one line for each connection that was held"
    assert "now: its task has ended" in exporter.log()


@pytest.mark.parametrize(("version", "driver"), SYNC)
def test_a_leak_is_named(
    version: str,
    driver: str,
    start: Start,
    exporter: Exporter,
    shared_server: Postgres,
    report_port: int,
) -> None:
    """One line of the log and one series name the line that took the connection, and the thread's activity now."""
    url = reporting(shared_server, driver, report_port, dbhealth_leak_after="0.5")
    start(version, "stuck.py", url, "sync")

    until(lambda: location(exporter), within=10, what="a place")

    assert location(exporter) == place("hold", "engine.connect()")
    lines = [line for line in exporter.log().splitlines() if "checked out at" in line]
    assert len(lines) == 1
    assert place("hold", "engine.connect()") in lines[0]
    assert place("wait_for_the_end", "readline") in lines[0]
    told = exporter.get("/healthz?verbose").text
    assert exporter.verdict() == "healthy"
    assert f"at {place('hold', 'engine.connect()')}" in told
    assert place("wait_for_the_end", "readline") in told
    assert place("hold", "engine.connect()") in exporter.get("/").text


MADE_BY_A_FUNCTION = """
import sys, threading, psycopg2
from sqlalchemy import create_engine
engine = create_engine(
    "postgresql+psycopg2://", creator=lambda: psycopg2.connect(sys.argv[1]), pool_size=1, max_overflow=0
)
held = engine.connect()
engine.connect()
"""


def test_an_engine_whose_url_names_no_database_counts(
    start: Start, exporter: Exporter, shared_server: Postgres, report_port: int
) -> None:
    """Cloud SQL's and AlloyDB's connectors give a function that connects: it is the exporter's only database."""
    environment = {
        "DBHEALTH_INSTALL": "1", "DBHEALTH_INTERVAL": "0.1", "DBHEALTH_ADDRESS": f"127.0.0.1:{report_port}",
    }  # fmt: skip
    start("2.1", "-c", MADE_BY_A_FUNCTION, shared_server.url(), env=environment)

    exporter.wait_for_verdict("app_pool_exhausted", within=15)


LEAKS = [f"leaks.py:{line} in {name}" for line, name in ((18, "export"), (23, "report"), (28, "cart"))]


@pytest.mark.extended
def test_each_of_three_leaks_is_named(
    start: Start, exporter: Exporter, shared_server: Postgres, report_port: int
) -> None:
    """In the log once, in the JSON, in `?verbose` and on the page; the connection that listens is none of them."""
    start("2.1", "leaks.py", reporting(shared_server, "psycopg2", report_port, dbhealth_leak_after="0.5"))

    until(lambda: gauge(exporter, "dbhealth_pool_leaked_connections") == 3, within=10, what="three leaks")

    (diagnosis,) = exporter.get("/healthz", accept="application/json").json["databases"].values()
    assert [leak["location"] for leak in diagnosis["leaks"]] == LEAKS
    told = (exporter.get("/healthz?verbose").text, exporter.log())
    assert [text.count(f"at {place}") for text in told for place in LEAKS] == [1] * 6
    page = exporter.get("/").text
    assert [place for place in LEAKS if f"at <b>{place}</b>" not in page] == []
    assert not any("in listen" in text for text in (*told, page))


@pytest.mark.extended
def test_checkouts_that_are_meant_are_no_leaks(
    start: Start, exporter: Exporter, shared_server: Postgres, report_port: int
) -> None:
    """`DBHEALTH_LEAK_AFTER=0`: the age of the oldest is shown, and nothing is called a leak."""
    url = reporting(shared_server, "psycopg2", report_port)
    start("2.1", "leaks.py", url, env={"DBHEALTH_LEAK_AFTER": "0"})

    until(lambda: gauge(exporter, "dbhealth_pool_oldest_checkout_seconds") > 1.5, within=10, what="an old checkout")

    (diagnosis,) = exporter.get("/healthz", accept="application/json").json["databases"].values()
    assert "leaks" not in diagnosis
    assert exporter.sample("dbhealth_pool_leaked_connections", pool="app") == 0
    assert location(exporter) is None
    assert "checked out at" not in exporter.log()


def test_blocked_event_loop_is_silent_then_wedged(
    start: Start, exporter: Exporter, shared_server: Postgres, report_port: int
) -> None:
    """The worker is silent first, then wedged, since its pool was full; the line that blocks the loop is named."""
    url = reporting(shared_server, "asyncpg", report_port)
    process = start("2.1", "stuck.py", url, "async")
    assert process.stdout is not None
    assert process.stdout.readline() == "stuck\n"

    exporter.wait_for_verdict("app_pool_exhausted", within=5)

    send_command(process, "block")
    until(lambda: exporter.sample("dbhealth_app_worker_silent", pool="app") == 1, within=5, what="silent")
    exporter.wait_for_verdict("app_pool_wedged", within=8)

    assert exporter.get("/app/livez").status == 503
    assert exporter.health().status == 200
    assert location(exporter) == place("leak", "await engine.connect()")
    lines = [line for line in exporter.log().splitlines() if "stands still" in line]
    assert len(lines) == 1
    assert place("block", "time.sleep") in lines[0]


def test_a_frozen_database_restarts_nothing(
    start: Start,
    start_exporter: StartExporter,
    server: Postgres,
    report_port: int,
) -> None:
    """While the database is frozen the verdict is the database's, although the pool is stuck: no restart."""
    exporter = start_exporter(
        server.url(),
        APP_POOL_LISTEN=f"127.0.0.1:{report_port}/udp",
        APP_POOL_WEDGED_AFTER="2",
        FRESH_PROBE_INTERVAL="1",
    )
    process = start("2.1", "stuck.py", reporting(server, "asyncpg", report_port), "async")
    assert process.stdout is not None
    assert process.stdout.readline() == "stuck\n"
    exporter.wait_for_verdict("app_pool_wedged", within=10)

    server.freeze()
    exporter.wait_for_verdict("database_down", within=8)

    assert exporter.get("/app/livez").status == 200
    server.thaw()
    until(lambda: exporter.get("/healthz").status == 200, within=5, what="the database is back")
    assert exporter.get("/app/livez").status == 200  # the application has had no time to use it
    exporter.wait_for_verdict("app_pool_wedged", within=8)


@pytest.mark.parametrize(
    ("environment", "wedged", "one_of"),
    [({"DBHEALTH_DATABASE": "primary"}, {"primary"}, False), ({}, {"primary", "replica"}, True)],
    ids=["named", "not named"],
)
@pytest.mark.sampled(1)
def test_two_databases_of_one_name(
    environment: dict[str, str],
    wedged: set[str],
    one_of: bool,
    start: Start,
    start_exporter: StartExporter,
    shared_server: Postgres,
    report_port: int,
) -> None:
    """The writer's stuck pool is the primary's where the application says so; else both say that it is one of them."""
    exporter = start_exporter(
        DATABASES=json.dumps({"primary": shared_server.url(), "replica": shared_server.url()}),
        APP_POOL_LISTEN=f"127.0.0.1:{report_port}/udp",
        APP_POOL_WEDGED_AFTER="2",
        FRESH_PROBE_INTERVAL="1",
    )
    start("2.1", "stuck.py", reporting(shared_server, "asyncpg", report_port), "async", env=environment)

    def found() -> dict[str, dict[str, str]]:
        answer = exporter.get("/app/livez", accept="application/json").json
        return {name: each for name, each in answer["databases"].items() if each["verdict"] == "app_pool_wedged"}

    until(lambda: set(found()) == wedged, within=15, what=f"wedged: {wedged}")

    assert exporter.get("/app/livez").status == 503
    assert {("one of these databases" in each["advice"]) for each in found().values()} == {one_of}
    verdicts = exporter.get("/livez", accept="application/json").json["databases"]
    others = {each["verdict"] for name, each in verdicts.items() if name not in wedged}
    assert others <= {"healthy"}
