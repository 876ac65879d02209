"""The ways to install: `?plugin=dbhealth` in a URL, `report` for one engine, `install` for all of a process."""

from __future__ import annotations

import gc
import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import URL, CreateEnginePlugin, Engine

from db_health_reporter import settings
from db_health_reporter.engine_hook import hook_engines
from db_health_reporter.naming import naming_key

if TYPE_CHECKING:
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
    database: str | None = None,
    address: str | None = None,
    interval: float | None = None,
    leak_after: float | None = None,
) -> None:
    """Report this engine's pool from its next checkout on; durations are in seconds, `leak_after=0` is never.

    An argument left out is taken from the URL, then from the environment. Never raises: an object that is no engine is
    one line in the log.
    """
    found = getattr(engine, "sync_engine", engine)
    if not isinstance(found, Engine):
        logger.warning("report() takes an engine, and this is a %s: nothing is reported", type(engine).__name__)
        return
    given = {"dbhealth_pool": pool, "dbhealth_database": database}
    _report(found, {**given, **_given(address, interval, leak_after)})


def install(*, address: str | None = None, interval: float | None = None, leak_after: float | None = None) -> None:
    """Report all engines of this process, those that exist and those that will be made; the rest is as in `report`.

    DBHEALTH_INSTALL=1 does the same without a change of code.
    """
    try:
        _process_reporter().set_defaults(_without_none(_given(address, interval, leak_after)))
        hook_engines(URL, report_new_engine)
        engines: list[Any] = [thing for thing in gc.get_objects() if _is_engine(thing)]
    except Exception as error:  # noqa: BLE001 - the edge to the application
        logger.warning("the engines of this process are not reported (%s: %s)", type(error).__name__, error)
        return
    for engine in sorted(engines, key=naming_key):
        _report(engine, {})


def long_lived(connection: Any) -> None:
    """Declare that a connection is held for long on purpose, as for LISTEN or a leader's lock: it is never a leak.

    Takes a `Connection` or `AsyncConnection` and holds until the connection is returned. Never raises.
    """
    try:
        connection = getattr(connection, "sync_connection", connection)
        record = getattr(connection, "connection", connection)._connection_record
        is_known = _process_reporter().declare_long_lived(record)
    except Exception:  # noqa: BLE001 - the edge to the application
        is_known = False
    if not is_known:
        logger.warning("long_lived() takes a connection of a pool that is reported: this call has no effect")


def report_new_engine(engine: Any) -> None:
    """Report an engine that SQLAlchemy has just made, for `install`."""
    _report(engine, {})


def _given(address: str | None, interval: float | None, leak_after: float | None) -> dict[str, Any]:
    return {"dbhealth_address": address, "dbhealth_interval": interval, "dbhealth_leak_after": leak_after}


def _without_none(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _is_engine(thing: object) -> bool:
    # By its type: `isinstance` reads `__class__`, which makes lazy proxies of other libraries load their object.
    return issubclass(type(thing), Engine) and not hasattr(thing, "_proxied")  # a proxied engine has another one's pool


def _report(engine: Engine, given: dict[str, Any]) -> None:
    try:
        _process_reporter().add(engine, _without_none(given))
    except Exception as error:  # the edge to the application, which must get its engine after any failure
        pool_class = type(getattr(engine, "pool", None)).__name__
        logger.warning("the %s of this engine is not reported (%s: %s)", pool_class, type(error).__name__, error)
        logger.debug("the failure's traceback", exc_info=True)


@cache
def _process_reporter() -> ProcessReporter:
    from db_health_reporter.process_reporter import ProcessReporter  # on first use: nothing happens at import

    return ProcessReporter()
