"""Servers that are no databases, on a database's port."""

import asyncio
import struct

from tests.support.background import Serve

TLS_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"
ENDLESS_BYTES = 256 * 1024 * 1024  # bytes: enough to be noticed in memory, and finite


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Read everything, answer nothing."""
    while await reader.read(65536):
        pass


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a web server answers a malformed request."""
    await reader.read(65536)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nwhat?\n")
    await writer.drain()


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuse TLS as PostgreSQL does, then send bytes that mean nothing."""
    if await reader.read(65536) == TLS_REQUEST:
        writer.write(b"N")
        await reader.read(65536)
    writer.write(b"\xff\x00\x00\x00\x08\xde\xad\xbe\xef" * 20)
    await writer.drain()


async def closing_at_once(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Close the connection at the first bytes."""
    await reader.read(65536)


async def keep_alive_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a web server that keeps the connection open for the next request."""
    await reader.read(65536)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\n\r\nwhat?\n")
    await silent(reader, writer)


def refusing(sqlstate: str, message: str) -> Serve:
    """Refuse TLS, then answer the log-in by an ErrorResponse without a routine, as poolers do."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(65536) == TLS_REQUEST:
            writer.write(b"N")
            await reader.read(65536)
        fields = f"SFATAL\0C{sqlstate}\0M{message}\0\0".encode()
        writer.write(b"E" + struct.pack("!I", 4 + len(fields)) + fields)
        await writer.drain()

    return refuse


def endless_answer(first: bytes, again: bytes) -> Serve:
    """Refuse TLS as PostgreSQL does, then send an answer that never ends."""

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(65536) == TLS_REQUEST:
            writer.write(b"N")
            await reader.read(65536)
        writer.write(first)
        for _ in range(ENDLESS_BYTES // len(again)):
            writer.write(again)
            await writer.drain()

    return pour


def one_after_the_other(*services: Serve) -> Serve:
    """Serve each connection by the next of these functions, as long as there is one."""
    left = iter(services)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next(left)(reader, writer)

    return serve


NOTICE = b"N" + struct.pack("!I", 4 + 2003) + b"M" + b"x" * 2000 + b"\0\0"
ENDLESS_ANSWERS = {
    "download": endless_answer(b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 65536),
    "long error": endless_answer(b"E" + struct.pack("!I", 0x7FFFFFF0), b"y" * 65536),
    "many notices": endless_answer(b"R" + struct.pack("!II", 8, 0), NOTICE * 32),
}
