"""Describes what a thread or task that holds a connection does now."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from db_health_reporter.call_site import format_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from db_health_reporter.call_site import FileClassifier


def describe_activity(classifier: FileClassifier, holder: Any) -> str:
    """Say where a thread (an object or its number) or a task (a weak reference) is now."""
    if isinstance(holder, (int, threading.Thread)):
        return _describe_thread(classifier, holder)
    task = holder()
    if task is None or task.done():
        return "its task has ended"
    frames = list(_frames_of_task(task.get_coro()))
    return _describe(classifier, reversed(frames)) if frames else "its task is running"


def _describe_thread(classifier: FileClassifier, holder: int | threading.Thread) -> str:
    if isinstance(holder, int):
        alive, number = any(thread.ident == holder for thread in threading.enumerate()), holder
    else:
        alive, number = holder.is_alive(), holder.ident or 0
    frame = sys._current_frames().get(number) if alive or isinstance(holder, int) else None
    if frame is not None:
        return _describe(classifier, _frames_of_thread(frame))
    return "nothing that can be seen" if alive else "its thread has ended"  # a greenlet has no frame here


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


def _describe(classifier: FileClassifier, frames: Iterator[FrameType]) -> str:
    """Name the application's innermost line, and the innermost of all where that is a different one."""
    innermost = None
    for frame in frames:
        innermost = innermost or frame
        if classifier.is_candidate(frame.f_code.co_filename):
            line = format_line(frame.f_code, frame.f_lineno)
            if frame is innermost:
                return line
            return f"{line}, inside {format_line(innermost.f_code, innermost.f_lineno)}"
    return format_line(innermost.f_code, innermost.f_lineno) if innermost else "nothing"
