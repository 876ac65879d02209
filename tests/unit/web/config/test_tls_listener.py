"""Whose handshake takes its next step, and when: connections that only compute stand for those of TLS."""

import asyncio
import time
from typing import Any

import pytest

from exporter.web.config.tls_listener import HANDSHAKE_SHARE, TlsAcceptor


class Connection:
    """A step takes some milliseconds of CPU, and is noted."""

    def __init__(self, address: str, steps: list[str], *, seconds: float = 0.01) -> None:
        """Belong to an address."""
        self.address, self._steps, self._seconds = address, steps, seconds

    def compute(self) -> None:
        """Take a step."""
        self._steps.append(self.address)
        began = time.thread_time()
        while time.thread_time() - began < self._seconds:
            pass


@pytest.fixture
def acceptor() -> Any:
    """One without a context: nothing here is encrypted."""
    return TlsAcceptor(None)


@pytest.mark.extended
async def test_handshakes_have_a_share_of_the_loops_time(acceptor: Any) -> None:
    """However many want a step; the first one waits for nothing."""
    steps: list[str] = []
    began = time.monotonic()
    acceptor.step(Connection("a", steps))
    assert len(steps) == 1
    for number in range(40):
        acceptor.step(Connection(f"{number}", steps))
    await asyncio.sleep(0.5)
    acceptor.close()

    assert 2 <= len(steps) <= (time.monotonic() - began) * HANDSHAKE_SHARE / 0.01 + 2


async def test_addresses_take_turns(acceptor: Any) -> None:
    """One that wants many steps does not keep another waiting for all of them."""
    steps: list[str] = []
    for _ in range(5):
        acceptor.step(Connection("flood", steps, seconds=0.001))
    acceptor.step(Connection("other", steps, seconds=0.001))
    while len(steps) < 6:
        await asyncio.sleep(0.001)

    assert steps.index("other") <= 2


@pytest.mark.extended
async def test_a_handshake_that_has_ended_takes_no_step(acceptor: Any) -> None:
    """Its client has gone while it waited."""
    steps: list[str] = []
    acceptor.step(Connection("a", steps))
    gone = Connection("b", steps)
    acceptor.step(gone)
    acceptor.end(gone)
    await asyncio.sleep(0.2)

    assert steps == ["a"]
