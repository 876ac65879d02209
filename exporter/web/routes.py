"""HTTP routes: which handler answers which path, and in which form."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from exporter.web.accept import first_accepted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from exporter.metrics.registry import Metrics
    from exporter.model.pool import PoolState
    from exporter.web.health import HealthService
    from exporter.web.health_report import HealthReport

    Endpoint = Callable[[str | None], Awaitable[HealthReport]]

NEVER_STORE = {"Cache-Control": "no-store"}
TEXT, JSON, HEALTH_JSON = "text/plain", "application/json", "application/health+json"
OPENMETRICS = "application/openmetrics-text"


def health_routes(health: HealthService) -> list[web.RouteDef]:
    """Return the endpoints that kubelets ask."""

    async def healthz(request: web.Request) -> web.Response:
        if not request.query_string and _response_type(request) == TEXT:
            passed = health.cached_healthz()
            if passed is not None:  # the kubelet's request, 4 times cheaper than a whole report
                return _plain(passed=passed)
        return await _respond(request, health=health, endpoint=health.healthz)

    return [
        web.get("/healthz", healthz),
        web.get("/readyz", partial(_respond, health=health, endpoint=health.readyz)),
        web.get("/livez", partial(_respond, health=health, endpoint=health.livez)),
        web.get("/app/livez", partial(_respond, health=health, endpoint=health.app_livez)),
    ]


def metrics_routes(
    health: HealthService,
    metrics: Metrics,
    pool_states: Callable[[], Sequence[PoolState]],
    problem: Callable[[], str] = str,
) -> list[web.RouteDef]:
    """Return what Prometheus scrapes and the page for people.

    Args:
        health: what the page asks.
        metrics: what is scraped.
        pool_states: the pools on the page.
        problem: a sentence about the exporter itself for the page; empty where there is none.
    """

    async def scrape(request: web.Request) -> web.Response:
        accept = request.headers.get("Accept", "")
        if first_accepted(accept, {TEXT, OPENMETRICS}) != OPENMETRICS:
            accept = TEXT  # prometheus_client would prefer OpenMetrics whatever the order, and even where it is refused
        compress = first_accepted(request.headers.get("Accept-Encoding", ""), {"gzip"}) is not None
        body, content_type = metrics.render(
            accept=accept,
            compress=compress,
            names=request.query.getall("name[]", []),
        )
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        return web.Response(body=body, headers=headers | ({"Content-Encoding": "gzip"} if compress else {}))

    async def page(_: web.Request) -> web.Response:
        from exporter.web.page.render import render_page  # on first use: saves memory until then

        await health.healthz()  # the page is as fresh as a health answer, and as bounded in time
        text, policy = render_page(health.statuses, pool_states(), now=time.monotonic(), problem=problem())
        headers = NEVER_STORE | {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
        return web.Response(text=text, content_type="text/html", headers=headers)

    return [web.get("/metrics", scrape), web.get("/", page)]


def make_application(*routes: list[web.RouteDef]) -> web.Application:
    """Return an application with these routes; aiohttp answers any other path or method by a short 404 or 405."""
    app = web.Application(client_max_size=1024)
    for each in routes:
        app.add_routes(each)
    return app


async def _respond(request: web.Request, *, health: HealthService, endpoint: Endpoint) -> web.Response:
    database = request.query.get("database")
    if database is not None and database not in health.monitors:
        known = ", ".join(health.monitors)
        return web.Response(status=404, text=f"no such database; there are: {known}\n", headers=NEVER_STORE)
    report = await endpoint(database)
    status = 200 if report.passed else 503
    content_type = _response_type(request)
    if content_type != TEXT:
        return web.Response(status=status, text=report.json(), content_type=content_type, headers=NEVER_STORE)
    if request.query.get("verbose", "false").lower() not in {"false", "0"}:
        return web.Response(status=status, text=report.verbose(), headers=NEVER_STORE)
    return _plain(passed=report.passed)


def _plain(*, passed: bool) -> web.Response:
    return web.Response(
        status=200 if passed else 503,
        body=b"ok" if passed else b"failed",
        content_type=TEXT,
        headers=NEVER_STORE,
    )


def _response_type(request: web.Request) -> str:
    return first_accepted(request.headers.get("Accept", ""), {TEXT, HEALTH_JSON, JSON}) or TEXT
