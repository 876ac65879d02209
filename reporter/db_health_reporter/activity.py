"""Describes the present activity of a thread or task that holds a connection."""

from __future__ import annotations

import inspect
import sys
import threading
from typing import TYPE_CHECKING, Any

from db_health_reporter.call_site import CallMark, format_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

    from db_health_reporter.call_site import FileClassifier

HIDDEN = "unknown: what a greenlet of gevent or eventlet does cannot be seen"
RETURNED = "the call that took it has returned"
UNKNOWN = "unknown: its call cannot be told from later ones"
IN_GENERATOR = "unknown: it was taken in a generator, whose caller cannot be seen"

_GENERATORS = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


def describe_activity(classifier: FileClassifier, holder: Any, code: CodeType | None, mark: Any) -> str:
    """Describe where the call that made a checkout is now, or that it has ended.

    The holder is a thread (an object or its number) or a task (a weak reference). Only the call that bears the
    mark is described, not something else in the same thread or task, such as the next request.
    """
    if isinstance(holder, (int, threading.Thread)):
        return _describe_call_in_thread(classifier, holder, code, mark)
    task = holder()
    if task is None or task.done():
        return "its task has ended"
    frames = list(_frames_of_task(task.get_coro()))
    return _describe_call(classifier, frames[::-1], code, mark) if frames else "its task is running"


def describe_thread(classifier: FileClassifier, number: int) -> str:
    """Describe where a thread is now, in any call."""
    frame = sys._current_frames().get(number)
    return "unknown" if frame is None else _describe(classifier, list(_frames_of_thread(frame)))


def _describe_call_in_thread(
    classifier: FileClassifier, holder: int | threading.Thread, code: CodeType | None, mark: Any
) -> str:
    if _threads_are_greenlets():
        return HIDDEN
    if isinstance(holder, int):
        number = holder
    elif holder.is_alive():
        number = holder.ident or 0
    else:
        return "its thread has ended"
    frame = sys._current_frames().get(number)
    if frame is None:
        return "its thread has ended"
    return _describe_call(classifier, list(_frames_of_thread(frame)), code, mark)


def _threads_are_greenlets() -> bool:
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    return bool(
        (gevent is not None and gevent.is_module_patched("threading"))
        or (eventlet is not None and eventlet.is_monkey_patched("thread"))
    )


def _frames_of_thread(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _frames_of_task(awaited: Any) -> Iterator[FrameType]:
    """Yield the frames from a task's own coroutine to the innermost one that it awaits."""
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        frame = frame or getattr(awaited, "ag_frame", None)
        if frame is not None:
            yield frame
        awaited = (
            getattr(awaited, "cr_await", None)
            or getattr(awaited, "gi_yieldfrom", None)
            or getattr(awaited, "ag_await", None)
        )


def _describe_call(classifier: FileClassifier, frames: list[FrameType], code: CodeType | None, mark: Any) -> str:
    """Describe a stack, innermost frame first, if the marked call is still on it."""
    if code is None or not isinstance(mark, CallMark):
        return UNKNOWN
    if any(frame.f_trace is mark for frame in frames):
        return _describe(classifier, frames)
    return IN_GENERATOR if code.co_flags & _GENERATORS else RETURNED


def _describe(classifier: FileClassifier, frames: list[FrameType]) -> str:
    """Name the application's innermost line, and the innermost line of all if it is a different one."""
    innermost = frames[0]
    for frame in frames:
        if classifier.is_candidate(frame.f_code.co_filename):
            line = format_line(frame.f_code, frame.f_lineno)
            if frame is innermost:
                return line
            return f"{line}, inside {format_line(innermost.f_code, innermost.f_lineno)}"
    return format_line(innermost.f_code, innermost.f_lineno)
