"""Each process of a web server is a worker: its checkouts are counted and its end is noticed."""

import pytest

from tests.reporter.frameworks.conftest import Serve, silent, workers
from tests.support.waiting import until

ASGI = "fastapi_shop:app"
SERVERS = {
    "gunicorn sync": ("gunicorn", "psycopg2", ["-w", "2", "-b", "127.0.0.1:{port}", "wsgi_shop"]),
    "gunicorn gthread": (
        "gunicorn",
        "psycopg2",
        ["-k", "gthread", "--threads", "3", "-w", "2", "-b", "127.0.0.1:{port}", "wsgi_shop"],
    ),
    "gunicorn gevent": ("gunicorn", "psycopg2", ["-k", "gevent", "-w", "2", "-b", "127.0.0.1:{port}", "wsgi_shop"]),
    "uvicorn": ("uvicorn", "asyncpg", ["--workers", "2", "--port", "{port}", ASGI]),
    "hypercorn": ("hypercorn", "asyncpg", ["-w", "2", "-b", "127.0.0.1:{port}", ASGI]),
    "granian": ("granian", "asyncpg", ["--interface", "asgi", "--workers", "2", "--port", "{port}", ASGI]),
}


@pytest.mark.parametrize("server", SERVERS)
def test_each_of_two_workers_is_shown(server: str, serve: Serve) -> None:
    """Both workers are shown, every checkout is counted, and after the end none is silent or shown."""
    module, driver, arguments = SERVERS[server]
    web = serve(module, *arguments, driver=driver)
    pids: set[str] = set()

    def both_are_shown() -> bool:
        pids.update(web.get_often(6))
        return len(pids) == 2 and len(workers(web.exporter)) == 2

    until(both_are_shown, within=30, what="two workers")

    def counted() -> float:
        return web.exporter.sample("dbhealth_pool_use_seconds_count", pool="app")

    until(lambda: counted() == web.requests, within=5, what=f"{web.requests} checkouts")
    web.process.terminate()
    web.process.wait(timeout=30)
    until(lambda: not workers(web.exporter) and not any(silent(web.exporter)), within=15, what="the end of both")
    assert counted() == web.requests
    assert web.exporter.get("/app/livez").status == 200


def test_uwsgi_workers_are_not_their_master(serve: Serve) -> None:
    """Without `py-call-osafterfork` and threads, two workers still report under their own pids, not the master's."""
    arguments = ("--http-socket", "127.0.0.1:{port}", "--master", "--processes", "2", "--module", "wsgi_shop")
    web = serve("uwsgi", *arguments, "--die-on-term", USE_IN_MASTER="1")
    pids: set[str] = set()

    def both_are_shown() -> bool:
        pids.update(web.get_often(6))
        return len(pids) == 2 and len(workers(web.exporter)) == 2

    until(both_are_shown, within=30, what="two workers")


def test_a_gevent_greenlet_is_not_called_ended(serve: Serve) -> None:
    """While a request holds its connection in a greenlet, its activity is unknown, not ended."""
    web = serve("gunicorn", "-k", "gevent", "-w", "1", "-b", "127.0.0.1:{port}", "wsgi_shop")

    web.get("/hold")

    until(lambda: "checked out at" in web.exporter.log(), within=5, what="a line about the leak")
    assert "now: unknown: what a greenlet of gevent" in web.exporter.log()
    assert "has ended" not in web.exporter.log()


def test_request_after_a_leak_is_not_blamed(serve: Serve) -> None:
    """After a leak a synchronous worker serves another request: the leak's line is right, the request is not blamed."""
    web = serve("gunicorn", "-w", "1", "-b", "127.0.0.1:{port}", "wsgi_shop")

    web.get("/leak")
    web.get("/rest")

    until(lambda: "checked out at" in web.exporter.log(), within=5, what="a line about the leak")
    (line,) = [line for line in web.exporter.log().splitlines() if "checked out at" in line]
    assert "in leak" in line
    assert "now: the call that took it has returned" in line
    assert "time.sleep" not in line
