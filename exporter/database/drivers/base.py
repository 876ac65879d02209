"""The interface of a PostgreSQL driver."""

from __future__ import annotations

import importlib
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from sqlalchemy.dialects import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from exporter.dsn import Target

PING_QUERY = "select 1"  # not ";": asyncpg 0.32 raises AttributeError on the reply to an empty statement
# The number of rows is the answer: asyncpg's simple protocol returns no values. It costs one round trip where a
# prepared statement costs two, and through PgBouncer it reaches one server.
RECOVERY_QUERY = "select 1 where pg_catalog.pg_is_in_recovery()"


class Driver(Protocol):
    """A driver, as one engine uses it. `connection` is always the driver's own connection object."""

    connect_args: ClassVar[Mapping[str, Any]] = {}
    """Arguments for SQLAlchemy's adapter of this driver."""

    next_host_errors: ClassVar[tuple[type[Exception], ...]]
    """Errors of `connect` after which the next of several hosts is tried."""

    @abstractmethod
    def __init__(self, on_server_error: Callable[[str], None]) -> None:
        """Keep a callback for the SQLSTATE of each error that the server sends, on an idle connection too."""

    @abstractmethod
    async def connect(self, target: Target) -> Any:
        """Open a connection.

        Raises:
            asyncpg.PostgresError: the server refused; whichever the driver, so that every SQLSTATE is known.
            OSError: it could not be reached, or is no PostgreSQL server.
        """

    @abstractmethod
    async def count_rows(self, connection: Any, query: str) -> int:
        """Run a query without parameters, outside of a transaction and in one round trip; return its number of rows."""

    @abstractmethod
    def server_version(self, connection: Any) -> tuple[int, int]:
        """Return the server's major and minor version, which it sent at connect."""

    @abstractmethod
    def aborting(self, connection: Any) -> AbstractContextManager[None]:
        """Close a connection at once, sending nothing, for the duration of a block that cancels its task."""

    def abort(self, connection: Any) -> None:
        """Close a connection at once, sending nothing: a frozen server would not answer a graceful close."""
        with self.aborting(connection):
            pass

    async def ping(self, connection: Any) -> None:
        """Check that the server answers, in one round trip. Raises the driver's error if it does not."""
        await self.count_rows(connection, PING_QUERY)

    async def is_in_recovery(self, connection: Any) -> bool:
        """Return whether the server is a replica, in one round trip."""
        return bool(await self.count_rows(connection, RECOVERY_QUERY))


def load_driver(name: str, on_server_error: Callable[[str], None]) -> Driver:
    """Import a driver's module and make its dialect known to SQLAlchemy as `postgresql+lean_NAME`.

    Raises:
        ImportError: the driver is not installed.
    """
    module = importlib.import_module(f"{__package__}.{name}_driver")
    registry.register(f"postgresql.lean_{name}", module.__name__, "Dialect")
    driver: Driver = module.Driver(on_server_error)
    return driver


def with_driver(target: Target, name: str) -> Target:
    """Return the target for another driver, without the parameters that only its own driver knows."""
    return replace(target, driver=name, other=())
