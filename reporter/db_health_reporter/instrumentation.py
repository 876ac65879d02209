"""Counts what happens in one pool: the only code of the reporter that runs at every checkout.

It takes no lock: each change is a single step of a list or a dict, which CPython does not divide, and a
garbage collection may return a connection in the middle of anything.
"""

from __future__ import annotations

import threading
from asyncio import current_task
from bisect import bisect_left
from functools import lru_cache
from importlib import import_module
from sys import _getframe
from threading import get_ident
from time import perf_counter
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Callable, Optional
from weakref import ref

from sqlalchemy.engine import Engine
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

if TYPE_CHECKING:
    from sqlalchemy.pool import Pool

    from db_health_reporter.call_site import Places

BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
_LEAST = BOUNDS[0]
SUM = len(BOUNDS) + 1  # a histogram is a list: a count for each bound, one for the rest, and the sum

_OUT_OF_THE_POOL = 4  # frames: `Pool.connect` goes by two steps more to `_do_get`, in every SQLAlchemy
_OUT_OF_THE_ENGINE = 6  # frames, since 2.0, where `Engine.connect` is at work: nearly always
_CONNECT = Engine.connect.__code__
_NEAR = 8  # frames

Ticket = tuple[float, Any, Optional[CodeType], int]
"""When a connection went out, to which thread or task, and from which instruction of the application."""


class Totals:
    """What is counted from the start of the process on, whichever pool object is in use."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.wait: list[float] = [0] * SUM + [0.0]
        self.use: list[float] = [0] * SUM + [0.0]
        self.create: list[float] = [0] * SUM + [0.0]
        self.timeouts = 0
        self.invalidations = 0

    def add(self, others: Totals) -> None:
        """Count on where others have stopped."""
        for mine, theirs in ((self.wait, others.wait), (self.use, others.use), (self.create, others.create)):
            mine[:] = [count + more for count, more in zip(mine, theirs)]
        self.timeouts += others.timeouts
        self.invalidations += others.invalidations

    def clear(self) -> None:
        """Begin anew, as the child of a fork must: its parent goes on counting the past."""
        for histogram in (self.wait, self.use, self.create):  # in place: meters hold them
            histogram[:] = [0] * SUM + [0.0]
        self.timeouts = self.invalidations = 0


class Meter:
    """What is known of one pool object besides what it tells itself."""

    __slots__ = ("checkin", "out", "places", "reporter", "shares", "start", "totals", "use", "wait", "waiting")

    def __init__(self, totals: Totals, places: Places, reporter: Any, *, shares: bool) -> None:
        """Watch a pool; `reporter.start` is called at its first checkout."""
        self.totals = totals
        self.wait, self.use = totals.wait, totals.use
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

    def gave_up(self, waiter: int, began: float, error: BaseException) -> None:
        """Count a request that got no connection, unless it is counted: creating one failed, or a retry."""
        if self.waiting.pop(waiter, None) is not None:
            observe(self.wait, perf_counter() - began)
            if isinstance(error, PoolTimeoutError):
                self.totals.timeouts += 1


def observe(histogram: list[float], seconds: float) -> None:
    """Count one duration."""
    histogram[0 if seconds <= _LEAST else bisect_left(BOUNDS, seconds)] += 1
    histogram[SUM] += seconds


def attach(pool: Pool, meter: Meter, *, asynchronous: bool) -> None:
    """Make a pool count: its class becomes a subclass of the one it has, its arguments and events stay."""
    instance: Any = pool
    if not hasattr(type(pool), "_dbhealth"):
        base: Any = type(pool)
        instance.__class__ = _metered(base, asynchronous)  # may fail, and then nothing has changed
    instance._dbhealth = meter


def meter_of(pool: Pool) -> Meter | None:
    """Return the meter of a pool that has one."""
    return pool.__dict__.get("_dbhealth")


def _caller(frame: FrameType | None, places: Places) -> FrameType | None:
    """Find the innermost frame of the application, from this one outwards."""
    applications, libraries = places.applications, places.libraries
    while frame is not None:
        filename = frame.f_code.co_filename
        if filename in applications:
            return frame
        if filename not in libraries and places.is_application(filename):
            return frame if filename in applications else _beyond(frame, places)
        frame = frame.f_back
    return None


def _beyond(package: FrameType, places: Places) -> FrameType:
    """Find who calls an installed package; itself where nobody near does: applications are installed, too."""
    frame = package.f_back
    for _ in range(_NEAR):
        if frame is None:
            break
        filename = frame.f_code.co_filename
        if places.is_application(filename) and filename in places.applications:
            return frame
        frame = frame.f_back
    return package


def _task() -> Any:
    """Return the running task, or None outside of any event loop."""
    try:
        return current_task()
    except RuntimeError:
        return None


@lru_cache(maxsize=64)
def _metered(base: Any, asynchronous: bool) -> Any:  # noqa: C901, FBT001, PLR0915 - one closure is fastest
    now = perf_counter
    base_get, base_return, base_create = base._do_get, base._do_return_conn, base._create_connection
    threads = threading._active  # type: ignore[attr-defined] # `current_thread` would add a thread that it does not know
    if asynchronous:
        getcurrent = import_module("greenlet").getcurrent  # only asynchronous engines need it

    def _do_get(self: Any) -> Any:  # noqa: C901, PLR0912 - each call more costs a tenth of the whole
        meter = self._dbhealth
        if meter is None:
            return base_get(self)
        if meter.start is not None:
            meter.start()
        me = get_ident()
        holder: Any = threads.get(me, me)  # the number alone is another thread's as soon as this one has ended
        if asynchronous:
            try:  # noqa: SIM105 - a context manager costs more than all of this
                # A weak reference: a strong one would keep the task of a leaked connection alive, and so the leak.
                me, holder = id(task := current_task()), ref(task)
            except (RuntimeError, TypeError):  # outside of any event loop, or of any task
                pass
        waiting, began = meter.waiting, now()
        waiting[me] = began
        try:
            record = base_get(self)
        except BaseException as error:
            meter.gave_up(me, began, error)
            raise
        got = now()
        if waiting.pop(me, None) is not None:  # else it has been counted: a connection was made
            wait, waited = meter.wait, got - began
            if waited <= _LEAST:
                wait[0] += 1
                wait[SUM] += waited
            else:
                observe(wait, waited)
        if not meter.shares:
            frame: FrameType | None
            try:
                frame = _getframe(_OUT_OF_THE_ENGINE)
                frame = frame.f_back if frame.f_code is _CONNECT else _getframe(_OUT_OF_THE_POOL)
            except ValueError:  # called by something else than `Pool.connect`
                frame = _getframe()
            if frame is not None:
                frame = _caller(frame, meter.places)
            if frame is None and asynchronous and (parent := getcurrent().parent) is not None:
                # SQLAlchemy runs in a greenlet of its own: the application is in the one that waits for it.
                frame = _caller(parent.gr_frame, meter.places)
            if frame is None:
                meter.out[record] = (got, holder, None, 0)
            else:
                meter.out[record] = (got, holder, frame.f_code, frame.f_lasti)
        return record

    def _create_connection(self: Any) -> Any:
        meter = self._dbhealth
        task = _task() if asynchronous else None
        me = get_ident() if task is None else id(task)
        began = None if meter is None else meter.waiting.pop(me, None)
        if began is not None:  # from here on it is not the pool that is waited for
            observe(meter.wait, now() - began)
        return base_create(self)

    def _do_return_conn(self: Any, record: Any) -> Any:
        meter = self._dbhealth
        if meter is None:
            return base_return(self, record)
        meter.checkin = back = now()
        ticket = meter.out.pop(record, None)
        if ticket is not None:
            use, used = meter.use, back - ticket[0]
            use[bisect_left(BOUNDS, used)] += 1
            use[SUM] += used
        return base_return(self, record)

    def recreate(self: Any) -> Any:
        pool = base.recreate(self)
        if self._dbhealth is not None:
            self._dbhealth.reporter.follow(pool)
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
