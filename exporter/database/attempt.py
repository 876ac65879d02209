"""The state of one connection attempt: its phase, its connection, and errors that drivers do not pass on."""

from __future__ import annotations

from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from exporter.database.drivers.base import Driver


class Phase(Enum):
    """What the attempt is waiting for; it decides the outcome of a time-out."""

    POOL = auto()
    RESOLVING = auto()
    CONNECTING = auto()
    QUERYING = auto()


@dataclass(slots=True)
class ConnectAttempt:
    """One attempt to connect and query: written by event loop, connector and dialect, read by the probe.

    Attributes:
        phase: what it is waiting for.
        tls_required: whether the URL's sslmode insists on TLS.
        tls_disabled: whether a connection over a network is made without TLS, whatever the server offers.
        time_limit: seconds that the whole probe may take; several hosts share it.
        network_error: the operating system's error of the last look-up or connect over a network, if that failed.
            asyncio joins the errors of several addresses into one without a number, and libpq turns them into text.
        connect_error: why the connect failed, as far as is known while the driver is still finding out.
    """

    phase: Phase = Phase.POOL
    tls_required: bool = False
    tls_disabled: bool = False
    time_limit: float = 5.0
    network_error: OSError | None = None
    connect_error: Exception | None = None
    _connection: Any = None
    _driver: Driver | None = None

    def resolving(self) -> None:
        """Note that a name is being looked up."""
        self.phase = Phase.RESOLVING

    def connecting(self) -> None:
        """Note that a host is being connected to."""
        self.phase = Phase.CONNECTING

    def querying(self, connection: Any, driver: Driver) -> None:
        """Note the driver's connection, on which a query is running or about to run."""
        self.phase, self._connection, self._driver = Phase.QUERYING, connection, driver

    def aborting(self) -> AbstractContextManager[None]:
        """Drop the connection, if there is one, for the duration of a block that cancels its task."""
        return nullcontext() if self._driver is None else self._driver.aborting(self._connection)


_current: ContextVar[ConnectAttempt | None] = ContextVar("connect_attempt", default=None)


def track(attempt: ConnectAttempt) -> None:
    """Make this the attempt of the current task and of the tasks that it starts from now on."""
    _current.set(attempt)


def current_attempt() -> ConnectAttempt:
    """Return the attempt under way; outside of one, a new object without a reader."""
    return _current.get() or ConnectAttempt()
