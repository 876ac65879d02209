"""Workers of job queues: a process for each job, or processes that live long."""

import time
from pathlib import Path

import pytest

from tests.conftest import StartExporter
from tests.reporter.conftest import Start
from tests.reporter.frameworks.conftest import APPLICATIONS, Environment, silent, workers
from tests.support.exporter import Exporter
from tests.support.postgres import Postgres
from tests.support.waiting import until

WEDGED_AFTER, TTL = 3.0, 3.0  # of the exporter's fixture
LONGEST_PATIENCE = 65.0  # seconds, of an exporter without settings: 30 + 2 * 15, and some


def uses(exporter: Exporter) -> float:
    """How many checkouts have ended."""
    samples = exporter.samples("dbhealth_pool_use_seconds").items()
    return sum(value for (name, have), value in samples if name.endswith("_count") and ("pool", "app") in have)


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
def test_celery_counts_every_task(
    pool: str, start: Start, exporter: Exporter, environment: Environment, tmp_path: Path
) -> None:
    """Every task is counted and a warm shutdown leaves nothing silent."""
    given = environment(QUEUE=str(tmp_path))
    send = "import celery_shop\nfor _ in range(8): celery_shop.order.delay()"
    assert start("frameworks", "-c", send, cwd=APPLICATIONS, env=given).wait(timeout=60) == 0

    arguments = ("-A", "celery_shop", "worker", "-c", "2", "-P", pool)
    process = start("frameworks", *arguments, module="celery", cwd=APPLICATIONS, env=given)

    until(lambda: uses(exporter) == 8, within=60, what="every task counted")
    process.terminate()
    process.wait(timeout=30)
    until(lambda: not workers(exporter) and not any(silent(exporter)), within=10, what="goodbyes")


def test_rq_job_leaves_nothing_wedged(start: Start, exporter: Exporter, environment: Environment, redis: str) -> None:
    """A job fills its pool, returns the connection, reports idle and ends by `os._exit`: nothing is wedged."""
    given = environment(REDIS_URL=redis)
    enqueue = start("frameworks", "-c", "import rq_shop; rq_shop.enqueue(2)", cwd=APPLICATIONS, env=given)
    assert enqueue.wait(timeout=60) == 0

    start("frameworks", "worker", "-u", redis, "--burst", module="rq.cli", cwd=APPLICATIONS, env=given)

    until(lambda: uses(exporter) == 1, within=60, what="the job's checkout, in the report of an idle pool")
    assert exporter.sample("dbhealth_pool_checked_out_connections", pool="app") == 0
    end = time.monotonic() + WEDGED_AFTER + TTL + 2
    while time.monotonic() < end:
        assert exporter.get("/app/livez").status == 200
        assert exporter.verdict() == "healthy"
        time.sleep(0.2)


def test_rq_job_leaves_nothing_wedged_by_default_settings(
    start: Start,
    start_exporter: StartExporter,
    shared_server: Postgres,
    report_port: int,
    environment: Environment,
    redis: str,
) -> None:
    """For longer than any patience of the exporter after a job of 5 s: never a reason to restart the worker."""
    exporter = start_exporter(shared_server.url(), APP_POOL_LISTEN=f"127.0.0.1:{report_port}/udp")
    given = environment(REDIS_URL=redis, DBHEALTH_INTERVAL="2")
    enqueue = start("frameworks", "-c", "import rq_shop; rq_shop.enqueue(5)", cwd=APPLICATIONS, env=given)
    assert enqueue.wait(timeout=60) == 0
    start("frameworks", "worker", "-u", redis, "--burst", module="rq.cli", cwd=APPLICATIONS, env=given)
    until(lambda: uses(exporter) == 1, within=60, what="the job's checkout")

    end, was_silent = time.monotonic() + LONGEST_PATIENCE, False
    while time.monotonic() < end:
        assert exporter.get("/app/livez").status == 200
        was_silent = was_silent or any(silent(exporter))
        time.sleep(0.5)
    assert was_silent
    assert not workers(exporter)


def test_dramatiq_process_is_a_worker(start: Start, exporter: Exporter, environment: Environment, redis: str) -> None:
    """Each process is a worker whose threads share a pool, and sends a goodbye at its end."""
    given = environment(REDIS_URL=redis)
    send = "import dramatiq_shop\nfor _ in range(8): dramatiq_shop.order.send()"
    assert start("frameworks", "-c", send, cwd=APPLICATIONS, env=given).wait(timeout=60) == 0

    arguments = ("--processes", "2", "--threads", "2", "dramatiq_shop")
    process = start("frameworks", *arguments, module="dramatiq", cwd=APPLICATIONS, env=given)

    until(lambda: uses(exporter) == 8, within=60, what="every message counted")
    process.terminate()
    process.wait(timeout=30)
    until(lambda: not workers(exporter) and not any(silent(exporter)), within=10, what="goodbyes")
