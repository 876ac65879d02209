"""An event loop whose name look-ups run in daemon threads, few for each name: a silent resolver holds up nothing."""

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

# The C library repeats a question that was lost only after 5 s: a resolver that answers again would be noticed late.
ASK_AGAIN_AFTER = 3.0  # seconds
MOST_THREADS = 3  # that ask for one name


@dataclass(slots=True)
class _Lookup:
    """One name's look-up, whichever of its threads hears the answer first."""

    answer: asyncio.Future[Any]
    threads: int = 0
    asked_at: float = 0.0


class ResolverLoop(asyncio.SelectorEventLoop):
    """A selector loop that never uses its executor for names and notes how far a connect has come.

    The default executor would be filled by names that never resolve, and its threads are joined at exit:
    a SIGTERM took over 8 s. A daemon thread is not waited for.
    """

    def __init__(self) -> None:
        """Start with no look-up under way."""
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
        """Resolve a name; a second request for the same name joins the one under way. Raises `socket.gaierror`."""
        attempt = current_attempt()
        attempt.resolving()
        try:
            addresses = await asyncio.shield(self._ask((host, port, family, type, proto, flags)))
        except OSError as error:
            attempt.network_error = error
            raise
        attempt.connecting()
        return addresses

    async def create_connection(self, *arguments: Any, **options: Any) -> Any:
        """Connect to one host; the error that stands for those of all its addresses gets the last one's number."""
        try:
            return await super().create_connection(*arguments, **options)
        except OSError as error:
            cause = current_attempt().network_error
            if error.errno is None and cause is not None:
                error.errno = cause.errno
            raise

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Connect, noting the operating system's error until the next host or address is tried."""
        attempt = current_attempt()
        attempt.network_error = None
        try:
            await super().sock_connect(sock, address)
        except OSError as error:
            if sock.family != socket.AF_UNIX:  # it is raised as it is, and no route is to blame for it
                attempt.network_error = error
            raise

    def _ask(self, key: Key) -> asyncio.Future[Any]:
        """Join the look-up of this name, start it, or let one more thread ask where it has been silent for long."""
        lookup = self._lookups.get(key)
        if lookup is None:
            lookup = self._lookups[key] = _Lookup(self.create_future())
            lookup.answer.add_done_callback(lambda done: (self._lookups.pop(key), done.exception()))
        if lookup.threads == 0 or (lookup.threads < MOST_THREADS and self.time() - lookup.asked_at > ASK_AGAIN_AFTER):
            lookup.threads, lookup.asked_at = lookup.threads + 1, self.time()
            threading.Thread(target=self._look_up, args=(key, lookup.answer), name="resolver", daemon=True).start()
        return lookup.answer

    def _look_up(self, key: Key, answer: asyncio.Future[Any]) -> None:
        settle: Callable[[Any], None]
        result: Any
        try:
            result, settle = socket.getaddrinfo(*key), answer.set_result
        except OSError as error:
            result, settle = error, answer.set_exception
        except UnicodeError:  # an empty or overlong label never reaches the system's resolver
            result, settle = socket.gaierror(socket.EAI_NONAME, "not a host name"), answer.set_exception
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            self.call_soon_threadsafe(lambda: None if answer.done() else settle(result))
