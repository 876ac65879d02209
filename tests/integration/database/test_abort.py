"""A connection that is aborted during a query leaves the descriptors of other connections alone."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from exporter.database.drivers.base import Driver
from exporter.database.engine import PoolOptions, check_db_connection, close_db, make_engine
from exporter.dsn import Source
from exporter.model.role import ExpectedRole
from exporter.probing.checks import ServerState, query_check
from exporter.probing.probe import Limits, Probe
from tests.support.postgres import Postgres


class ClientDuringAbort:
    """A client that is accepted at the very moment at which a database connection is aborted."""

    def __init__(self, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
        """Wait for that moment."""
        self.received = asyncio.Event()
        self._aborting = driver.aborting
        self._sockets: tuple[socket.socket, socket.socket] | None = None
        monkeypatch.setattr(driver, "aborting", self._abort)

    async def send(self) -> None:
        """Send a byte, and wait until the event loop has seen it."""
        assert self._sockets is not None
        self._sockets[1].send(b"x")
        await asyncio.wait_for(self.received.wait(), 2)

    def close(self) -> None:
        """Disconnect."""
        assert self._sockets is not None
        asyncio.get_running_loop().remove_reader(self._sockets[0].fileno())
        for end in self._sockets:
            end.close()

    @contextmanager
    def _abort(self, connection: object) -> Iterator[None]:
        with self._aborting(connection):
            if self._sockets is None:  # SQLAlchemy aborts the connection again
                self._sockets = socket.socketpair()
                self._sockets[0].setblocking(False)
                asyncio.get_running_loop().add_reader(self._sockets[0].fileno(), self.received.set)
            yield


async def test_client_accepted_during_an_abort_stays_watched(
    server: Postgres, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client accepted while a frozen connection is aborted does not get its descriptor, so it stays watched."""
    engine = make_engine(Source(url=server.url(driver)), PoolOptions())
    probe = Probe(
        query_check(engine, ServerState(), expect=ExpectedRole.ANY),
        limits=Limits(timeout=0.2, grace=0.2),
        clock=time.monotonic,
        wall_clock=time.time,
        on_result=lambda _: None,
    )
    assert await check_db_connection(engine)
    client = ClientDuringAbort(engine.dialect.probe_driver, monkeypatch)  # type: ignore[attr-defined]
    server.freeze()
    await probe.read()
    await probe.settle()
    server.thaw()

    await client.send()

    client.close()
    await probe.close()
    await close_db(engine)
