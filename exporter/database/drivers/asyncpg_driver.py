"""What may come from a peer before it has let us in: no more than a PostgreSQL says, and little of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg.protocol
from asyncpg.protocol import Protocol

if TYPE_CHECKING:
    from asyncio import Future

# Authentication, an error, a notice, NegotiateProtocolVersion: what a server's first answer begins with.
FIRST = b"RENv"
# A log-in takes under a kilobyte; with the longest error, libpq's limit, 30 kB.
MOST_BYTES = 65536


class StrangerError(ConnectionError):
    """What answers does not speak PostgreSQL."""


class Careful(Protocol):  # type: ignore[misc]  # written in Cython
    """asyncpg's protocol, which would believe whatever length a message gives itself, and keep 1.5 GB of it."""

    def __init__(self, addr: object, connected: Future[bool], *rest: object) -> None:
        """Keep the future that the end of the log-in settles."""
        super().__init__(addr, connected, *rest)
        self._connected = connected
        self._came = 0

    def data_received(self, data: bytes) -> None:
        """Hang up on a stranger; pass on what a server says."""
        if not self._connected.done():
            strange = not self._came and data[0] not in FIRST
            self._came += len(data)
            if strange or self._came > MOST_BYTES:
                self._connected.set_exception(StrangerError("what answers does not speak PostgreSQL"))
                self.abort()
                return
        super().data_received(data)


def beware() -> None:
    """Let asyncpg use that protocol; it has no public way to be given one."""
    asyncpg.protocol.Protocol = Careful
