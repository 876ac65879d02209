"""Counts what happens in one pool: the only code of the reporter that runs at every checkout.

It takes no lock: each change is a single step of a list or a dict, which CPython does not divide, and a
garbage collection may return a connection in the middle of anything.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from functools import lru_cache
from sys import _getframe
from threading import get_ident
from time import perf_counter
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Callable, Optional, cast
from weakref import ref

from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from db_health_reporter.caller import Places, current_task

if TYPE_CHECKING:
    from sqlalchemy.pool import Pool

BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
_LEAST = BOUNDS[0]
SUM = len(BOUNDS) + 1  # a histogram is a list: a count for each bound, one for the rest, and the sum

_OUT_OF_THE_POOL = 4  # frames: `Pool.connect` goes by two steps more to `_do_get`, in every SQLAlchemy

Ticket = tuple[float, Any, Optional[CodeType], int]
"""When a connection went out, to which thread or task, and from which instruction of the application."""


class Totals:
    """What is counted from the start of the process on, whichever pool object is in use."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.clear()

    def clear(self) -> None:
        """Begin anew, as the child of a fork must: its parent goes on counting the past."""
        self.wait: list[float] = [0] * SUM + [0.0]
        self.use: list[float] = [0] * SUM + [0.0]
        self.create: list[float] = [0] * SUM + [0.0]
        self.timeouts = 0
        self.invalidations = 0


class Meter:
    """What is known of one pool object besides what it tells itself."""

    __slots__ = ("checkin", "out", "places", "reporter", "shares", "start", "totals", "waiting")

    def __init__(self, totals: Totals, places: Places, reporter: Any, *, shares: bool) -> None:
        """Watch a pool; `reporter.start` is called at its first checkout."""
        self.totals = totals
        self.places = places
        self.reporter = reporter
        self.shares = shares  # one connection goes out to several at once: there is no oldest
        self.clear()

    def clear(self) -> None:
        """Forget who waits and who holds a connection: they are threads of the parent process."""
        self.start: Callable[[], None] | None = self.reporter.start
        self.waiting: dict[int, float] = {}  # by thread or task: since when
        self.out: dict[Any, Ticket] = {}  # by connection record, in the order in which they went out
        self.checkin: float | None = None


def observe(histogram: list[float], seconds: float) -> None:
    """Count one duration."""
    histogram[0 if seconds <= _LEAST else bisect_left(BOUNDS, seconds)] += 1
    histogram[SUM] += seconds


def attach(pool: Pool, meter: Meter, *, asynchronous: bool) -> None:
    """Make a pool count: its class becomes a subclass of the one it has, its arguments and events stay."""
    instance: Any = pool
    instance._dbhealth = meter
    if not hasattr(type(pool), "_dbhealth"):
        base: Any = type(pool)
        instance.__class__ = _metered(base, asynchronous)


def meter_of(pool: Pool) -> Meter | None:
    """Return the meter of a pool that has one."""
    return pool.__dict__.get("_dbhealth")


def _caller(frame: FrameType | None, places: Places) -> FrameType | None:
    known = places.known
    while frame is not None:
        filename = frame.f_code.co_filename
        if known[filename] if filename in known else places.is_application(filename):
            return frame
        frame = frame.f_back
    return None


def _waiting_greenlet() -> FrameType | None:
    """SQLAlchemy runs in a greenlet of its own: the application is in the one that waits for it."""
    parent = sys.modules["greenlet"].getcurrent().parent
    return None if parent is None else cast("FrameType", parent.gr_frame)


@lru_cache(maxsize=64)
def _metered(base: Any, asynchronous: bool) -> Any:  # noqa: C901, FBT001, PLR0915 - one closure is fastest
    now = perf_counter
    base_get, base_return, base_create = base._do_get, base._do_return_conn, base._create_connection

    def _do_get(self: Any) -> Any:  # noqa: C901 - a call more would cost a tenth of the whole
        meter = self._dbhealth
        if meter is None:
            return base_get(self)
        if meter.start is not None:
            meter.start()
        task = current_task() if asynchronous else None
        me = get_ident() if task is None else id(task)
        waiting, began = meter.waiting, now()
        waiting[me] = began
        try:
            record = base_get(self)
        except BaseException as error:
            if waiting.pop(me, None) is not None:  # else it is counted already: creating failed, or a retry
                observe(meter.totals.wait, now() - began)
                if isinstance(error, PoolTimeoutError):
                    meter.totals.timeouts += 1
            raise
        got = now()
        if waiting.pop(me, None) is not None:
            observe(meter.totals.wait, got - began)
        if not meter.shares:
            try:
                frame = _caller(_getframe(_OUT_OF_THE_POOL), meter.places)
            except ValueError:  # called by something else than `Pool.connect`
                frame = _caller(_getframe(), meter.places)
            if frame is None and asynchronous:
                frame = _caller(_waiting_greenlet(), meter.places)
            # A weak reference: a strong one would keep the task of a leaked connection alive, and so the leak.
            holder = me if task is None else ref(task)
            if frame is None:
                meter.out[record] = (got, holder, None, 0)
            else:
                meter.out[record] = (got, holder, frame.f_code, frame.f_lasti)
        return record

    def _create_connection(self: Any) -> Any:
        meter = self._dbhealth
        task = current_task() if asynchronous else None
        me = get_ident() if task is None else id(task)
        began = None if meter is None else meter.waiting.pop(me, None)
        if began is not None:  # from here on it is not the pool that is waited for
            observe(meter.totals.wait, now() - began)
        return base_create(self)

    def _do_return_conn(self: Any, record: Any) -> Any:
        meter = self._dbhealth
        if meter is None:
            return base_return(self, record)
        meter.checkin = back = now()
        ticket = meter.out.pop(record, None)
        if ticket is not None:
            observe(meter.totals.use, back - ticket[0])
        return base_return(self, record)

    def recreate(self: Any) -> Any:
        pool = base.recreate(self)
        if self._dbhealth is not None:
            self._dbhealth.reporter.adopt(pool)
        return pool

    members = {
        "__module__": base.__module__,
        "__doc__": base.__doc__,
        "_dbhealth": None,  # a pool that nobody attached a meter to just works
        "_do_get": _do_get,
        "_create_connection": _create_connection,
        "_do_return_conn": _do_return_conn,
        "recreate": recreate,
    }
    return type(base.__name__, (base,), members)
