"""The ways in: `?plugin=dbhealth` in a URL, or a call of `report`."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.engine import CreateEnginePlugin

from db_health_reporter import settings

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    from db_health_reporter.process_reporter import ProcessReporter

logger = logging.getLogger("db_health_reporter")


class DbHealthPlugin(CreateEnginePlugin):
    """Reports the pool of every engine whose URL has `plugin=dbhealth`."""

    def __init__(self, url: URL, kwargs: dict[str, Any]) -> None:
        """Read the URL's `dbhealth_` parameters; the engine's arguments stay as they are."""
        super().__init__(url, kwargs)
        self._given = {name: url.query[name] for name in settings.PARAMETERS if name in url.query}

    def update_url(self, url: URL) -> URL:
        """Remove these parameters: the driver would refuse them."""
        return url.difference_update_query(settings.PARAMETERS)

    def engine_created(self, engine: Engine) -> None:
        """Instrument the engine's pool; reports begin with the first checkout."""
        _report(engine, self._given)


def report(
    engine: Engine | AsyncEngine,
    *,
    pool: str | None = None,
    address: str | None = None,
    interval: float | None = None,
    leak_after: float | None = None,
) -> None:
    """Report this engine's pool from its next checkout on; durations are in seconds.

    What is left out is taken from the URL, then from the environment.
    """
    given = {
        "dbhealth_pool": pool,
        "dbhealth_address": address,
        "dbhealth_interval": interval,
        "dbhealth_leak_after": leak_after,
    }
    _report(cast("Engine", getattr(engine, "sync_engine", engine)), given)


def _report(engine: Engine, given: dict[str, Any]) -> None:
    try:
        _process_reporter().add(engine, {name: value for name, value in given.items() if value is not None})
    except Exception as error:  # the edge to the application: whatever goes wrong, it must have its engine
        pool_class = type(engine.pool).__name__
        logger.warning("the %s of this engine is not reported (%s: %s)", pool_class, type(error).__name__, error)
        logger.debug("the failure's traceback", exc_info=True)


@cache
def _process_reporter() -> ProcessReporter:
    from db_health_reporter.process_reporter import ProcessReporter  # on first use: nothing happens at import

    return ProcessReporter()
