"""Names are resolved outside of the loop, once each, without an executor; a silent DNS server delays nothing else."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from exporter.database import event_loop
from exporter.database.attempt import ConnectAttempt, Phase, track
from exporter.database.event_loop import ResolverLoop
from tests.support.ports import free_port
from tests.support.resolver import Behaviour, Resolver

SILENT = """
import asyncio, sys, threading, time
from exporter.database.event_loop import ResolverLoop  # noqa: PLC0415

async def main():
    loop = asyncio.get_running_loop()
    async def look_up(name):
        try:  # noqa: SIM105 - a context manager costs more than all of this
            await asyncio.wait_for(loop.getaddrinfo(name, 5432), 0.2)
        except TimeoutError:
            return
        raise SystemExit("answered")
    for _ in range(10):
        await asyncio.gather(*(look_up("one.example") for _ in range(5)), look_up("two.example"))
        assert threading.active_count() <= 3, threading.enumerate()
    assert await asyncio.wait_for(loop.getaddrinfo("127.0.0.1", 5432), 2)

began = time.monotonic()
with asyncio.Runner(loop_factory=ResolverLoop) as runner:
    runner.run(main())
print(time.monotonic() - began, time.monotonic(), flush=True)
"""


def run(work: Callable[[asyncio.AbstractEventLoop], Any]) -> Any:
    """Run in a loop of this kind."""

    async def main() -> Any:
        return await work(asyncio.get_running_loop())

    with asyncio.Runner(loop_factory=ResolverLoop) as runner:
        return runner.run(main())


def test_silent_dns_server_costs_two_threads(resolver: Resolver) -> None:
    """Two names resolved sixty times take two threads, and the process still ends at once."""
    resolver.behaviour = Behaviour.SILENT
    done = subprocess.run(
        [*resolver.prefix, sys.executable, "-c", SILENT],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    ended_at = time.monotonic()

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    took, finished_at = map(float, done.stdout.split())  # the clock is the same in every process
    assert took < 4
    assert ended_at - finished_at < 3
    assert resolver.questions > 0


def test_requests_for_one_name_share_a_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second request joins the look-up under way, and a cancelled one does not end it."""
    asked: list[tuple[str, str]] = []
    go = threading.Event()
    real = socket.getaddrinfo

    def slow(*arguments: Any) -> Any:
        asked.append((str(arguments[0]), threading.current_thread().name))
        go.wait(5)
        return real("127.0.0.1", *arguments[1:])

    monkeypatch.setattr(socket, "getaddrinfo", slow)

    async def work(loop: asyncio.AbstractEventLoop) -> Any:
        first = [asyncio.ensure_future(loop.getaddrinfo("db.example", 5432)) for _ in range(3)]
        await asyncio.sleep(0.05)
        first[0].cancel()
        go.set()
        answers = await asyncio.gather(*first, return_exceptions=True)
        return answers, await loop.getaddrinfo("db.example", 5432)

    (cancelled, *answers), again = run(work)

    assert isinstance(cancelled, asyncio.CancelledError)
    assert answers == [again, again]
    assert asked == [("db.example", "resolver")] * 2


def test_error_of_an_unknown_name_is_noted() -> None:
    """An error of a name is raised and noted, so that it is found after a driver has wrapped it."""
    attempt = ConnectAttempt()

    async def work(loop: asyncio.AbstractEventLoop) -> None:
        track(attempt)
        with pytest.raises(socket.gaierror):
            await loop.getaddrinfo("two..dots", 5432)

    run(work)

    assert isinstance(attempt.network_error, socket.gaierror)
    assert attempt.phase is Phase.RESOLVING


def test_phase_follows_the_connect() -> None:
    """The phase changes from name to connect; a refused connect notes the system's error."""
    attempt = ConnectAttempt()
    closed = free_port()

    async def work(loop: asyncio.AbstractEventLoop) -> None:
        track(attempt)
        await loop.getaddrinfo("127.0.0.1", closed)
        assert attempt.phase is Phase.CONNECTING
        with pytest.raises(OSError):  # noqa: PT011 - whatever asyncio makes of it
            await asyncio.open_connection("127.0.0.1", closed)

    run(work)

    assert isinstance(attempt.network_error, ConnectionRefusedError)


def test_result_after_the_loop_has_closed_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up that ends when the loop is closed raises nothing in its thread."""
    go = threading.Event()
    failed: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: go.wait(5) and [])
    monkeypatch.setattr(threading, "excepthook", failed.append)

    async def work(loop: asyncio.AbstractEventLoop) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.getaddrinfo("db.example", 5432), 0.05)

    run(work)
    go.set()
    for thread in threading.enumerate():
        if thread.name == "resolver":
            thread.join(5)

    assert failed == []


def test_long_look_up_gets_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up that lasts too long gets another thread, up to the maximum."""
    asked: list[int] = []
    go = threading.Event()
    real = socket.getaddrinfo

    def lost(*arguments: Any) -> Any:
        asked.append(len(asked))
        if len(asked) < event_loop.MAXIMUM_THREADS:
            go.wait(5)
        return real("127.0.0.1", *arguments[1:])

    monkeypatch.setattr(socket, "getaddrinfo", lost)
    monkeypatch.setattr(event_loop, "RETRY_AFTER", 0.05)

    async def work(loop: asyncio.AbstractEventLoop) -> Any:
        first = asyncio.ensure_future(loop.getaddrinfo("db.example", 5432))
        for _ in range(20):
            await asyncio.sleep(0.02)
            if first.done():
                break
            asyncio.ensure_future(loop.getaddrinfo("db.example", 5432)).add_done_callback(lambda done: done.exception())
        answers = await first
        go.set()
        await asyncio.sleep(0.05)  # the other threads end, too
        return answers

    assert run(work)
    assert len(asked) == event_loop.MAXIMUM_THREADS
