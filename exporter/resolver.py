"""An event loop whose name look-ups run in daemon threads, one for each name: a silent resolver holds up nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from exporter import progress
from exporter.progress import Phase

if TYPE_CHECKING:
    from collections.abc import Callable


class ResolverLoop(asyncio.SelectorEventLoop):
    """A selector loop that never uses its executor for names and notes how far a connect has come.

    The default executor would be filled by names that never resolve, and its threads are joined at exit:
    a SIGTERM took over 8 s. A daemon thread is not waited for.
    """

    def __init__(self) -> None:
        """Start with no look-up under way."""
        super().__init__()
        self._lookups: dict[tuple[Any, ...], asyncio.Future[Any]] = {}

    async def getaddrinfo(
        self,
        host: Any,  # noqa: ANN401 - asyncio's own signature, here and below
        port: Any,  # noqa: ANN401
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002
        proto: int = 0,
        flags: int = 0,
    ) -> Any:  # noqa: ANN401
        """Resolve a name; a second request for the same name joins the one under way. Raises `socket.gaierror`."""
        record = progress.current()
        record.phase = Phase.RESOLVING
        try:
            addresses = await asyncio.shield(self._lookup((host, port, family, type, proto, flags)))
        except OSError as error:
            record.cause = error
            raise
        record.phase = Phase.CONNECTING
        return addresses

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:  # noqa: ANN401
        """Connect, noting the operating system's error before asyncio joins it with those of other addresses."""
        try:
            await super().sock_connect(sock, address)
        except OSError as error:
            progress.current().cause = error
            raise

    def _lookup(self, key: tuple[Any, ...]) -> asyncio.Future[Any]:
        if key not in self._lookups:
            lookup = self._lookups[key] = self.create_future()
            lookup.add_done_callback(lambda done: (self._lookups.pop(key), done.exception()))
            threading.Thread(target=self._look_up, args=(key, lookup), name="resolver", daemon=True).start()
        return self._lookups[key]

    def _look_up(self, key: tuple[Any, ...], lookup: asyncio.Future[Any]) -> None:
        settle: Callable[[Any], None]
        result: Any
        try:
            result = socket.getaddrinfo(*key)
            settle = lookup.set_result
        except OSError as error:
            result, settle = error, lookup.set_exception
        except UnicodeError:  # an empty or overlong label never reaches the system's resolver
            result, settle = socket.gaierror(socket.EAI_NONAME, "not a host name"), lookup.set_exception
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            self.call_soon_threadsafe(settle, result)
