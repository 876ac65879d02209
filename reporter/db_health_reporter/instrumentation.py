"""Counts what happens in one pool: the only code of the reporter that runs at every checkout.

It takes no lock: each change is a single step of a list or a dict, which CPython does not divide, and the garbage
collector may return a connection at any instruction.
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

from db_health_reporter.call_site import find_call_site
from db_health_reporter.totals import BOUNDS, FIRST_BOUND, SUM, observe

if TYPE_CHECKING:
    from sqlalchemy.pool import Pool

    from db_health_reporter.call_site import FileClassifier
    from db_health_reporter.totals import Totals

# Frames between `_do_get` and the caller of SQLAlchemy, which are skipped without a look at each.
_FRAMES_OF_POOL = 4  # `Pool.connect` calls two functions before `_do_get`, in every SQLAlchemy
_FRAMES_OF_ENGINE = 6  # since 2.0, below `Engine.connect`: nearly every checkout
_ENGINE_CONNECT = Engine.connect.__code__

Checkout = tuple[float, Any, Optional[CodeType], int]
"""When a connection was checked out, the thread or task that did it, and the application's instruction."""


class PoolInstrumentation:
    """What is recorded about one pool object besides what its class knows."""

    __slots__ = (
        "_start",
        "checkouts",
        "classifier",
        "is_shared",
        "last_checkin",
        "on_checkout",
        "on_recreate",
        "totals",
        "use",
        "wait",
        "waiting",
    )

    def __init__(
        self,
        totals: Totals,
        classifier: FileClassifier,
        *,
        start: Callable[[], None],
        on_recreate: Callable[[Pool], None],
        is_shared: bool,
    ) -> None:
        """Record into `totals`; `start` is called at the first checkout, `on_recreate` with each pool made of this one.

        A pool is shared if it gives one connection to several holders at once: it has no oldest checkout.
        """
        self.totals = totals
        self.wait, self.use = totals.wait, totals.use
        self.classifier = classifier
        self.on_recreate = on_recreate
        self.is_shared = is_shared
        self._start = start
        self.clear()

    def clear(self) -> None:
        """Forget waiting requests and checkouts, in a forked child: they belong to threads of the parent."""
        self.on_checkout: Callable[[], None] | None = self._start
        self.waiting: dict[int, float] = {}  # by thread or task: since when
        self.checkouts: dict[Any, Checkout] = {}  # by connection record, the oldest first
        self.last_checkin: float | None = None

    def restart(self) -> None:
        """Call `start` again at the next checkout."""
        self.on_checkout = self._start

    def record_failure(self, waiter: int, began: float, error: BaseException) -> None:
        """Count a request that got no connection, unless it is counted already: creating one failed, or a retry."""
        if self.waiting.pop(waiter, None) is not None:
            observe(self.wait, perf_counter() - began)
            if isinstance(error, PoolTimeoutError):
                self.totals.timeouts += 1


def instrument(pool: Pool, instrumentation: PoolInstrumentation, *, asynchronous: bool) -> None:
    """Replace the pool's class by a subclass that records; the pool's arguments and events stay.

    Raises:
        TypeError: the class refuses to have a subclass; the pool is unchanged.
    """
    instance: Any = pool
    if not hasattr(type(pool), "_dbhealth"):
        base: Any = type(pool)
        instance.__class__ = _instrumented_class(base, asynchronous)  # may fail, and then nothing has changed
    instance._dbhealth = instrumentation


def instrumentation_of(pool: Pool) -> PoolInstrumentation | None:
    """Return the pool's instrumentation, if it has one."""
    return pool.__dict__.get("_dbhealth")


def _current_task() -> Any:
    """Return the running task, or None outside of an event loop."""
    try:
        return current_task()
    except RuntimeError:
        return None


@lru_cache(maxsize=64)
def _instrumented_class(base: Any, asynchronous: bool) -> Any:  # noqa: C901, FBT001, PLR0915 - one closure is fastest
    now = perf_counter
    base_get, base_return, base_create = base._do_get, base._do_return_conn, base._create_connection
    threads = threading._active  # type: ignore[attr-defined] # `current_thread` would register an unknown thread
    if asynchronous:
        getcurrent = import_module("greenlet").getcurrent  # only asynchronous engines need it

    def _do_get(self: Any) -> Any:  # noqa: C901, PLR0912 - each function call would add a tenth of the whole cost
        state = self._dbhealth
        if state is None:
            return base_get(self)
        if state.on_checkout is not None:
            state.on_checkout()
        me = get_ident()
        holder: Any = threads.get(me, me)  # an object: the number is given to another thread after this one's end
        if asynchronous:
            try:  # noqa: SIM105 - a context manager costs more than all of this
                # A weak reference: a strong one would keep the task of a leaked connection alive, and so the leak.
                me, holder = id(task := current_task()), ref(task)
            except (RuntimeError, TypeError):  # outside of an event loop or task
                pass
        waiting, began = state.waiting, now()
        waiting[me] = began
        try:
            record = base_get(self)
        except BaseException as error:
            state.record_failure(me, began, error)
            raise
        got = now()
        if waiting.pop(me, None) is not None:  # otherwise counted already, when a connection was created
            wait, waited = state.wait, got - began
            if waited <= FIRST_BOUND:
                wait[0] += 1
                wait[SUM] += waited
            else:
                observe(wait, waited)
        if not state.is_shared:
            frame: FrameType | None
            try:
                frame = _getframe(_FRAMES_OF_ENGINE)
                frame = frame.f_back if frame.f_code is _ENGINE_CONNECT else _getframe(_FRAMES_OF_POOL)
            except ValueError:  # not called by `Pool.connect`
                frame = _getframe()
            if frame is not None:
                frame = find_call_site(frame, state.classifier)
            if frame is None and asynchronous and (parent := getcurrent().parent) is not None:
                # SQLAlchemy runs in a greenlet of its own: the application is in the parent, which waits for it.
                frame = find_call_site(parent.gr_frame, state.classifier)
            if frame is None:
                state.checkouts[record] = (got, holder, None, 0)
            else:
                state.checkouts[record] = (got, holder, frame.f_code, frame.f_lasti)
        return record

    def _create_connection(self: Any) -> Any:
        state = self._dbhealth
        task = _current_task() if asynchronous else None
        me = get_ident() if task is None else id(task)
        began = None if state is None else state.waiting.pop(me, None)
        if began is not None:  # from here on the request waits for the server, no longer for the pool
            observe(state.wait, now() - began)
        return base_create(self)

    def _do_return_conn(self: Any, record: Any) -> Any:
        state = self._dbhealth
        if state is None:
            return base_return(self, record)
        state.last_checkin = back = now()
        checkout = state.checkouts.pop(record, None)
        if checkout is not None:
            use, used = state.use, back - checkout[0]
            use[bisect_left(BOUNDS, used)] += 1
            use[SUM] += used
        return base_return(self, record)

    def recreate(self: Any) -> Any:
        pool = base.recreate(self)
        if self._dbhealth is not None:
            self._dbhealth.on_recreate(pool)
        return pool

    members = {
        "__module__": base.__module__,
        "__doc__": base.__doc__,
        "_dbhealth": None,  # a pool of this class that nobody instrumented works as its base class
        "_do_get": _do_get,
        "_create_connection": _create_connection,
        "_do_return_conn": _do_return_conn,
        "recreate": recreate,
    }
    return type(base.__name__, (base,), members)
