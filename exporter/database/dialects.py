"""SQLAlchemy's PostgreSQL dialects, trimmed to what a probe can afford: one round trip a ping, none at connect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.util import await_only

from exporter.database import attempt as progress
from exporter.database import errors as outcome
from exporter.database.attempt import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

PING = "select 1"  # not ";": asyncpg 0.32 raises AttributeError on the reply to an empty statement


class _Lean:
    """What both dialects leave out: type codecs and questions at connect, transactions around a ping.

    A probe needs no JSON, and the dialects' own first queries fail through PgBouncer in transaction mode,
    where two messages of one statement may reach different servers.
    """

    @classmethod
    def get_async_dialect_cls(cls, url: Any) -> type[Any]:  # noqa: ARG003 - SQLAlchemy's signature
        """Stay this class: psycopg's dialect would name its own asynchronous one."""
        return cls

    def on_connect(self) -> Callable[[Any], None] | None:
        """Do nothing with a new connection."""
        return None

    def on_connect_url(self, url: Any) -> Callable[[Any], None] | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Do nothing with a new connection."""
        return None

    def initialize(self, connection: Any) -> None:
        """Take the server's version from what it sent at connect, where the default asks ten round trips for more."""
        self.__dict__.update(
            server_version_info=_server_version(connection.connection.driver_connection),
            default_schema_name="public",
        )


class LeanAsyncpg(_Lean, PGDialect_asyncpg):
    """Over asyncpg."""

    supports_statement_cache = True  # SQLAlchemy wants it said by each class itself

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Ask for one row by the simple protocol: one round trip, no transaction, no prepared statement."""
        connection = dbapi_connection.driver_connection
        _querying(connection)
        try:
            await_only(connection.execute(PING))
        except Exception as error:  # noqa: BLE001 - the adapter turns it into SQLAlchemy's own
            dbapi_connection._handle_exception(error)  # noqa: SLF001
        return True

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Drop the connection at once: SQLAlchemy would first try to close it gracefully for 2 s."""
        dbapi_connection.driver_connection.terminate()


class LeanPsycopg(_Lean, PGDialectAsync_psycopg):
    """Over psycopg."""

    supports_statement_cache = True

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Ask for one row outside of a transaction."""
        _querying(dbapi_connection.driver_connection)
        try:
            return bool(super().do_ping(dbapi_connection))  # type: ignore[no-untyped-call]
        except Exception as error:
            progress.current().farewell = outcome.sqlstate(error) or ""
            raise


def _querying(connection: Any) -> None:
    record = progress.current()
    record.connection, record.phase = connection, Phase.QUERYING


def _server_version(connection: Any) -> tuple[int, ...]:
    if hasattr(connection, "get_server_version"):
        version = connection.get_server_version()
        return (version.major, version.minor)
    number: int = connection.info.server_version
    return divmod(number, 10000)


def register() -> None:
    """Make the dialects known to SQLAlchemy under the names `postgresql+lean_asyncpg` and `+lean_psycopg`."""
    for driver, name in (("lean_asyncpg", "LeanAsyncpg"), ("lean_psycopg", "LeanPsycopg")):
        registry.register(f"postgresql.{driver}", __name__, name)
