"""asyncpg, and the only uses of its private names: `asyncpg.protocol.Protocol` and `Connection._protocol`."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import asyncpg
import asyncpg.protocol
from asyncpg.pgproto.pgproto import BufferError as AsyncpgBufferError
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from exporter.database.dialects import LeanDialect
from exporter.database.drivers import base
from exporter.database.drivers.framing import Framing

if TYPE_CHECKING:
    import ssl
    from asyncio import Future, Transport
    from collections.abc import Callable, Iterator, Mapping

    from exporter.dsn import Target

# The types of a server's first message: Authentication, ErrorResponse, NoticeResponse, NegotiateProtocolVersion.
FIRST_MESSAGES = b"RENv"
# A log-in takes under a kilobyte; with the longest error message that libpq accepts, 30 kB.
MAXIMUM_LOGIN_BYTES = 65536
# The probe has a deadline of its own. asyncpg's timer of 60 s would outlive each failed connect, and keep its TLS
# context in memory.
NO_TIMER = {"timeout": None}
ODD_ANSWER = "the server's answer does not follow the PostgreSQL protocol"
# asyncpg's BufferError is no subclass of Python's.
_ODD_ANSWER_ERRORS = (
    ArithmeticError, AttributeError, AsyncpgBufferError, BufferError, LookupError, TypeError, ValueError,
)  # fmt: skip
_ERROR_RESPONSE = b"E"
# An ErrorResponse holds fields of one letter and a text, each ended by a zero byte; C is the SQLSTATE.
# https://www.postgresql.org/docs/current/protocol-error-fields.html
_SQLSTATE_FIELD = b"\x00C"


class NotPostgresError(ConnectionError):
    """The peer does not use the PostgreSQL protocol."""


class GuardedProtocol(asyncpg.protocol.Protocol):  # type: ignore[misc]  # written in Cython
    """asyncpg's protocol, which limits what it accepts before log-in and reports every error the server sends.

    asyncpg believes whatever length a message claims, and would collect 1.5 GB of it. It also drops the error by which
    a server ends an idle session, and only that error distinguishes a server that stops from one that starts.
    """

    def __init__(self, address: object, connected: Future[bool], *rest: object) -> None:
        """Keep the future that the end of the log-in settles."""
        super().__init__(address, connected, *rest)
        self.on_server_error: Callable[[str], None] | None = None
        self._connected = connected
        self._transport: Transport | None = None
        self._login_bytes = 0
        self._framing = Framing()

    def connection_made(self, transport: Transport) -> None:
        """Keep the transport: asyncpg's own `abort` raises before the log-in is complete."""
        self._transport = transport
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Check what comes before log-in, report errors, and pass the data on."""
        if not self._connected.done() and not self._is_login(data):
            self._end("the server does not speak the PostgreSQL protocol")
            return
        if not self._framing.accept(data):
            self._end(ODD_ANSWER)
            return
        if self.on_server_error is not None and data[:1] == _ERROR_RESPONSE and _SQLSTATE_FIELD in data:
            sqlstate = data.split(_SQLSTATE_FIELD, 1)[1][:5]
            self.on_server_error(sqlstate.decode("ascii", "replace"))
        try:
            super().data_received(data)
        except Exception:  # noqa: BLE001 - asyncpg parses a message without checks; asyncio would log a traceback
            self._end(ODD_ANSWER)

    def _end(self, why: str) -> None:
        """Drop the connection; a log-in or a query that waits fails."""
        if not self._connected.done():
            self._connected.set_exception(NotPostgresError(why))
        if self._transport is not None:
            self._transport.abort()

    def _is_login(self, data: bytes) -> bool:
        expected = self._login_bytes > 0 or data[0] in FIRST_MESSAGES
        self._login_bytes += len(data)
        return expected and self._login_bytes <= MAXIMUM_LOGIN_BYTES


class GuardedConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """asyncpg's connection, which closes its socket where it cannot be made.

    It is made after the log-in, and understands what the server said of itself only then: with `server_version` empty,
    each connect left a socket behind, and a traceback from `__del__`.
    """

    __slots__ = ()

    def __init__(self, protocol: object, transport: Transport, *rest: object) -> None:
        """Drop the transport if the server's parameters make no sense."""
        try:
            super().__init__(protocol, transport, *rest)
        except Exception:
            self._aborted = True  # type: ignore[misc]  # a slot of asyncpg's
            transport.abort()
            raise


class Driver(base.Driver):
    """asyncpg, by its simple query protocol."""

    # Names and caches of prepared statements do not survive PgBouncer in transaction mode.
    connect_args: ClassVar[Mapping[str, Any]] = {
        "prepared_statement_cache_size": 0,
        "prepared_statement_name_func": lambda: f"dbhealth_{random.getrandbits(64):016x}",
    }
    # As asyncpg itself with several hosts: try the next if a host is unreachable, is starting or has another role.
    next_host_errors = (OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched)

    def __init__(self, on_server_error: Callable[[str], None]) -> None:
        self._on_server_error = on_server_error

    async def connect(self, target: Target) -> Any:
        """Open a connection; see `base.Driver`."""
        connection = await connect(target)
        connection._protocol.on_server_error = self._on_server_error  # noqa: SLF001 - there is no public name
        return connection

    async def count_rows(self, connection: Any, query: str) -> int:
        """Read the number from the command tag, such as `SELECT 1`."""
        try:
            with blaming_server():
                tag: str = await connection.execute(query)
                return int(tag.rpartition(" ")[2])
        except asyncpg.InterfaceError as error:
            # The connection was closed before the query, or is in a state of an answer that nobody asked for. The error
            # stays: SQLAlchemy replaces a closed connection by it.
            raise error from NotPostgresError(ODD_ANSWER)

    def server_version(self, connection: Any) -> tuple[int, int]:
        """Return major and minor version."""
        version = connection.get_server_version()
        return version.major, version.minor

    @contextmanager
    def aborting(self, connection: Any) -> Iterator[None]:
        """Close the connection; asyncio forgets the socket before its number can be reused."""
        connection.terminate()
        yield


class Dialect(LeanDialect, PGDialect_asyncpg):
    """SQLAlchemy's dialect of asyncpg, as `LeanDialect` describes."""

    supports_statement_cache = True  # SQLAlchemy demands it of each class itself

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Drop the connection at once: SQLAlchemy would first try to close it gracefully for 2 s."""
        self.probe_driver.abort(dbapi_connection.driver_connection)


async def connect(target: Target) -> Any:
    """Open a connection by `GuardedProtocol`, for which asyncpg has no public parameter."""
    asyncpg.protocol.Protocol = GuardedProtocol
    arguments = target.connect_arguments()
    if target.hostaddr and target.sslmode == "verify-full":
        _verify_name(arguments["ssl"], target.hosts[0][0])
    try:
        with blaming_server():
            return await asyncpg.connect(connection_class=GuardedConnection, **{**NO_TIMER, **arguments})
    except asyncpg.InterfaceError as error:  # a method of authentication that asyncpg does not have
        raise NotPostgresError(str(error)) from error


@contextmanager
def blaming_server() -> Iterator[None]:
    """Turn what a driver raises over bytes that it cannot understand into an error of the protocol.

    asyncpg parses without checks what the server sends: an AttributeError or ValueError means an odd answer. A
    RuntimeError does not: asyncio raises it where a pool is used in another event loop.
    """
    try:
        yield
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        raise
    except _ODD_ANSWER_ERRORS as error:
        raise NotPostgresError(ODD_ANSWER) from error


def _verify_name(context: ssl.SSLContext, name: str) -> None:
    """Verify the host's name as libpq does, where asyncpg would verify the address that it connects to."""
    wrap: Callable[..., ssl.SSLObject] = context.wrap_bio

    def wrap_bio(*ends: ssl.MemoryBIO, **options: Any) -> ssl.SSLObject:
        return wrap(*ends, **{**options, "server_hostname": name})

    context.wrap_bio = wrap_bio  # type: ignore[assignment]
