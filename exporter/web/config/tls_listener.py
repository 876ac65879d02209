"""Puts TLS on accepted connections: each gets the latest context, and no handshake lasts long or takes every file."""

from __future__ import annotations

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol

HANDSHAKE_SECONDS = 5
MAX_HANDSHAKES = 64  # under way: one more aborts the oldest
# For a client without TLS; Go's servers answer in the same way.
_HTTPS_NEEDED = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nthis port needs HTTPS\n"
)


class TlsAcceptor:
    """Wraps the protocol of each connection; without a context it leaves it as it is."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        """Begin with a context; replace it when the certificates change: connections keep the one that they have."""
        self.context = context
        self._handshakes: dict[asyncio.Future[None], _TlsConnection] = {}

    def wrap(self, protocol: asyncio.Protocol) -> asyncio.BaseProtocol:
        """Return what the connection's transport is given.

        `loop.create_server(ssl=...)` composes the same, with one context for the life of the listener.
        """
        if self.context is None:
            return protocol
        if len(self._handshakes) >= MAX_HANDSHAKES:
            self._handshakes.pop(next(iter(self._handshakes))).abort()
        loop = asyncio.get_running_loop()
        handshake: asyncio.Future[None] = loop.create_future()
        connection = _TlsConnection(
            loop, protocol, self.context, handshake, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS
        )
        self._handshakes[handshake] = connection
        handshake.add_done_callback(self._end)
        return connection

    def close(self) -> None:
        """Abort the handshakes under way: no connection of the web server holds them yet."""
        for connection in list(self._handshakes.values()):
            connection.abort()

    def _end(self, handshake: asyncio.Future[None]) -> None:
        self._handshakes.pop(handshake, None)
        handshake.exception()  # a failed handshake is the client's affair: seen, and not logged


class _TlsConnection(SSLProtocol):
    """asyncio's own, which knows the transport below it."""

    _below: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._below = transport
        super().connection_made(transport)

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._below is not None:
            self._below.abort()

    def _on_handshake_complete(self, handshake_exc: BaseException | None) -> None:
        """Send the reason, as TLS's alert or in plain HTTP: asyncio leaves it unsent and resets the connection."""
        if handshake_exc is not None and self._below is not None:
            alert = self._outgoing.read()  # type: ignore[attr-defined]  # has no types
            if isinstance(handshake_exc, ssl.SSLError) and handshake_exc.reason == "HTTP_REQUEST":
                alert = _HTTPS_NEEDED
            if alert:
                self._below.write(alert)
        super()._on_handshake_complete(handshake_exc)
