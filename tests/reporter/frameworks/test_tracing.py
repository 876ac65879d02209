"""Tracing libraries call SQLAlchemy for the application: a call site is never theirs."""

import pytest

from tests.reporter.frameworks.conftest import Serve, line_of, location
from tests.support.waiting import until


@pytest.mark.parametrize("tracer", ["none", "opentelemetry", "sentry"])
def test_leak_is_the_applications_line(tracer: str, serve: Serve) -> None:
    """A leak in a FastAPI handler is that handler's line."""
    web = serve("uvicorn", "--port", "{port}", "fastapi_shop:app", driver="asyncpg", TRACER=tracer)

    web.get("/leak")

    until(lambda: location(web.exporter), within=10, what="a place")
    assert location(web.exporter) == line_of("fastapi_shop.py", "await engine.connect())", "leak")


def test_a_synchronous_engine_blocks_the_event_loop(serve: Serve) -> None:
    """The loop is watched although the engine is synchronous: the worker is silent, and the blocking line is named."""
    web = serve("uvicorn", "--port", "{port}", "fastapi_shop:app", driver="asyncpg")

    web.get("/block")

    lines = [line for line in web.exporter.log().splitlines() if "stands still" in line]
    assert len(lines) == 1
    assert "pool synchronous" in lines[0]
    assert line_of("fastapi_shop.py", "pg_sleep", "block") in lines[0]
