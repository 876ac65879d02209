"""Every route for every kind of client, in process."""

import pytest

from exporter.model.outcome import Outcome
from exporter.model.readiness import Readiness
from exporter.probing.status import DatabaseStatus
from tests.unit.web.conftest import MakeService, Serve
from tests.unit.web.statuses import WEDGED, StubMonitor, make_status

PROBES = ("/healthz", "/readyz", "/livez", "/app/livez")
ROUTES = (*PROBES, "/metrics", "/")
GOOD = make_status("good")
BAD = make_status("bad", pooled=Outcome.REFUSED, fresh=Outcome.REFUSED)
SPARE = make_status("spare", pooled=Outcome.REFUSED, fresh=Outcome.REFUSED, required=False)


@pytest.mark.parametrize("route", ROUTES)
async def test_head_is_get_without_a_body(serve: Serve, route: str) -> None:
    client = await serve()

    get, head = await client.get(route), await client.head(route)

    assert head.status == get.status == 200
    assert await head.text() == ""
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize("route", ROUTES)
async def test_other_methods_are_a_short_405(serve: Serve, route: str) -> None:
    client = await serve()
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        response = await client.request(method, route)

        assert response.status == 405, method
        assert response.content_type == "text/plain"
        assert len(await response.text()) < 100


async def test_other_paths_are_a_short_404(serve: Serve) -> None:
    client = await serve()
    for path in ("/nothing", "/healthz/", "/healthz/x", "/metrics/..%2f", "/app", "/%00", "/HEALTHZ"):
        response = await client.get(path)

        assert response.status == 404, path
        assert response.content_type == "text/plain"
        assert len(await response.text()) < 100


@pytest.mark.parametrize("route", PROBES)
async def test_plain_answer_is_one_word_that_nobody_may_cache(serve: Serve, route: str) -> None:
    response = await (await serve()).get(route)

    assert (response.status, await response.text()) == (200, "ok")
    assert response.content_type == "text/plain"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("route", "verbose"),
    [
        ("/healthz?verbose", True),
        ("/readyz?verbose=1", True),
        ("/livez?verbose=&x=y", True),
        ("/app/livez?verbose=true", True),
        ("/healthz?verbose=false", False),
        ("/livez?verbose=0", False),
    ],
)
async def test_verbose_ends_with_the_result_as_in_kubernetes(serve: Serve, route: str, verbose: bool) -> None:
    text = await (await (await serve()).get(route)).text()

    endpoint = route.partition("?")[0][1:]
    assert text.splitlines()[-1] == (f"{endpoint} check passed" if verbose else "ok")


async def test_verbose_has_a_line_for_each_check_and_verdict(serve: Serve) -> None:
    client = await serve(StubMonitor(GOOD), StubMonitor(BAD), StubMonitor(SPARE))

    response = await client.get("/healthz?verbose")

    assert response.status == 503
    lines = [line.split(" (")[0].split(".")[0] for line in (await response.text()).splitlines()]
    assert lines == [
        "[+]good/pooled success",
        "[-]bad/pooled failed: refused",
        "[!]spare/pooled refused",
        "[+]good/fresh success",
        "[!]bad/fresh refused",
        "[!]spare/fresh refused",
        "verdict good: healthy",
        "verdict bad: database_down",
        "verdict spare: database_down",
        "healthz check failed",
    ]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "text/plain"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/plain"),
        ("application/json", "application/json"),
        ("APPLICATION/JSON", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("application/health+json, application/json;q=0.5", "application/health+json"),
        ("text/plain, application/json;q=0.5", "text/plain"),
        ("application/json; q=0.0, */*", "text/plain"),
        ("application/jsonl", "text/plain"),
    ],
)
@pytest.mark.parametrize("route", ["/healthz", "/livez"])
async def test_the_first_known_type_decides(serve: Serve, route: str, accept: str, content_type: str) -> None:
    response = await (await serve()).get(route, headers={"Accept": accept})

    assert response.content_type == content_type


@pytest.mark.parametrize("route", PROBES)
async def test_unknown_database_is_a_404_that_names_the_known_ones(serve: Serve, route: str) -> None:
    client = await serve(StubMonitor(GOOD), StubMonitor(BAD))
    for name in ("other", "", "good%20", "%3Cscript%3E"):
        response = await client.get(f"{route}?database={name}")

        assert (response.status, await response.text()) == (404, "no such database; there are: good, bad\n")


@pytest.mark.parametrize(("database", "status"), [("good", 200), ("bad", 503), ("spare", 503)])
@pytest.mark.parametrize("route", ["/healthz", "/readyz"])
async def test_a_named_database_answers_for_itself(serve: Serve, route: str, database: str, status: int) -> None:
    client = await serve(StubMonitor(GOOD), StubMonitor(BAD), StubMonitor(SPARE))

    assert (await client.get(f"{route}?database={database}")).status == status
    text = await (await client.get(f"{route}?database={database}&verbose")).text()
    assert {name for name in ("good", "bad", "spare") if name in text} == {database}


async def test_healthz_fails_for_required_databases_only(serve: Serve) -> None:
    client = await serve(StubMonitor(GOOD), StubMonitor(SPARE))

    assert (await client.get("/healthz")).status == 200
    assert (await (await client.get("/healthz", headers={"Accept": "application/json"})).json())["status"] == "warn"


@pytest.mark.parametrize(
    ("readiness", "pooled", "status"),
    [
        (Readiness.OFF, Outcome.REFUSED, 200),
        (Readiness.LATCH, Outcome.REFUSED, 503),
        (Readiness.LATCH, Outcome.SUCCESS, 200),
        (Readiness.LATCH, Outcome.MISCONFIGURED, 200),
        (Readiness.GATE, Outcome.REFUSED, 503),
        (Readiness.GATE, Outcome.SUCCESS, 200),
        (Readiness.GATE, Outcome.MISCONFIGURED, 503),
    ],
)
async def test_readyz_follows_the_setting(serve: Serve, readiness: Readiness, pooled: Outcome, status: int) -> None:
    client = await serve(StubMonitor(make_status(pooled=pooled, fresh=pooled)), readiness=readiness)

    assert (await client.get("/readyz")).status == status


@pytest.mark.parametrize("readiness", Readiness)
async def test_readyz_fails_while_shutting_down(serve: Serve, make_service: MakeService, readiness: Readiness) -> None:
    service = make_service(readiness=readiness)
    client = await serve(service=service)
    assert (await client.get("/readyz")).status == 200

    service.shutting_down = True

    assert (await client.get("/readyz")).status == 503
    assert (await client.get("/livez")).status == 200


async def test_livez_fails_for_a_stalled_probe_loop(serve: Serve) -> None:
    client = await serve(StubMonitor(GOOD), StubMonitor(BAD, stalled="direct"))

    response = await client.get("/livez?verbose")

    assert response.status == 503
    assert "[-]bad/probe-loop failed: the direct loop makes no progress" in await response.text()
    assert (await client.get("/livez?database=good")).status == 200


async def test_livez_fails_for_a_stalled_event_loop(serve: Serve) -> None:
    assert (await (await serve(stalled=True)).get("/livez")).status == 503


@pytest.mark.parametrize(
    ("status", "expected"),
    [(make_status(assessment=WEDGED), 503), (make_status(pooled=Outcome.REFUSED, assessment=WEDGED), 200), (BAD, 200)],
)
async def test_app_livez_fails_only_for_a_wedged_pool(serve: Serve, status: DatabaseStatus, expected: int) -> None:
    assert (await (await serve(StubMonitor(status))).get("/app/livez")).status == expected


async def test_plain_healthz_uses_the_latest_result(serve: Serve) -> None:
    monitor = StubMonitor(GOOD)
    client = await serve(monitor)

    for _ in range(5):
        assert (await client.get("/healthz")).status == 200

    assert monitor.checks == 0


@pytest.mark.parametrize(
    ("accept", "encoding", "rendered"),
    [
        ("", "", "text/plain|False|"),
        ("*/*", "identity", "text/plain|False|"),
        ("text/plain;q=0.6, application/openmetrics-text;q=0.5", "br", "text/plain|False|"),
        ("application/openmetrics-text;q=0", "gzip;q=0", "text/plain|False|"),
        (
            "application/openmetrics-text;version=1.0.0",
            "gzip, deflate",
            "application/openmetrics-text;version=1.0.0|True|",
        ),
    ],
)
async def test_metrics_are_rendered_as_the_client_asks(serve: Serve, accept: str, encoding: str, rendered: str) -> None:
    client = await serve()

    response = await client.get("/metrics", headers={"Accept": accept, "Accept-Encoding": encoding})

    assert (await response.read()).decode() == rendered
    assert response.headers.get("Content-Encoding") == ("gzip" if "True" in rendered else None)
    assert response.headers["Vary"] == "Accept, Accept-Encoding"


async def test_metrics_can_be_filtered_by_name(serve: Serve) -> None:
    response = await (await serve()).get("/metrics?name[]=a&name[]=b", headers={"Accept-Encoding": ""})

    assert await response.text() == "text/plain|False|a,b"


async def test_page_is_html_under_a_policy(serve: Serve) -> None:
    response = await (await serve(StubMonitor(GOOD), StubMonitor(BAD))).get("/")

    assert response.content_type == "text/html"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    text = await response.text()
    assert "good: healthy" in text
    assert "bad: database down" in text
