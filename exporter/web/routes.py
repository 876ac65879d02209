"""HTTP: the routes, and what each client wants to be told in which form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from exporter.web.accept import no_worse_than, qualities

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from exporter.metrics.registry import Metrics
    from exporter.web.health import HealthService
    from exporter.web.health_report import HealthReport

    Endpoint = Callable[[str | None], Awaitable[HealthReport]]

NEVER_STORE = {"Cache-Control": "no-store"}
JSON = ("application/health+json", "application/json")
_OK = b"ok"
_FAILED = b"failed"


def health_routes(service: HealthService) -> list[web.RouteDef]:
    """What kubelets ask."""

    async def livez(database: str | None) -> HealthReport:
        return service.livez(database)

    async def app_livez(database: str | None) -> HealthReport:
        return service.app_livez(database)

    async def healthz(request: web.Request) -> web.Response:
        if not request.query_string and not _wants_json(request):  # the kubelet's way, at no cost where it is known
            passing = service.cached_healthz()
            if passing is not None:
                return _plain(passed=passing)
        return await _respond(request, service, service.healthz)

    def route(path: str, endpoint: Endpoint) -> web.RouteDef:
        return web.get(path, lambda request: _respond(request, service, endpoint))

    return [
        web.get("/healthz", healthz),
        route("/readyz", service.readyz),
        route("/livez", livez),
        route("/app/livez", app_livez),
    ]


def metrics_routes(service: HealthService, metrics: Metrics) -> list[web.RouteDef]:
    """What Prometheus and people ask."""

    async def scrape(request: web.Request) -> web.Response:
        compress = _takes_gzip(request.headers.get("Accept-Encoding", ""))
        body, content_type = metrics.render(
            accept=no_worse_than(request.headers.get("Accept", ""), "text/plain"),
            compress=compress,
            names=request.query.getall("name[]", []),
        )
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        return web.Response(body=body, headers=headers | ({"Content-Encoding": "gzip"} if compress else {}))

    async def look(_: web.Request) -> web.Response:
        from exporter.web.page import render as page

        await service.healthz()  # what the page shows is as fresh as a probe's answer, and as bounded in time
        text, policy = page.render(service)
        headers = NEVER_STORE | {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
        return web.Response(text=text, content_type="text/html", headers=headers)

    return [web.get("/metrics", scrape), web.get("/", look)]


def make_application(*routes: list[web.RouteDef]) -> web.Application:
    """Make an application of routes; what it does not know is a short 404 or 405."""
    app = web.Application(client_max_size=1024)
    for each in routes:
        app.add_routes(each)
    return app


async def _respond(request: web.Request, service: HealthService, endpoint: Endpoint) -> web.Response:
    database = request.query.get("database")
    if database is not None and database not in service.watches:
        known = ", ".join(service.watches)
        return web.Response(status=404, text=f"no such database; there are: {known}\n", headers=NEVER_STORE)
    report = await endpoint(database)
    status = 200 if report.passed else 503
    kind = _wants_json(request)
    if kind:
        return web.Response(status=status, text=report.json(), content_type=kind, headers=NEVER_STORE)
    if "verbose" in request.query:
        return web.Response(status=status, text=report.verbose(), headers=NEVER_STORE)
    return _plain(passed=report.passed)


def _plain(*, passed: bool) -> web.Response:
    return web.Response(
        status=200 if passed else 503,
        body=_OK if passed else _FAILED,
        content_type="text/plain",
        headers=NEVER_STORE,
    )


def _wants_json(request: web.Request) -> str:
    """Return the type of JSON that the client likes at least as well as text, or nothing."""
    accept = request.headers.get("Accept", "").lower()
    if "json" not in accept:
        return ""
    liked = qualities(accept)
    best = max(JSON, key=lambda kind: liked.get(kind, 0.0))
    return best if liked.get(best, 0.0) > 0 and liked[best] >= liked.get("text/plain", 0.0) else ""


def _takes_gzip(accepted: str) -> bool:
    return qualities(accepted).get("gzip", 0.0) > 0  # `gzip;q=0` is a refusal
