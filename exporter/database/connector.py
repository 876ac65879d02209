"""One new driver connection to wherever the settings point at this moment."""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg

from exporter.database import attempt as progress
from exporter.database import multihost as several
from exporter.database.attempt import Phase
from exporter.database.drivers import asyncpg_driver as strangers
from exporter.database.drivers import farewell
from exporter.database.drivers.psycopg_driver import NO_TIMER, PassingError, SecondOpinion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.dsn import Source, Target

log = logging.getLogger(__name__)

# As asyncpg itself, given all hosts: a host that is away, starts or has another role is not the last word.
NEXT_HOST = (OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched, PassingError)
TLS_REQUIRED = ("require", "verify-ca", "verify-full")


class Connector:
    """Connects for one engine: wherever the source points, always by the driver that the engine speaks."""

    def __init__(self, source: Source, driver: str, heard: Callable[[str], None]) -> None:
        """Keep what each connect needs.

        Args:
            source: where to connect to; its files are read anew each time.
            driver: `asyncpg` or `psycopg`, whatever the source says later.
            heard: called with the SQLSTATE of an error that the server sends, also on an idle connection.
        """
        self._source = source
        self._driver = driver
        self._heard = heard
        self._second_opinion = SecondOpinion()
        self._told = False

    async def connect(self) -> Any:
        """Connect.

        Raises:
            DsnError: a file is gone, or holds no usable URL.
            asyncpg.PostgresError, OSError: as `outcome.classify` knows them, whichever the driver.
        """
        strangers.beware()
        target = self._target()
        record = progress.current()
        record.phase, record.tls_required = Phase.CONNECTING, target.sslmode in TLS_REQUIRED
        attempt = self._connect_psycopg if target.driver == "psycopg" else self._connect_asyncpg
        record.connection = await several.connect(target, attempt, passes_on=NEXT_HOST, drop=abort)
        record.phase = Phase.QUERYING
        return record.connection

    async def _connect_asyncpg(self, target: Target) -> Any:
        connection = await asyncpg.connect(**{**NO_TIMER, **target.connect_arguments()})
        farewell.tap(connection, self._heard)
        return connection

    async def _connect_psycopg(self, target: Target) -> Any:
        import psycopg

        try:
            return await psycopg.AsyncConnection.connect(**target.connect_arguments())
        except psycopg.OperationalError as error:
            raise await self._second_opinion.on(error, target) from error

    def _target(self) -> Target:
        target = self._source.target()
        if target.driver == self._driver:
            return target
        if not self._told:
            self._told = True
            log.warning(
                "the URL names another driver: a restart is needed for %s, until then it is %s",
                target.driver,
                self._driver,
            )
        return replace(target, driver=self._driver, other=())


def abort(connection: Any) -> None:
    """Drop a connection at once, without a word to the server.

    libpq's handle is closed beneath psycopg: its own way out asks the server to cancel and waits 5 s.
    """
    with aborting(connection):
        pass


@contextmanager
def aborting(connection: Any) -> Iterator[None]:
    """Drop a connection, and let nothing else have its descriptor's number until whoever waits on it has been told.

    psycopg waits by the number, and stops watching it when it is cancelled: a client of ours that was accepted under
    the same number meanwhile was never heard.
    """
    if not hasattr(connection, "pgconn"):
        connection.terminate()
        yield
        return
    number = _number(connection)
    connection.pgconn.finish()
    kept = _occupy(number)
    try:
        yield
    finally:
        if kept is not None:
            os.close(kept)


def _number(connection: Any) -> int:
    import psycopg

    try:
        return int(connection.pgconn.socket)
    except psycopg.OperationalError:  # it is closed already
        return -1


def _occupy(number: int) -> int | None:
    """Open something under this number, if it is free."""
    if number < 0:
        return None
    with suppress(OSError):  # no descriptor is left
        null = os.open(os.devnull, os.O_RDONLY)
        if null == number:
            return null
        found = fcntl.fcntl(null, fcntl.F_DUPFD_CLOEXEC, number)
        os.close(null)
        return found
    return None
