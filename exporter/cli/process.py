"""The process: its signals, its event loop, and its exit status."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from asyncio import Event, Task
    from collections.abc import Awaitable, Callable, Coroutine, Iterable
    from subprocess import Popen

SIGNALS = (signal.SIGTERM, signal.SIGINT)
USAGE_ERROR = 2  # the exit status for a wrong argument, setting or address


def exit_on_signal(children: Iterable[Popen[bytes]], *, status: int | None) -> None:
    """Exit at once on a signal that comes before an event loop handles it, and kill the children.

    Process 1 of a container gets no default handlers: in the first second a signal was lost. Nothing is connected
    yet, and an exception raised during imports could be swallowed.

    Args:
        children: read when the signal comes.
        status: the exit status; None for 128 plus the signal's number.
    """

    def end(number: int, _: object) -> NoReturn:
        for child in children:
            child.kill()
        os._exit(128 + number if status is None else status)

    for each in SIGNALS:
        signal.signal(each, end)


def run_command(command: Awaitable[int]) -> int:
    """Run a command in an event loop; a signal cancels it.

    Returns:
        The command's exit status, or 128 plus the signal's number.
    """
    import asyncio

    received: list[int] = []

    def cancel(task: Task[int] | None, number: int) -> None:
        received.append(number)
        if task is not None:
            task.cancel()

    async def run() -> int:
        task = asyncio.current_task()
        _handle_signals(lambda number: cancel(task, number))
        return await command

    try:
        return _run_in_loop(run())
    except asyncio.CancelledError:
        return 128 + received[0]


def run_service(serve: Callable[[Event], Awaitable[int]]) -> int:
    """Run a service in an event loop; a signal sets the event that the service gets. Returns its exit status."""
    import asyncio

    async def run() -> int:
        stop = asyncio.Event()
        _handle_signals(lambda _: stop.set())
        return await serve(stop)

    return _run_in_loop(run())


def _handle_signals(handle: Callable[[int], None]) -> None:
    import asyncio

    loop = asyncio.get_running_loop()
    for each in SIGNALS:
        loop.add_signal_handler(each, handle, each)


def _run_in_loop(work: Coroutine[object, object, int]) -> int:
    import asyncio

    from exporter.database.event_loop import ResolverLoop
    from exporter.runtime.io_buffers import limit_read_buffers

    limit_read_buffers()
    try:
        with asyncio.Runner(loop_factory=ResolverLoop) as runner:
            return runner.run(work)
    except KeyboardInterrupt:  # after the loop has given its handlers back
        return 128 + signal.SIGINT
