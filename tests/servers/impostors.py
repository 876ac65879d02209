"""Servers that are no databases, on a database's port."""

import asyncio

TLS_REQUEST = b"\0\0\0\x08\x04\xd2\x16\x2f"


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Take everything, say nothing."""
    while await reader.read(65536):
        pass


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as a web server answers what it does not understand."""
    await reader.read(65536)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nwhat?\n")
    await writer.drain()


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuse TLS politely where it is asked for, then answer bytes that mean nothing."""
    if await reader.read(65536) == TLS_REQUEST:
        writer.write(b"N")
        await reader.read(65536)
    writer.write(b"\xff\x00\x00\x00\x08\xde\xad\xbe\xef" * 20)
    await writer.drain()


async def hang_up(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Close at the first word."""
    await reader.read(65536)
