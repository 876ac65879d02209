"""An event loop that resolves names in daemon threads, few for each name: a silent DNS delays nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exporter.database.attempt import current_attempt

if TYPE_CHECKING:
    from collections.abc import Callable


Key = tuple[Any, ...]  # the arguments of `socket.getaddrinfo`

# The C library repeats a lost query only after 5 s: so it would be slow to use a DNS server that answers again.
RETRY_AFTER = 3.0  # seconds
MAXIMUM_THREADS = 3  # for one name


@dataclass(slots=True)
class _Lookup:
    """The look-up of one name; the first of its threads that returns sets the result."""

    result: asyncio.Future[Any]
    threads: int = 0
    started_at: float = 0.0


class ResolverLoop(asyncio.SelectorEventLoop):
    """A selector loop that never uses its executor for names, and keeps `ConnectAttempt` up to date.

    The default executor would be filled by names that never resolve, and its threads are joined at exit:
    SIGTERM took over 8 s. A daemon thread is not waited for.
    """

    def __init__(self) -> None:
        """Begin without a look-up."""
        super().__init__()
        self._lookups: dict[Key, _Lookup] = {}

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """Resolve a name; a second request for the same name joins the look-up under way.

        Raises:
            socket.gaierror: the name has no address, or no DNS server answered.
        """
        attempt = current_attempt()
        attempt.resolving()
        try:
            addresses = await asyncio.shield(self._join_lookup((host, port, family, type, proto, flags)))
        except OSError as error:
            attempt.network_error = error
            raise
        attempt.connecting()
        return addresses

    async def create_connection(self, *arguments: Any, **options: Any) -> Any:
        """Connect to one host; asyncio's error for several addresses gets the errno of the last one."""
        try:
            return await super().create_connection(*arguments, **options)
        except OSError as error:
            cause = current_attempt().network_error
            if error.errno is None and cause is not None:
                error.errno = cause.errno
            raise

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Connect, and note the operating system's error until the next host or address is tried."""
        attempt = current_attempt()
        attempt.network_error = None
        try:
            await super().sock_connect(sock, address)
        except OSError as error:
            if sock.family != socket.AF_UNIX:  # its errors arrive unchanged, and do not concern routes
                attempt.network_error = error
            raise

    def _join_lookup(self, key: Key) -> asyncio.Future[Any]:
        """Join the look-up of this name; start one, or another thread for one that has lasted too long."""
        lookup = self._lookups.get(key)
        if lookup is None:
            lookup = self._lookups[key] = _Lookup(self.create_future())
            lookup.result.add_done_callback(lambda done: (self._lookups.pop(key), done.exception()))
        if lookup.threads == 0 or (lookup.threads < MAXIMUM_THREADS and self.time() - lookup.started_at > RETRY_AFTER):
            lookup.threads, lookup.started_at = lookup.threads + 1, self.time()
            threading.Thread(target=self._look_up, args=(key, lookup.result), name="resolver", daemon=True).start()
        return lookup.result

    def _look_up(self, key: Key, future: asyncio.Future[Any]) -> None:
        """Resolve in this thread and pass the result to the loop's thread."""
        settle: Callable[[Any], None]
        result: Any
        try:
            result, settle = socket.getaddrinfo(*key), future.set_result
        except OSError as error:
            result, settle = error, future.set_exception
        except UnicodeError:  # an empty or overlong label never reaches the system's resolver
            result, settle = socket.gaierror(socket.EAI_NONAME, "not a host name"), future.set_exception
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self.call_soon_threadsafe(lambda: None if future.done() else settle(result))
