"""The recorded numbers of one pool object; `pool_hooks` records them.

It takes no lock: each change is a single step of a list or a dict, which CPython does not divide, and the garbage
collector may return a connection at any instruction.
"""

from __future__ import annotations

import math
from os import getpid
from time import perf_counter
from types import CodeType
from typing import TYPE_CHECKING, Any, Callable, Optional, Protocol

from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from db_health_reporter.call_site import CallMark
from db_health_reporter.totals import observe

if TYPE_CHECKING:
    from sqlalchemy.pool import Pool

    from db_health_reporter.call_site import FileClassifier
    from db_health_reporter.totals import Totals

Checkout = tuple[float, Any, Optional[CodeType], int, Optional[CallMark]]
"""When a connection was checked out, by which thread or task, at which of the application's instructions and calls."""


class PoolOwner(Protocol):
    """The reporter, as the instrumentation calls it; no method raises."""

    def start(self) -> None:
        """Begin to report: the pool is used for the first time."""

    def on_fork(self) -> None:
        """Start again as the child of a fork."""

    def watch_loop(self, loop: Any) -> None:
        """Watch the event loop whose thread uses a synchronous engine."""

    def report_from_checkin(self) -> None:
        """Report at once, from the thread that returned a connection."""

    def follow(self, pool: Pool) -> None:
        """Instrument the pool that replaces this one."""


class PoolInstrumentation:
    """Numbers of one pool object that its class does not keep."""

    __slots__ = (
        "checkouts",
        "classifier",
        "is_shared",
        "last_checkin",
        "long_lived",
        "on_checkout",
        "overdue_at",
        "owner",
        "pid",
        "report_when_idle",
        "totals",
        "use",
        "wait",
        "waiting",
        "watch_loop",
    )

    def __init__(
        self,
        totals: Totals,
        classifier: FileClassifier,
        owner: PoolOwner,
        *,
        is_shared: bool,
    ) -> None:
        """Record into `totals`, and call `owner`.

        A pool is shared if it gives one connection to several holders at once: it has no oldest checkout.
        """
        self.totals = totals
        self.wait, self.use = totals.wait, totals.use
        self.classifier = classifier
        self.owner = owner
        self.is_shared = is_shared
        self.clear()

    def clear(self) -> None:
        """Forget waiting requests and checkouts, in a forked child: they belong to threads of the parent."""
        self.pid = getpid()
        self.on_checkout: Callable[[], None] | None = self.owner.start
        self.watch_loop = True  # until a synchronous engine is used in an event loop
        self.report_when_idle = False  # the last report had connections in use
        self.overdue_at = math.inf  # the time after which the next report is overdue
        self.long_lived: dict[Any, Checkout] = {}  # checkouts that the application declared as held on purpose
        self.waiting: dict[int, float] = {}  # by thread or task: since when
        self.checkouts: dict[Any, Checkout] = {}  # by connection record, the oldest first
        self.last_checkin: float | None = None

    def restart(self) -> None:
        """Call the owner's `start` again at the next checkout."""
        self.on_checkout = self.owner.start

    def record_failure(self, waiter: int, began: float, error: BaseException) -> None:
        """Count a request that got no connection, unless it is counted already: creating one failed, or a retry."""
        if self.waiting.pop(waiter, None) is not None:
            observe(self.wait, perf_counter() - began)
            if isinstance(error, PoolTimeoutError):
                self.totals.timeouts += 1


def instrumentation_of(pool: Pool) -> PoolInstrumentation | None:
    """Return the pool's instrumentation, if it has one."""
    return pool.__dict__.get("_dbhealth")
