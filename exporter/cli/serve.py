"""`serve`: listen and probe until a signal ends the process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
import time
from typing import TYPE_CHECKING

from exporter.app import App, CannotListenError
from exporter.cli.process import USAGE_ERROR
from exporter.runtime.exception_handler import RateLimitedExceptionHandler
from exporter.web.config.model import WebConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.settings.config import Config

log = logging.getLogger(__name__)


async def serve(config: Config, stop: asyncio.Event, *, read_again: Callable[[], Config]) -> int:
    """Serve until the event is set: 0; or 2 if an address or the web configuration cannot be used.

    Args:
        config: what to serve.
        stop: ends it.
        read_again: reads the settings; called when a file has changed without which the databases are not known.
    """
    asyncio.get_running_loop().set_exception_handler(RateLimitedExceptionHandler(time.monotonic))
    try:
        while not stop.is_set():
            async with App(config) as app:
                log.info("serving on %s; watching %s", ", ".join(app.addresses), ", ".join(app.monitors))
                for note in config.notes:
                    log.warning("%s", note)
                _freeze_imported_objects()
                if await _file_changes(config, stop):
                    log.info("DATABASES_FILE has changed: starting again with the databases that it names")
                    config = await asyncio.to_thread(_read_or_keep, read_again, config)
    except (CannotListenError, WebConfigError) as error:
        print(f"db-health-exporter: {error}", file=sys.stderr)  # noqa: T201 - a command's answer
        return USAGE_ERROR
    return 0


async def _file_changes(config: Config, stop: asyncio.Event) -> bool:
    """Wait until a file has changed that has kept the databases from being known; False if `stop` comes first."""
    sources = [database.source for database in config.databases if database.source.document_state]
    while not any(source.has_changed() for source in sources):
        with contextlib.suppress(TimeoutError):
            return not await asyncio.wait_for(stop.wait(), config.probe_interval if sources else None)
    return True


def _read_or_keep(read_again: Callable[[], Config], config: Config) -> Config:
    try:
        return read_again()
    except SystemExit:  # the child was killed; the next look at the file tries again
        return config


def _freeze_imported_objects() -> None:
    """Keep what was imported out of garbage collections.

    A full collection waits until a quarter as many objects are new as survived the last one. Imports leave over
    200,000 objects, so the reference cycles of failing connects grew to 2 MB before a collection; now to 0.3 MB.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # resets the count of survivors to none
