"""Where in the application a connection was checked out, and what its holder does now."""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from typing import TYPE_CHECKING, Any

import sqlalchemy

from db_health_reporter.settings import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

_LONGEST = 240
_PASSED_OVER = ("flask_sqlalchemy", "greenlet", "sqlmodel")  # they call SQLAlchemy for the application


class Places:
    """Tells the application's code from the libraries below it, by file name, each looked at once."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.applications: set[str] = set()
        self.packages: set[str] = set()
        self.libraries: set[str] = set()
        here = os.path.dirname(os.path.abspath(__file__))
        self._libraries = (os.path.dirname(sqlalchemy.__file__) + os.sep, here + os.sep)
        self._standard = os.path.dirname(os.__file__) + os.sep
        self._packages = tuple(
            os.path.join(folder, "") for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        )

    def is_application(self, filename: str) -> bool:
        """Tell whether a file may be the application's; SQLAlchemy, its wrappers and Python itself are not.

        An installed package may be, but what calls it is the better answer.
        """
        if filename in self.libraries:
            return False
        if filename not in self.applications and filename not in self.packages:
            self._kind(filename).add(filename)
        return filename not in self.libraries

    def _kind(self, filename: str) -> set[str]:
        if filename.startswith(("<", *self._libraries)):
            return self.libraries
        for folder in self._packages:
            if filename.startswith(folder):
                passed_over = filename[len(folder) :].startswith(_PASSED_OVER)
                return self.libraries if passed_over else self.packages
        return self.libraries if filename.startswith(self._standard) else self.applications


def locate(code: CodeType, instruction: int) -> str:
    """Name a place as people do: `orders/views.py:88 in create_order`."""
    import dis

    line = code.co_firstlineno
    for start, number in dis.findlinestarts(code):
        if start > instruction:
            break
        line = number or line
    return _place(code, line)


def doing(places: Places, holder: Any) -> str:
    """Say what a thread, known by itself or by its number, or a task does now."""
    if isinstance(holder, (int, threading.Thread)):
        return _doing_in_thread(places, holder)
    task = holder()
    if task is None or task.done():
        return "its task has ended"
    frames = list(_inwards(task.get_coro()))
    return _innermost(places, reversed(frames)) if frames else "its task is running"


def _doing_in_thread(places: Places, holder: int | threading.Thread) -> str:
    if isinstance(holder, int):
        alive, number = any(thread.ident == holder for thread in threading.enumerate()), holder
    else:
        alive, number = holder.is_alive(), holder.ident or 0
    frame = sys._current_frames().get(number) if alive or isinstance(holder, int) else None
    if frame is not None:
        return _innermost(places, _outwards(frame))
    return "nothing that can be seen" if alive else "its thread has ended"  # a greenlet has no frame here


def _place(code: CodeType, line: int) -> str:
    name = getattr(code, "co_qualname", code.co_name).replace("<locals>.", "")
    return printable(f"{_shorten(code.co_filename)}:{line} in {name}")[:_LONGEST]


def _shorten(filename: str) -> str:
    roots = [os.path.join(os.path.abspath(root), "") for root in [*sys.path, os.getcwd()]]
    longest = max((root for root in roots if filename.startswith(root)), key=len, default="")
    return filename[len(longest) :]


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _inwards(awaited: Any) -> Iterator[FrameType]:
    """From a task's own coroutine to what it waits for in the end."""
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


def _innermost(places: Places, frames: Iterator[FrameType]) -> str:
    """Name the application's innermost place, and the innermost of all where that is another."""
    first = None
    for frame in frames:
        first = first or frame
        if places.is_application(frame.f_code.co_filename):
            place = _place(frame.f_code, frame.f_lineno)
            if frame is first:
                return place
            return f"{place}, inside {_place(first.f_code, first.f_lineno)}"
    return _place(first.f_code, first.f_lineno) if first else "nothing"
