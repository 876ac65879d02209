"""`serve`: run the program until a signal ends it."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import time
from typing import TYPE_CHECKING

from exporter.app import App, CannotListenError
from exporter.web.listener import Complaints

if TYPE_CHECKING:
    from exporter.settings.config import Values

log = logging.getLogger(__name__)

CANNOT_LISTEN = 2


async def serve(values: Values) -> int:
    """Serve until SIGTERM or SIGINT; 0, or 2 if an address cannot be listened on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    loop.set_exception_handler(Complaints(time.monotonic))
    try:
        async with App(values) as app:
            log.info("serving on %s; watching %s", ", ".join(app.addresses), ", ".join(app.monitors))
            _set_aside()
            await stop.wait()
    except CannotListenError as error:
        print(f"db-health-exporter: {error}", file=sys.stderr)  # noqa: T201 - before the log
        return CANNOT_LISTEN
    return 0


def _set_aside() -> None:
    """Keep the garbage collector from weighing what was imported.

    A full collection waits until a quarter as many objects are new as survived the last one. Imports leave over
    200,000, so what failing connects leave behind in cycles grew to 2 MB before anybody looked; now to 0.3.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # counts the survivors anew: none
