"""Changes to SQLAlchemy's PostgreSQL dialects: one round trip for a ping, none at connect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.util import await_only

from exporter.database.attempt import current_attempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.database.drivers.base import Driver


class LeanDialect:
    """Leaves out type codecs and queries at connect, and the transaction around a ping.

    A probe needs no JSON, and the dialects' own first queries fail through PgBouncer in transaction mode,
    where two messages of one statement may reach different servers.
    """

    def __init__(self, probe_driver: Driver, **options: Any) -> None:
        """Keep the driver, which `create_async_engine` was given as an argument of this name."""
        super().__init__(**options)
        self.probe_driver = probe_driver

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
        """Take the server's version from its messages at connect; SQLAlchemy's default would cost ten round trips."""
        self.__dict__.update(
            server_version_info=self.probe_driver.server_version(connection.connection.driver_connection),
            default_schema_name="public",
        )

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Ask for one row: one round trip, no transaction, no prepared statement."""
        connection = dbapi_connection.driver_connection
        current_attempt().querying(connection, self.probe_driver)
        try:
            await_only(self.probe_driver.ping(connection))
        except Exception as error:  # noqa: BLE001 - the adapter turns it into SQLAlchemy's own
            dbapi_connection._handle_exception(error)  # noqa: SLF001
        return True
