"""Puts TLS on accepted connections: each gets the latest context, and no flood of handshakes holds up the probes.

A handshake signs and verifies on the event loop: 6 ms each with a key of RSA 4096, so that 200 in a second would take
all of it. Handshakes have a share of its time, the clients' addresses take turns, and few are under way.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from asyncio.sslproto import SSLProtocol, SSLProtocolState
from collections import Counter, deque

HANDSHAKE_SECONDS = 5
MAX_HANDSHAKES = 64  # under way: one more aborts the oldest of the address that has most of them
HANDSHAKE_SHARE = 0.2  # of the event loop's time
# For a client without TLS; Go's servers answer in the same way.
_HTTPS_NEEDED = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nthis port needs HTTPS\n"
)


class TlsAcceptor:
    """Wraps the protocol of each connection; without a context it leaves it as it is."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        """Begin with a context; replace it when the certificates change: connections keep the one that they have."""
        self.context = context
        self._handshakes: dict[_TlsConnection, None] = {}  # the oldest first
        self._waiting: dict[str, deque[_TlsConnection]] = {}  # by address, the next one first
        self._next_step_at = 0.0  # by the event loop's clock
        self._timer: asyncio.TimerHandle | None = None

    def wrap(self, protocol: asyncio.Protocol) -> asyncio.BaseProtocol:
        """Return what the connection's transport is given.

        `loop.create_server(ssl=...)` composes the same, with one context for the life of the listener.
        """
        return protocol if self.context is None else _TlsConnection(self, protocol, self.context)

    def begin(self, connection: _TlsConnection) -> None:
        """Count a handshake; there may be one too many."""
        if len(self._handshakes) >= MAX_HANDSHAKES:
            ((most, _),) = Counter(each.address for each in self._handshakes).most_common(1)
            next(each for each in self._handshakes if each.address == most).abort()
        self._handshakes[connection] = None

    def end(self, connection: _TlsConnection) -> None:
        """Forget a handshake that is complete or has failed."""
        self._handshakes.pop(connection, None)
        line = self._waiting.get(connection.address, deque())
        if connection in line:
            line.remove(connection)
            if not line:
                del self._waiting[connection.address]

    def step(self, connection: _TlsConnection) -> None:
        """Compute what a handshake needs next, now or in its turn."""
        line = self._waiting.setdefault(connection.address, deque())
        if connection not in line:
            line.append(connection)
        if self._timer is None:
            self._run()

    def close(self) -> None:
        """Abort the handshakes under way: no connection of the web server holds them yet."""
        for connection in list(self._handshakes):
            connection.abort()
        if self._timer is not None:
            self._timer.cancel()

    def _run(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        if self._waiting and loop.time() >= self._next_step_at:
            address = next(iter(self._waiting))
            line = self._waiting.pop(address)
            connection = line.popleft()
            if line:
                self._waiting[address] = line  # behind the others
            began = time.thread_time()
            connection.compute()
            self._next_step_at = loop.time() + (time.thread_time() - began) * (1 / HANDSHAKE_SHARE - 1)
        if self._waiting:
            self._timer = loop.call_at(self._next_step_at, self._run)


class _TlsConnection(SSLProtocol):
    """asyncio's own, which knows the transport below it and waits for its turn."""

    _state: SSLProtocolState
    _below: asyncio.Transport | None = None
    address = ""

    def __init__(self, acceptor: TlsAcceptor, protocol: asyncio.Protocol, context: ssl.SSLContext) -> None:
        self._acceptor = acceptor
        super().__init__(
            asyncio.get_running_loop(),
            protocol,
            context,
            None,  # type: ignore[arg-type]  # nobody waits for the end of the handshake
            server_side=True,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
        )

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._below = transport
        self.address = (transport.get_extra_info("peername") or ("",))[0]
        self._acceptor.begin(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._acceptor.end(self)
        super().connection_lost(exc)

    def abort(self) -> None:
        """Drop the connection at once."""
        self._acceptor.end(self)
        if self._below is not None:
            self._below.abort()

    def compute(self) -> None:
        """Take a step of the handshake."""
        if self._state is SSLProtocolState.DO_HANDSHAKE:
            super()._do_handshake()  # type: ignore[misc]  # has no types

    def _do_handshake(self) -> None:
        self._acceptor.step(self)

    def _on_handshake_complete(self, handshake_exc: BaseException | None) -> None:
        """Send the reason, as TLS's alert or in plain HTTP: asyncio leaves it unsent and resets the connection."""
        self._acceptor.end(self)
        if handshake_exc is not None and self._below is not None:
            alert = self._outgoing.read()  # type: ignore[attr-defined]  # has no types
            if isinstance(handshake_exc, ssl.SSLError) and handshake_exc.reason == "HTTP_REQUEST":
                alert = _HTTPS_NEEDED
            if alert:
                self._below.write(alert)
        super()._on_handshake_complete(handshake_exc)
