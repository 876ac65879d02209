"""HTTP listeners, and the limit of connections that each of them has."""

from __future__ import annotations

import asyncio
import resource
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.web_request import BaseRequest

MAX_CONNECTIONS = 512  # of a listener; kubelets and Prometheus hold a handful
KEEP_ALIVE = 65.0  # seconds an idle connection is kept: longer than the usual interval between two scrapes
# asyncio accepts as many connections in one turn as its backlog, before the limit counts any: a backlog of 512 would
# take every file at once.
ACCEPTS_PER_TURN = 8


class Connection(web.RequestHandler):
    """A client's connection, which answers an unknown method by 405, like a known one that is not served.

    aiohttp's parser stops at such a method, before routes are looked at, and would answer 400.
    """

    __slots__ = ()

    def __init__(self, server: web.Server) -> None:
        """Belong to a server, which handles the requests."""
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # what `web.AppRunner` is given, too
            lingering_time=0,
            keepalive_timeout=KEEP_ALIVE,
        )

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer a request that could not be parsed or handled; aiohttp's message would repeat it, password and all."""
        if not isinstance(exc, BadHttpMethod):
            phrase = f"{status}: {HTTPStatus(status).phrase}"
            return super().handle_error(request, status, exc, phrase if message else None)
        response = super().handle_error(request, 405, exc, "405: Method Not Allowed")
        response.headers["Allow"] = "GET,HEAD"
        return response


async def open_listener(
    server: web.Server,
    host: str | None,
    port: int,
    *,
    wrap: Callable[[asyncio.Protocol], asyncio.BaseProtocol] | None = None,
) -> asyncio.Server:
    """Listen on an address; a connection beyond the limit closes the oldest one.

    Args:
        server: makes the protocol of each connection.
        host: a name or an address; None is every interface.
        port: 0 is any free one.
        wrap: puts TLS around that protocol.

    Without a limit, a thousand idle connections used up the process's files: no endpoint answered, and probes failed.

    Raises:
        OSError: an address is in use, or not this machine's.
    """
    limit = max_connections()

    def accept() -> asyncio.BaseProtocol:
        connected = server.connections
        for oldest in connected[: max(0, len(connected) + 1 - limit)]:
            if oldest.transport is not None:
                oldest.transport.abort()  # `close` would wait for a client that does not read
        connection = Connection(server)
        return connection if wrap is None else wrap(connection)

    listener = await asyncio.get_running_loop().create_server(accept, host, port, backlog=ACCEPTS_PER_TURN)
    for each in listener.sockets:
        with each.dup() as duplicate:
            duplicate.listen(socket.SOMAXCONN)  # the kernel queues a burst; asyncio keeps its small backlog
    return listener


def max_connections() -> int:
    """Return a quarter of the files that the process may open: there may be two listeners, and probes need theirs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, soft // 4)


def format_address(name: tuple[Any, ...]) -> str:
    """Write a socket's address as in a URL."""
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
