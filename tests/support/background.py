"""An event loop in a thread of its own, for the tests' small servers and proxies."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Background:
    """Runs coroutines while the test does something else."""

    def __init__(self) -> None:
        """Start the loop."""
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="background", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end on the loop and return its result here."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=20)

    def close(self) -> None:
        """End the loop and all that runs on it."""
        self.run(self._cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Listener:
    """A TCP server on loopback that hands each connection to one coroutine; it may be closed and reopened."""

    def __init__(self, background: Background, serve: Serve, *, host: str = "127.0.0.1") -> None:
        """Listen at once on a port of the kernel's choice."""
        self._background = background
        self.serve = serve
        self._writers: set[asyncio.StreamWriter] = set()
        self.host, self.port = host, 0
        self.server = background.run(self._listen())

    async def _listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = int(server.sockets[0].getsockname()[1])
        return server

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self.serve(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def open_connections(self) -> int:
        """How many clients are connected now."""
        return len(self._writers)

    def cut(self) -> None:
        """Reset every connection that is open now."""
        self._background.run(self._cut())

    async def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def close(self) -> None:
        """Stop listening and end every connection."""
        self._background.run(self._close())

    async def _close(self) -> None:
        self.server.close()
        await self._cut()
        await self.server.wait_closed()
