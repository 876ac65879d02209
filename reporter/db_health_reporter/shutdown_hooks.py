"""Hears that a process ends on purpose, where the functions of `atexit` do not run."""

from __future__ import annotations

import signal
import sys
from functools import wraps
from typing import Any, Callable

Goodbye = Callable[[], None]


def of_child(goodbye: Goodbye) -> None:
    """A child of multiprocessing, or of Celery, has ends of its own."""
    multiprocessing, celery = sys.modules.get("multiprocessing.util"), sys.modules.get("celery.signals")
    if multiprocessing is not None:
        multiprocessing.Finalize(None, goodbye, exitpriority=0)
    if celery is not None:

        def ends(**_: object) -> None:
            goodbye()

        celery.worker_process_shutdown.connect(ends, weak=False)


def of_uvicorn(goodbye: Goodbye) -> None:
    """After its shutdown uvicorn sends itself once more the signal that ended it, and dies of it on the spot."""
    server: Any = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    kind = getattr(sys.modules.get("uvicorn.server"), "Server", None)
    if kind is None or not isinstance(server, kind) or hasattr(server.shutdown, "_dbhealth"):
        return
    shutdown = server.shutdown

    @wraps(shutdown)
    async def shutdown_and_goodbye(*arguments: Any, **named: Any) -> Any:
        try:
            return await shutdown(*arguments, **named)
        finally:
            goodbye()

    shutdown_and_goodbye._dbhealth = True  # type: ignore[attr-defined] # once is enough for all pools
    server.shutdown = shutdown_and_goodbye
