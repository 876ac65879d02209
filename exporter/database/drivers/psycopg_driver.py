"""psycopg over libpq, which is an optional extra: this module alone imports it."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg

from exporter.database.attempt import current_attempt
from exporter.database.dialects import LeanDialect
from exporter.database.drivers import asyncpg_driver, base

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.dsn import Target


class UnexplainedConnectError(Exception):
    """psycopg could not connect, and asyncpg could right after it; the text is libpq's."""


class Driver(base.Driver):
    """psycopg; where it fails to connect, a connect by asyncpg finds the reason.

    libpq reports a failed connect as text alone, without SQLSTATE and errno.
    """

    next_host_errors = (*asyncpg_driver.Driver.next_host_errors, UnexplainedConnectError)

    def __init__(self, on_server_error: Callable[[str], None]) -> None:
        self._on_server_error = on_server_error
        # The last failure and its reason: on a slow line the reason comes after the deadline, in time for the next
        # probe.
        self._last_failure: tuple[Target, str] | None = None
        self._last_reason: Exception | None = None

    async def connect(self, target: Target) -> Any:
        """Open a connection; see `base.Driver`."""
        arguments = target.connect_arguments()  # may raise what the server has no part in
        try:
            with asyncpg_driver.blaming_server():
                return await psycopg.AsyncConnection.connect(**arguments)
        except psycopg.OperationalError as error:
            raise await self.resolve_connect_error(error, target) from error

    async def resolve_connect_error(self, error: psycopg.OperationalError, target: Target) -> Exception:
        """Return an error with the reason why psycopg could not connect.

        Until it is known, the attempt holds the reason of the last equal failure, or psycopg's words as an error of the
        protocol: something that the server did has ended the connect.
        """
        if isinstance(error, psycopg.errors.ConnectionTimeout):  # the URL's own connect_timeout: no answer came
            return TimeoutError(str(error))
        attempt = current_attempt()
        failure = (target, str(error))
        known = self._last_reason if failure == self._last_failure else None
        attempt.connect_error = known or asyncpg_driver.NotPostgresError(str(error))
        reason = await _connect_by_asyncpg(target) or UnexplainedConnectError(str(error).partition("\n")[0])
        attempt.connect_error = None
        self._last_failure, self._last_reason = failure, reason.with_traceback(None)
        return reason

    async def count_rows(self, connection: Any, query: str) -> int:
        """Run a query in autocommit mode, and report the SQLSTATE if it fails.

        libpq delivers the error that ended an idle session only with the next query.
        """
        try:
            with asyncpg_driver.blaming_server():
                return await _count_rows(connection, query)
        except psycopg.Error as error:
            if error.sqlstate:
                self._on_server_error(error.sqlstate)
                raise
            # The session has ended without a word, or its answer is odd. The error stays: SQLAlchemy replaces a closed
            # connection by it.
            raise error from asyncpg_driver.NotPostgresError(asyncpg_driver.ODD_ANSWER)

    def server_version(self, connection: Any) -> tuple[int, int]:
        """Return major and minor version."""
        number: int = connection.info.server_version
        return divmod(number, 10000)

    @contextmanager
    def aborting(self, connection: Any) -> Iterator[None]:
        """Close libpq's handle beneath psycopg, and keep its descriptor's number occupied during the block.

        psycopg's own `cancel` asks the server to cancel and waits 5 s. Its task watches the socket by number and stops
        watching when it is cancelled: had a client been accepted under that number by then, it was never read from.
        """
        number = _descriptor(connection)
        connection.pgconn.finish()
        occupied = _occupy(number)
        try:
            yield
        finally:
            if occupied is not None:
                os.close(occupied)


class Dialect(LeanDialect, PGDialectAsync_psycopg):
    """SQLAlchemy's dialect of psycopg, as `LeanDialect` describes."""

    supports_statement_cache = True  # SQLAlchemy demands it of each class itself


async def _count_rows(connection: Any, query: str) -> int:
    await connection.set_autocommit(True)
    try:
        cursor = await connection.execute(query)
        if cursor.rowcount < 0:
            raise asyncpg_driver.NotPostgresError(asyncpg_driver.ODD_ANSWER)
        return int(cursor.rowcount)
    finally:
        if not connection.closed:
            await connection.set_autocommit(False)


async def _connect_by_asyncpg(target: Target) -> Exception | None:
    """Return the error of a connect by asyncpg; None if it succeeded."""
    target = base.with_driver(target, "asyncpg")
    try:
        connection = await asyncpg_driver.connect(target)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return error
    connection.terminate()
    return None


def _descriptor(connection: Any) -> int:
    """Return the number of the connection's socket, -1 if it is closed already."""
    try:
        return int(connection.pgconn.socket)
    except psycopg.OperationalError:
        return -1


def _occupy(number: int) -> int | None:
    """Open `/dev/null` under this number, if the number is free; return it to be closed."""
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
