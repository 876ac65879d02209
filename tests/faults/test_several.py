"""Several databases in one sidecar: a fault of one does not affect the others."""

import json
from pathlib import Path

import pytest

from tests.conftest import StartExporter, StartPostgres
from tests.support.exporter import Exporter
from tests.support.fault_assertions import ONE_INTERVAL, SESSIONS, warm
from tests.support.postgres import SCHEMES, Postgres
from tests.support.server_factory import ServerFactory
from tests.support.waiting import until


def ask(exporter: Exporter, name: str) -> int:
    """The status of one database, in time."""
    answer = exporter.get(f"/healthz?database={name}")
    assert answer.seconds <= 0.9
    return answer.status


def outcomes(exporter: Exporter, name: str) -> set[str]:
    """The outcomes of a database's pooled path so far."""
    return set(exporter.outcomes(database=name))


def test_frozen_database_does_not_affect_the_other(
    start_postgres: StartPostgres, start_exporter: StartExporter
) -> None:
    """A frozen database neither slows nor fails the other one, on another driver."""
    servers = {driver: start_postgres() for driver in SCHEMES}
    urls = {driver: server.url(driver) for driver, server in servers.items()}
    exporter = start_exporter(DATABASES=json.dumps(urls), FRESH_PROBE_INTERVAL="0.5")
    until(lambda: exporter.health().status == 200, within=5, what="both answer")
    bad, good = SCHEMES

    servers[bad].freeze()
    until(lambda: exporter.health().status == 503, within=3, what="all together fail")
    until(lambda: exporter.verdict(bad) == "database_down", within=3, what="its verdict")
    assert ask(exporter, bad) == 503
    for _ in range(20):
        assert ask(exporter, good) == 200
    assert exporter.verdict(good) == "healthy"
    assert outcomes(exporter, good) == {"success"}
    servers[bad].thaw()
    until(lambda: exporter.health().status == 200, within=ONE_INTERVAL, what="all well again")
    for server in servers.values():
        assert server.sessions() <= SESSIONS


@pytest.mark.extended
def test_ten_names_of_one_frozen_server_are_probed_at_once(server: Postgres, start_exporter: StartExporter) -> None:
    """Ten databases that hang at the same time are probed concurrently, not one after the other."""
    urls = {f"db{n}": server.url(list(SCHEMES)[n % 2]) for n in range(10)}
    exporter = start_exporter(DATABASES=json.dumps(urls))
    until(lambda: exporter.health().status == 200, within=5, what="all answer")

    server.freeze()
    until(lambda: exporter.health().status == 503, within=3, what="all fail")
    for _ in range(10):
        exporter.health()
    server.thaw()
    until(lambda: exporter.health().status == 200, within=ONE_INTERVAL + 1, what="all well again")


@pytest.mark.extended
def test_failed_database_that_is_not_required_fails_nothing(
    driver: str,
    start_postgres: StartPostgres,
    server: Postgres,
    start_exporter: StartExporter,
) -> None:
    """The failure of a database with `required: false` is reported and fails no check."""
    other = start_postgres()
    databases = {"main": server.url(driver), "extra": {"url": other.url(driver), "required": False}}
    exporter = start_exporter(DATABASES=json.dumps(databases))
    until(lambda: exporter.health().status == 200, within=5, what="both answer")

    other.stop("immediate")
    until(lambda: "refused" in outcomes(exporter, "extra"), within=3, what="the other is down")
    assert exporter.health().status == 200
    assert ask(exporter, "extra") == 503
    assert exporter.verdict("extra") == "database_down"


@pytest.mark.extended
def test_each_database_reads_its_own_password_file(
    driver: str, server: Postgres, server_factory: ServerFactory, start_exporter: StartExporter
) -> None:
    """Each database has files of its own, read anew at each connect."""
    file = Path(server_factory.folder("secret")) / "password"
    file.write_text("not yet")
    url = server.url(driver).replace(server.url(driver).split("app:")[1].split("@")[0], "ignored")
    databases = {"main": {"url": url, "password_file": str(file)}}
    exporter = start_exporter(DATABASES=json.dumps(databases))
    exporter.wait_for("auth", within=4)

    server.sql("ALTER ROLE app PASSWORD 'rotated'")
    file.write_text("rotated\n")
    warm(exporter)
