"""Calls a function when a process ends on purpose in ways that skip `atexit`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from functools import wraps
from typing import Any, Callable

Goodbye = Callable[[], None]


def on_child_exit(goodbye: Goodbye) -> None:
    """Call `goodbye` when a child of multiprocessing or Celery ends: both skip `atexit`."""
    multiprocessing, celery = sys.modules.get("multiprocessing.util"), sys.modules.get("celery.signals")
    if multiprocessing is not None:
        multiprocessing.Finalize(None, goodbye, exitpriority=0)
    if celery is not None:

        def on_shutdown(**_: object) -> None:
            goodbye()

        celery.worker_process_shutdown.connect(on_shutdown, weak=False)


def on_pool_worker_end(goodbye: Goodbye) -> None:
    """Call `goodbye` in a child of multiprocessing before SIGTERM kills it, as `with multiprocessing.Pool` does.

    Only where the signal has no handler yet; the child still dies of the signal.
    """
    processes = sys.modules.get("multiprocessing.process")
    is_child = processes is not None and processes.parent_process() is not None
    if not is_child or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def end(number: int, _frame: object) -> None:
        try:
            goodbye()
        finally:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, end)


def on_uvicorn_shutdown(goodbye: Goodbye) -> None:
    """Call `goodbye` after uvicorn's shutdown, which then kills the process by sending it the signal again."""
    server: Any = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    server_class = getattr(sys.modules.get("uvicorn.server"), "Server", None)
    if server_class is None or not isinstance(server, server_class) or hasattr(server.shutdown, "_dbhealth"):
        return
    shutdown = server.shutdown

    @wraps(shutdown)
    async def shutdown_and_goodbye(*arguments: Any, **named: Any) -> Any:
        try:
            return await shutdown(*arguments, **named)
        finally:
            goodbye()

    shutdown_and_goodbye._dbhealth = True  # type: ignore[attr-defined] # one wrapper serves all pools
    server.shutdown = shutdown_and_goodbye
