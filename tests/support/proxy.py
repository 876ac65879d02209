"""A TCP proxy in front of a database: adds latency, counts round trips, cuts answers short."""

import asyncio
from dataclasses import dataclass

from tests.support.background import Background, Listener


@dataclass
class ConnectionState:
    """The state of one proxied connection."""

    answered: int = 0
    asked_last: bool = False


class Proxy:
    """Forwards to the target; the attributes may change while connections are open."""

    def __init__(self, background: Background, target: tuple[str, int]) -> None:
        """Listen at once; by default everything passes unchanged."""
        self.target = target
        self.latency = 0.0  # seconds added to each answer, and so to each round trip
        self.cut_after: int | None = None  # bytes of one answer after which the connection ends
        self.round_trips = 0  # requests that were followed by an answer, over all connections
        self.bytes = 0
        self.accepted = 0
        self.listener = Listener(background, self._serve)
        self.port = self.listener.port

    def close(self) -> None:
        """Stop, and end every connection."""
        self.listener.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        server_reader, server_writer = await asyncio.open_connection(*self.target)
        state = ConnectionState()
        ways = [
            asyncio.ensure_future(self._ask(reader, server_writer, state)),
            asyncio.ensure_future(self._answer(server_reader, writer, state)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(self.latency)  # delayed data arrives before the connection ends
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            server_writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: ConnectionState) -> None:
        while data := await reader.read(65536):
            if not state.asked_last:
                state.asked_last, state.answered = True, 0
                self.round_trips += 1
            self.bytes += len(data)
            writer.write(data)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: ConnectionState) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(65536):
            state.asked_last = False
            self.bytes += len(data)
            if self.cut_after is not None:
                data = data[: max(0, self.cut_after - state.answered)]
                state.answered += len(data)
            if self.latency:
                loop.call_later(self.latency, writer.write, data)
            else:
                writer.write(data)
            if self.cut_after is not None and state.answered >= self.cut_after:
                await writer.drain()
                return
