"""The routes of a running exporter, with one database and with several."""

import json
from contextlib import ExitStack
from functools import partial

import pytest

from tests.conftest import StartExporter
from tests.support.client import StallDetector, get
from tests.support.exporter import Exporter
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.server_factory import ServerFactory
from tests.support.template import Template
from tests.support.waiting import until

PROBES = ("/healthz", "/readyz", "/livez", "/app/livez")
ROUTES = (*PROBES, "/metrics", "/")


@pytest.fixture(scope="module")
def server(healthy_server: Postgres) -> Postgres:
    """A server that these tests leave as it was."""
    return healthy_server


@pytest.fixture(scope="module")
def exporter(
    server: Postgres, server_factory: ServerFactory, stall_detector: StallDetector, stack: ExitStack
) -> Exporter:
    """Three databases: one that answers, one that is down and required, one that is down and is not."""
    down = f"postgresql://app:pw@127.0.0.1:{free_port()}/app"
    databases = {
        "good": server.url(),
        "bad": {"url": down},
        "spare": {"url": down, "required": False},
    }
    made = Exporter(server_factory, {"DATABASES": json.dumps(databases)}, stall_detector=stall_detector)
    stack.callback(made.close)
    made.wait_for("success", within=10)
    return made


@pytest.mark.parametrize("route", PROBES)
def test_json_holds_the_diagnosis_of_each_database(exporter: Exporter, route: str) -> None:
    """Programs get verdict, reason and advice as fields."""
    databases = exporter.get(route, accept="application/json").json["databases"]

    assert {name: found["verdict"] for name, found in databases.items()} == {
        "good": "healthy",
        "bad": "database_down",
        "spare": "database_down",
    }
    assert databases["bad"] == {
        "verdict": "database_down",
        "reason": None,
        "advice": "Nothing listens at the database's address.",
        "next_step": "Check that the server runs, and the port in the URL.",
    }
    one = exporter.get(f"{route}?database=good", accept="application/json").json["databases"]
    assert one == {"good": databases["good"]}


def test_only_required_databases_fail_the_check(exporter: Exporter) -> None:
    """One required database that is down is enough to fail; one that is not required is a warning."""
    answer = exporter.get("/healthz?verbose")

    assert answer.status == 503
    assert "[+]good/pooled success" in answer.text
    assert "[-]bad/pooled failed: refused" in answer.text
    assert "[!]spare/pooled refused" in answer.text


def test_liveness_depends_on_no_database(exporter: Exporter) -> None:
    """Liveness is 200 while two of three databases are down."""
    assert exporter.get("/livez").status == 200
    assert exporter.get("/app/livez").status == 200
    assert "bad/probe-loop" in exporter.get("/livez?verbose").text


def test_page_names_every_database(exporter: Exporter) -> None:
    """The page names every database, and loads nothing from elsewhere."""
    answer = exporter.get("/")

    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert all(name in answer.text for name in ("good", "bad", "spare"))


@pytest.mark.extended
def test_databases_that_are_not_required_may_all_be_down(server: Postgres, start_exporter: StartExporter) -> None:
    """Where no database is required the check passes while all are down, and reports each."""
    down = f"postgresql://app:pw@127.0.0.1:{free_port()}/app"
    databases = {name: {"url": down, "required": False} for name in ("one", "two")}
    exporter = start_exporter(DATABASES=json.dumps(databases))
    exporter._wait(lambda: exporter.outcomes().get("refused", 0) >= 2, within=5, what="both asked", began=0)

    assert exporter.get("/healthz").status == 200
    assert exporter.get("/readyz").status == 200
    assert exporter.get("/healthz", accept="application/json").json["status"] == "warn"
    assert server.sessions() <= 2


@pytest.mark.parametrize(("readiness", "before", "after"), [("off", 200, 200), ("latch", 503, 200), ("gate", 503, 503)])
@pytest.mark.sampled(1)
def test_readiness_follows_its_policy(
    template: Template,
    cleanup: ExitStack,
    start_exporter: StartExporter,
    readiness: str,
    before: int,
    after: int,
) -> None:
    """`off` is ready at once, `latch` once the database has answered, `gate` while it answers."""
    server = template.copy()
    cleanup.callback(server.close)
    exporter = start_exporter(server.url(), READINESS=readiness)
    exporter.wait_for("refused", within=5)
    ready = partial(exporter.get, "/readyz")
    assert ready().status == before

    server.start()
    exporter.wait_for("success", within=5)
    assert ready().status == 200
    server.stop("immediate")
    exporter.wait_for("refused", within=5)
    assert ready().status == after


def test_metrics_port_has_its_own_listener(server: Postgres, start_exporter: StartExporter) -> None:
    """With METRICS_PORT, scrapes and the page have a listener of their own, which serves all links of the page."""
    port = free_port()
    exporter = start_exporter(server.url(), METRICS_PORT=str(port))
    until(lambda: exporter.get("/healthz").status == 200, within=10, what="healthy")
    other = partial(get, exporter.host, port)

    assert [other(path).status for path in ROUTES] == [200, 200, 200, 200, 200, 200]  # the page links to all
    assert [exporter.get(path).status for path in ROUTES] == [200, 200, 200, 200, 404, 404]


def test_listens_on_ipv4_and_ipv6(server: Postgres, start_exporter: StartExporter) -> None:
    """Without LISTEN_HOST it listens on IPv4 and on IPv6."""
    exporter = start_exporter(server.url(), LISTEN_HOST="")

    for host in ("127.0.0.1", "::1"):
        assert get(host, exporter.port, "/livez").status == 200
