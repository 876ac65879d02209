"""The subclass of a pool that records: the only code of the reporter that runs at every checkout."""

from __future__ import annotations

import threading
from asyncio import _get_running_loop as get_running_loop
from asyncio import current_task
from bisect import bisect_left
from functools import lru_cache
from importlib import import_module
from os import getpid
from sys import _getframe
from threading import get_ident
from time import perf_counter
from typing import TYPE_CHECKING, Any
from weakref import ref

from sqlalchemy.engine import Engine

from db_health_reporter.call_site import CAN_MARK, CallMark, find_call_site
from db_health_reporter.totals import BOUNDS, FIRST_BOUND, SUM, observe

if TYPE_CHECKING:
    from types import FrameType

    from sqlalchemy.pool import Pool

    from db_health_reporter.instrumentation import PoolInstrumentation

# The number of frames between `_do_get` and the caller of SQLAlchemy, which are skipped together.
_FRAMES_OF_POOL = 4  # `Pool.connect` calls two functions before `_do_get`, in every SQLAlchemy
_FRAMES_OF_ENGINE = 6  # since 2.0, below `Engine.connect`: nearly every checkout
_ENGINE_CONNECT = Engine.connect.__code__


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

    def _do_get(self: Any) -> Any:  # noqa: C901, PLR0912, PLR0915 - each function call would add a tenth of the whole cost
        state = self._dbhealth
        if state is None:
            return base_get(self)
        if getpid() != state.pid:  # forked by C code that calls no hook of Python, as uWSGI does
            state.owner.on_fork()
            state.pid = getpid()
        if state.on_checkout is not None:
            state.on_checkout()
        me = get_ident()
        holder: Any = threads.get(me, me)  # an object: the number is reused after this thread's end
        if asynchronous:
            try:  # noqa: SIM105 - a context manager costs more than all of this
                # A weak reference: a strong one would keep the task of a leaked connection alive, and so the leak.
                me, holder = id(task := current_task()), ref(task)
            except (RuntimeError, TypeError):  # outside of an event loop or task
                pass
        elif state.watch_loop and (loop := get_running_loop()) is not None:
            state.owner.watch_loop(loop)
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
            if asynchronous and (frame is None or frame.f_code.co_filename not in state.classifier.applications):
                # SQLAlchemy runs in a greenlet of its own: the application is in the parent, which waits for it.
                parent = getcurrent().parent
                if parent is not None:
                    frame = find_call_site(parent.gr_frame, state.classifier) or frame
            if frame is None:
                state.checkouts[record] = (got, holder, None, 0, None)
            else:
                mark: Any = frame.f_trace
                if mark is None and CAN_MARK:
                    frame.f_trace = mark = CallMark()
                state.checkouts[record] = (got, holder, frame.f_code, frame.f_lasti, mark)
        return record

    def _create_connection(self: Any) -> Any:
        state = self._dbhealth
        task = _current_task() if asynchronous else None
        me = get_ident() if task is None else id(task)
        began = None if state is None else state.waiting.pop(me, None)
        if began is not None:  # from here on the request waits for the server, no longer for the pool
            observe(state.wait, now() - began)
        return base_create(self)

    def _do_return_conn(self: Any, record: Any) -> None:
        state = self._dbhealth
        if state is None:
            base_return(self, record)
            return
        state.last_checkin = back = now()
        checkout = state.checkouts.pop(record, None)
        if checkout is not None:
            use, used = state.use, back - checkout[0]
            use[bisect_left(BOUNDS, used)] += 1
            use[SUM] += used
        base_return(self, record)
        if back > state.overdue_at or (state.report_when_idle and not state.checkouts):
            state.owner.report_from_checkin()

    def recreate(self: Any) -> Any:
        pool = base.recreate(self)
        if self._dbhealth is not None:
            self._dbhealth.owner.follow(pool)
        return pool

    members = {
        "__module__": base.__module__,
        "__doc__": base.__doc__,
        "_dbhealth": None,  # a pool of this class without instrumentation works as its base class
        "_do_get": _do_get,
        "_create_connection": _create_connection,
        "_do_return_conn": _do_return_conn,
        "recreate": recreate,
    }
    return type(base.__name__, (base,), members)
