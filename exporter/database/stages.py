"""The stages of a connection, each tried on its own for `check --explain`.

Each function returns the text of its line, as a `StageWarning` where it passed with a flaw.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import struct
from enum import StrEnum
from typing import TYPE_CHECKING

from exporter.database.drivers.base import PING_QUERY, with_driver
from exporter.database.engine import check_role, ping
from exporter.model.role import ExpectedRole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.database.sqlalchemy_core import AsyncConnection
    from exporter.dsn import Target

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # a client's first message if it wants TLS
TLS_OPTIONAL = ("disable", "allow", "prefer")


class Stage(StrEnum):
    """Each stage of `check --explain`, in its order; the value is its name on the line."""

    NAME_RESOLUTION = "name resolution"
    TCP_CONNECT = "TCP connect"
    TLS = "TLS"
    AUTHENTICATION = "authentication"
    QUERY = "query"
    ROLE = "role"
    CONNECTIONS = "connections"
    WRITE = "write"


class StageWarning(str):
    """The text of a stage that passed with a flaw."""

    __slots__ = ()


class TlsNotOfferedError(ssl.SSLError):
    """The server does not offer TLS, which the URL requires."""


async def resolve(target: Target) -> str:
    """Look up every host's name; one that has an address is enough.

    Raises:
        OSError: no host has an address.
    """
    loop = asyncio.get_running_loop()
    found, missing = [], []
    for host, port in _names(target):
        try:
            answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            missing.append((host, error))
        else:
            addresses = sorted({str(answer[4][0]) for answer in answers})
            found.append(f"{host} is {', '.join(addresses)}")
    if missing and not found and len(_names(target)) == len(target.hosts):
        raise missing[0][1]
    text = "; ".join([*found, *(f"{host} has no address ({error})" for host, error in missing)])
    return StageWarning(text) if missing else text or "no name to resolve"


async def connect(target: Target, *, within: float) -> tuple[Stream, str, str]:
    """Connect to the first host that accepts, within so many seconds; return the stream, the host and the text.

    Raises:
        OSError: no host accepts; the error is that of the first one.
    """
    share = within / len(target.hosts)  # a silent host must not use up the time of those after it
    failed: list[tuple[str, OSError]] = []
    for host, port in target.hosts:
        address = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else f"{target.hostaddr or host} port {port}"
        try:
            async with asyncio.timeout(share):
                if len(target.hosts) > 1:
                    await _wait_for_first_byte(target, host, port)
                stream = await _open(target, host, port)
        except OSError as error:
            failed.append((address, error))
        else:
            others = (f"{each} does not ({str(error) or 'no answer'})" for each, error in failed)
            text = "; ".join([f"{address} takes connections", *others])
            return stream, host, StageWarning(text) if failed else text
    raise failed[0][1]


async def start_tls(stream: Stream, host: str, target: Target) -> str:
    """Start TLS if the URL asks for it.

    Raises:
        ssl.SSLError: the handshake or the certificate's verification failed.
        ConnectionError: the peer is no PostgreSQL server.
    """
    if host.startswith("/"):
        return "not used on a Unix socket"
    if target.sslmode == "disable":
        return StageWarning("not used (sslmode=disable)")
    if target.sslnegotiation != "direct" and not await _offers_tls(stream):
        if target.sslmode in TLS_OPTIONAL:
            return StageWarning(f"the server does not offer it; sslmode={target.sslmode} goes on without")
        raise TlsNotOfferedError(f"the server does not offer TLS, and sslmode={target.sslmode} asks for it")
    await stream[1].start_tls(_tls_context(target), server_hostname=host)
    secured: ssl.SSLObject = stream[1].get_extra_info("ssl_object")
    certificate = secured.getpeercert()
    checked = f"certificate valid until {certificate['notAfter']}" if certificate else "certificate not checked"
    return f"{secured.version()}, {checked} (sslmode={target.sslmode})"


async def query(connection: AsyncConnection) -> str:
    """Run the smallest query, by the driver itself."""
    await ping(connection)
    return PING_QUERY


async def role(connection: AsyncConnection, *, expect: ExpectedRole) -> str:
    """Ask whether the server is a primary or a replica.

    Raises:
        WrongRoleError: it has not the role that is expected.
    """
    in_recovery = await check_role(connection, expect)
    wanted = "" if expect is ExpectedRole.ANY else ", as DATABASE_EXPECT asks for"
    return f"{'replica' if in_recovery else 'primary'}{wanted}"


def abort(stream: Stream) -> None:
    """Drop a connection at once."""
    stream[1].transport.abort()


async def _open(target: Target, host: str, port: int) -> Stream:
    if host.startswith("/"):
        return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
    return await asyncio.open_connection(target.hostaddr or host, port)


async def _wait_for_first_byte(target: Target, host: str, port: int) -> None:
    """Wait until one of several hosts answers a byte: the kernel accepts connections for a server that is frozen."""
    if target.sslnegotiation == "direct":
        return
    stream = await _open(target, host, port)
    try:
        stream[1].write(SSL_REQUEST)
        await stream[0].read(1)
    finally:
        abort(stream)


async def _offers_tls(stream: Stream) -> bool:
    """Ask whether the server offers TLS: it answers with one letter."""
    reader, writer = stream
    writer.write(SSL_REQUEST)
    answer = await reader.readexactly(1)
    if answer not in (b"S", b"N"):
        raise ConnectionError("the server does not speak the PostgreSQL protocol")
    return answer == b"S"


def _tls_context(target: Target) -> ssl.SSLContext:
    """Return the context that the driver would use; where TLS is optional, nothing is verified."""
    context = with_driver(target, "asyncpg").connect_arguments()["ssl"]
    if isinstance(context, ssl.SSLContext):
        return context
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if target.sslcert:
        context.load_cert_chain(target.sslcert, target.sslkey or None, lambda: target.sslpassword)
    return context


def _names(target: Target) -> Sequence[tuple[str, int]]:
    """Return the hosts that are names, and need a look-up."""
    if target.hostaddr:
        return ()
    return [(host, port) for host, port in target.hosts if not host.startswith("/") and not _is_address(host)]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
