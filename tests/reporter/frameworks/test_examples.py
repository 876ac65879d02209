"""The applications of examples/, as they stand, with the exporter beside them: their pools are seen, all is well."""

from pathlib import Path

import pytest

from tests.reporter.conftest import Start
from tests.reporter.frameworks.conftest import Environment, Serve, workers
from tests.support.exporter import Exporter
from tests.support.waiting import until

EXAMPLES = Path(__file__).parents[3] / "examples"
SERVERS = {
    "fastapi": ("uvicorn", ("--port", "{port}", "--workers", "2", "main:app"), "asyncpg"),
    "django": ("gunicorn", ("-w", "2", "-b", "127.0.0.1:{port}", "shop"), "psycopg"),
}


@pytest.mark.parametrize("name", SERVERS)
def test_a_web_application_reports(serve: Serve, name: str) -> None:
    """A worker that has answered is seen with its pool; both sides say that all is well."""
    module, arguments, driver = SERVERS[name]
    web = serve(module, *arguments, driver=driver, PYTHONPATH=str(EXAMPLES / name))

    web.get_often(20)

    until(lambda: len(workers(web.exporter)) >= 1, within=10, what="a worker with its pool")
    assert web.exporter.sample("dbhealth_pool_max_connections", pool="app") % 5 == 0
    assert web.exporter.health().status == 200
    assert web.exporter.get("/app/livez").status == 200


def test_celery_reports(start: Start, exporter: Exporter, environment: Environment, redis: str) -> None:
    """Each task is one use of a pool."""
    given = environment("psycopg", REDIS_URL=redis, PYTHONPATH=str(EXAMPLES / "celery"))
    send = "import tasks\nfor _ in range(6): tasks.order.delay()"
    assert start("frameworks", "-c", send, cwd=EXAMPLES / "celery", env=given).wait(timeout=60) == 0

    arguments = ("-A", "tasks", "worker", "-c", "2")
    process = start("frameworks", *arguments, module="celery", cwd=EXAMPLES / "celery", env=given)

    def uses() -> float:
        samples = exporter.samples("dbhealth_pool_use_seconds").items()
        return sum(value for (name, have), value in samples if name.endswith("_count") and ("pool", "app") in have)

    until(lambda: uses() == 6, within=60, what="every task counted")
    assert exporter.health().status == 200
    process.terminate()
    process.wait(timeout=30)
