"""The routes in process, with databases whose status a test chooses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, repeat
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from exporter.model.readiness import Readiness
from exporter.runtime.loop_monitor import LoopMonitor
from exporter.web.health import HealthService
from exporter.web.routes import health_routes, make_application, metrics_routes
from tests.unit.web.statuses import StubMonitor, make_status

Client = TestClient[web.Request, web.Application]
Serve = Callable[..., Awaitable[Client]]
MakeService = Callable[..., HealthService]


class EchoMetrics:
    """Renders the arguments of the request."""

    def render(self, *, accept: str, compress: bool, names: Sequence[str] = ()) -> tuple[bytes, str]:
        """Return the arguments as a body."""
        return f"{accept}|{compress}|{','.join(names)}".encode(), "text/plain"


@pytest.fixture
def make_service() -> MakeService:
    """Make a health service over monitors, or over one healthy database."""

    def make(*monitors: StubMonitor, readiness: Readiness = Readiness.LATCH, stalled: bool = False) -> HealthService:
        clock = chain([0.0], repeat(60.0 if stalled else 0.0))
        return HealthService(
            {monitor.status.name: monitor for monitor in monitors or (StubMonitor(make_status()),)},
            loop_monitor=LoopMonitor(clock.__next__),
            max_age=1.0,
            readiness=readiness,
        )

    return make


@pytest.fixture
def serve(aiohttp_client: Any, make_service: MakeService) -> Serve:
    """Start a client of all routes, over monitors with options of `make_service`, or over a service."""

    async def start(*monitors: StubMonitor, service: HealthService | None = None, **options: Any) -> Client:
        health = service or make_service(*monitors, **options)
        metrics: Any = EchoMetrics()
        client: Client = await aiohttp_client(
            make_application(health_routes(health), metrics_routes(health, metrics, list)),
            auto_decompress=False,
        )
        return client

    return start
