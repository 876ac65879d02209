"""The door of an HTTP listener: how many may be connected at once, and what is said when nobody more can be."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

log = logging.getLogger(__name__)

MOST = 512  # connections of a listener; kubelets and Prometheus hold a handful
KEEP_ALIVE = 65.0  # seconds that a client may take to ask: longer than the usual interval between two scrapes
SAY_AGAIN = 60.0  # seconds between two lines about a lack
# What asyncio accepts in one turn, before any of it is counted: as many as may wait would take every file.
ACCEPTS = 8
_LACKS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


async def open_door(server: web.Server, host: str | None, port: int) -> asyncio.Server:
    """Listen; where one connection too many comes, the oldest is closed.

    A thousand connections that say nothing took every file: no endpoint was answered any more, and probes failed.

    Raises:
        OSError: an address is in use, or not this machine's.
    """
    most = most_connections()

    def enter() -> asyncio.Protocol:
        inside = server.connections
        for each in inside[: max(0, len(inside) + 1 - most)]:
            if each.transport is not None:
                each.transport.abort()  # a polite end would wait for who does not read
        return server()

    door = await asyncio.get_running_loop().create_server(enter, host, port, backlog=ACCEPTS)
    for each in door.sockets:
        with each.dup() as listening:
            listening.listen(socket.SOMAXCONN)  # who comes at once may wait outside
    return door


def most_connections() -> int:
    """A quarter of the files that the process may open: there may be two listeners, and probes need theirs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else min(MOST, soft // 4)


def address(name: tuple[Any, ...]) -> str:
    """Write a socket's address as in a URL."""
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Complaints:
    """An event loop's exception handler: asyncio says at each attempt that it cannot accept, this says it once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Nothing was said yet."""
        self._clock = clock
        self._quiet_until = clock()

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log it."""
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in _LACKS and "accept" in context["message"]):
            loop.default_exception_handler(context)
        elif self._clock() >= self._quiet_until:
            self._quiet_until = self._clock() + SAY_AGAIN
            log.error("cannot accept connections: %s", error.strerror)
