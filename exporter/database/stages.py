"""The single stages of a connection, each tried by itself: name, TCP, TLS, log-in, query, role, write."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import struct
from typing import TYPE_CHECKING

from exporter.database.drivers.base import PING_QUERY, with_driver
from exporter.database.engine import check_role, ping
from exporter.model.role import ExpectedRole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.database.sqlalchemy_core import AsyncConnection
    from exporter.dsn import Target

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # what a client says first to ask for TLS
TLS_OPTIONAL = ("disable", "allow", "prefer")


class Remark(str):
    """What a stage says that passed, and that somebody should know of."""

    __slots__ = ()


class NoTlsError(ssl.SSLError):
    """The server refuses to speak TLS, which the URL asks for."""


async def resolve(target: Target) -> str:
    """Look up every host's name; one that is found is enough."""
    loop = asyncio.get_running_loop()
    found, missing = [], []
    for host, port in _named(target):
        try:
            answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            missing.append((host, error))
        else:
            addresses = sorted({str(answer[4][0]) for answer in answers})
            found.append(f"{host} is {', '.join(addresses)}")
    if missing and not found and len(_named(target)) == len(target.hosts):
        raise missing[0][1]
    words = "; ".join([*found, *(f"{host} has no address ({error})" for host, error in missing)])
    return Remark(words) if missing else words or "no name to resolve"


async def reach(target: Target, *, within: float) -> tuple[Stream, str, str]:
    """Open a connection to the first host that takes one; return it with the host and what to say."""
    share = within / len(target.hosts)  # a silent host must not use up the time of those after it
    refused: list[tuple[str, OSError]] = []
    for host, port in target.hosts:
        place = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else f"{target.hostaddr or host} port {port}"
        try:
            async with asyncio.timeout(share):
                if len(target.hosts) > 1:
                    await _sound(target, host, port)
                stream = await _open(target, host, port)
        except OSError as error:
            refused.append((place, error))
        else:
            words = "; ".join(
                [
                    f"{place} takes connections",
                    *(f"{each} does not ({str(why) or 'no answer'})" for each, why in refused),
                ],
            )
            return stream, host, Remark(words) if refused else words
    raise refused[0][1]


async def encrypt(stream: Stream, host: str, target: Target) -> str:
    """Speak TLS as the URL asks for it."""
    if host.startswith("/"):
        return "not used on a Unix socket"
    if target.sslmode == "disable":
        return Remark("not used (sslmode=disable)")
    if target.sslnegotiation != "direct" and not await _offered(stream):
        if target.sslmode in TLS_OPTIONAL:
            return Remark(f"the server does not offer it; sslmode={target.sslmode} goes on without")
        raise NoTlsError(f"the server does not offer TLS, and sslmode={target.sslmode} asks for it")
    await stream[1].start_tls(_context(target), server_hostname=host)
    secured: ssl.SSLObject = stream[1].get_extra_info("ssl_object")
    certificate = secured.getpeercert()
    checked = f"certificate valid until {certificate['notAfter']}" if certificate else "certificate not checked"
    return f"{secured.version()}, {checked} (sslmode={target.sslmode})"


async def query(connection: AsyncConnection) -> str:
    """Run the smallest query, by the driver itself."""
    await ping(connection)
    return PING_QUERY


async def role(connection: AsyncConnection, *, expect: ExpectedRole) -> str:
    """Ask whether the server is a primary or a replica."""
    in_recovery = await check_role(connection, expect)
    wanted = "" if expect is ExpectedRole.ANY else ", as DATABASE_EXPECT asks for"
    return f"{'replica' if in_recovery else 'primary'}{wanted}"


def close(stream: Stream) -> None:
    """Drop a connection at once."""
    stream[1].transport.abort()


async def _open(target: Target, host: str, port: int) -> Stream:
    if host.startswith("/"):
        return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
    return await asyncio.open_connection(target.hostaddr or host, port)


async def _sound(target: Target, host: str, port: int) -> None:
    """Wait for the first word of one of several hosts: the kernel takes connections for a server that is frozen."""
    if target.sslnegotiation == "direct":
        return
    stream = await _open(target, host, port)
    try:
        stream[1].write(SSL_REQUEST)
        await stream[0].read(1)
    finally:
        close(stream)


async def _offered(stream: Stream) -> bool:
    """Ask whether the server speaks TLS: it answers with one letter."""
    reader, writer = stream
    writer.write(SSL_REQUEST)
    answer = await reader.readexactly(1)
    if answer not in (b"S", b"N"):
        raise ConnectionError("what answers does not speak PostgreSQL")
    return answer == b"S"


def _context(target: Target) -> ssl.SSLContext:
    """Return the context that the driver would use; an optional TLS checks nothing."""
    context = with_driver(target, "asyncpg").connect_arguments()["ssl"]
    if isinstance(context, ssl.SSLContext):
        return context
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if target.sslcert:
        context.load_cert_chain(target.sslcert, target.sslkey or None, lambda: target.sslpassword)
    return context


def _named(target: Target) -> Sequence[tuple[str, int]]:
    """Return the hosts that need a look-up."""
    if target.hostaddr:
        return ()
    return [(host, port) for host, port in target.hosts if not host.startswith("/") and not _is_address(host)]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
