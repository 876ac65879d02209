"""`serve`: listen and probe until a signal ends the process."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time
from typing import TYPE_CHECKING

from exporter.app import App, CannotListenError
from exporter.cli.process import USAGE_ERROR
from exporter.runtime.exception_handler import RateLimitedExceptionHandler

if TYPE_CHECKING:
    from exporter.settings.config import Config

log = logging.getLogger(__name__)


async def serve(config: Config, stop: asyncio.Event) -> int:
    """Serve until the event is set: 0; or 2 if an address cannot be listened on."""
    asyncio.get_running_loop().set_exception_handler(RateLimitedExceptionHandler(time.monotonic))
    try:
        async with App(config) as app:
            log.info("serving on %s; watching %s", ", ".join(app.addresses), ", ".join(app.monitors))
            for note in config.notes:
                log.warning("%s", note)
            _freeze_imported_objects()
            await stop.wait()
    except CannotListenError as error:
        print(f"db-health-exporter: {error}", file=sys.stderr)  # noqa: T201 - a command's answer
        return USAGE_ERROR
    return 0


def _freeze_imported_objects() -> None:
    """Keep what was imported out of garbage collections.

    A full collection waits until a quarter as many objects are new as survived the last one. Imports leave over
    200,000 objects, so the reference cycles of failing connects grew to 2 MB before a collection; now to 0.3 MB.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # resets the count of survivors to none
