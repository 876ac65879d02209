"""A connection that is given up in the middle of a question leaves nothing that harms others."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from exporter.database import connector
from exporter.database.engine import PoolOptions, close_db, make_engine
from exporter.dsn import Source
from exporter.probing.checks import Seen, query_check
from exporter.probing.probe import Limits, Probe
from tests.support.postgres import Postgres


class Newcomer:
    """A client that is accepted at the very moment at which a connection is dropped."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Wait for that moment."""
        self.heard = asyncio.Event()
        self._aborting = connector.aborting
        self._pair: tuple[socket.socket, socket.socket] | None = None
        monkeypatch.setattr(connector, "aborting", self._drop)

    async def speak(self) -> None:
        """Say something, and be heard."""
        assert self._pair is not None
        self._pair[1].send(b"x")
        await asyncio.wait_for(self.heard.wait(), 2)

    def close(self) -> None:
        """Leave."""
        assert self._pair is not None
        asyncio.get_running_loop().remove_reader(self._pair[0].fileno())
        for end in self._pair:
            end.close()

    @contextmanager
    def _drop(self, connection: object) -> Iterator[None]:
        with self._aborting(connection):
            self._pair = socket.socketpair()
            self._pair[0].setblocking(False)
            asyncio.get_running_loop().add_reader(self._pair[0].fileno(), self.heard.set)
            yield


async def test_a_newcomer_is_heard(server: Postgres, driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes while a frozen connection is torn down does not get its number, and so is not forgotten with it."""
    engine = make_engine(Source(url=server.url(driver)), PoolOptions())
    probe = Probe(
        query_check(engine, Seen(), expect="any"),
        limits=Limits(timeout=0.2, linger=0.2),
        clock=time.monotonic,
        wall_clock=time.time,
        on_reading=lambda _: None,
    )
    assert (await probe.read()).passed
    newcomer = Newcomer(monkeypatch)
    server.freeze()
    await probe.read()
    await probe.settle()
    server.thaw()

    await newcomer.speak()

    newcomer.close()
    await probe.close()
    await close_db(engine)
