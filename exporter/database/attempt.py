"""How far a connection attempt has come: what tells one time-out from another."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class Phase(Enum):
    """What a probe is waiting for."""

    POOL = auto()
    RESOLVING = auto()
    CONNECTING = auto()
    QUERYING = auto()


@dataclass(slots=True)
class Progress:
    """One probe's progress: written by the event loop, the connector and the dialect, read at the deadline.

    `limit` is how many seconds the probe may take. `cause` keeps the operating system's error of the last look-up or
    connect over a network, if that failed, because asyncio joins the errors of several addresses into one without a
    number, and libpq turns them into text. `refusal` is why a connect has failed, as far as that is known while it is
    still being asked after. `tls_required` is whether the URL insists on TLS, and `farewell` the SQLSTATE with which
    the server had ended the session that a ping found closed.
    """

    phase: Phase = Phase.POOL
    connection: Any = None
    cause: OSError | None = None
    refusal: Exception | None = None
    tls_required: bool = False
    farewell: str = ""
    limit: float = 5.0


_current: ContextVar[Progress | None] = ContextVar("probe_progress", default=None)


def use(progress: Progress) -> None:
    """Make this the record of the current task and of everything that it calls."""
    _current.set(progress)


def current() -> Progress:
    """Return the record of the probe under way, or a throw-away one outside of probes."""
    return _current.get() or Progress()
