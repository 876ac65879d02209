"""Finds and names the application's line that checked a connection out."""

from __future__ import annotations

import os
import sys
import sysconfig
from typing import TYPE_CHECKING

import sqlalchemy

from db_health_reporter.labels import to_printable

if TYPE_CHECKING:
    from types import CodeType, FrameType

_MAX_TEXT = 240
_WRAPPERS = (  # packages that call SQLAlchemy for the application
    "ddtrace",
    "elasticapm",
    "flask_sqlalchemy",
    "greenlet",
    "newrelic",
    "opentelemetry",
    "sentry_sdk",
    "sqlmodel",
    "wrapt",
)
_PACKAGE_FOLDERS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_MAX_CALLERS = 8  # frames above an installed package that are searched for the application


CAN_MARK = sys.version_info >= (3, 10)  # in 3.9 a frame with `f_trace` has wrong line numbers in tracebacks


class CallMark:
    """Marks the call that made a checkout, so that it is found on its thread's stack for as long as it runs.

    It is the frame's `f_trace`, which only a debugger's trace function uses, and ends with the frame. A reference to
    the frame itself would keep the locals of a call that has returned, and so the connection that it leaked.
    """

    __slots__ = ()

    def __call__(self, *_: object) -> None:
        """Trace nothing, if a debugger is attached later."""


class FileClassifier:
    """Sorts source files into application, installed packages and libraries; each file is sorted once."""

    def __init__(self) -> None:
        self.applications: set[str] = set()
        self.packages: set[str] = set()
        self.libraries: set[str] = set()
        here = os.path.dirname(os.path.abspath(__file__))
        self._libraries = (os.path.dirname(sqlalchemy.__file__) + os.sep, here + os.sep)
        self._standard = os.path.dirname(os.__file__) + os.sep
        self._packages = _folders("purelib", "platlib")
        self._scripts = _folders("scripts")  # scripts that pip made to start installed applications

    def is_candidate(self, filename: str) -> bool:
        """Return whether a file may be the application's: it is not SQLAlchemy, a wrapper around it, or Python itself.

        An installed package may be the application, unless code outside of the packages calls it.
        """
        if filename in self.libraries:
            return False
        if filename not in self.applications and filename not in self.packages:
            self._set_for(filename).add(filename)
        return filename not in self.libraries

    def _set_for(self, filename: str) -> set[str]:
        if filename.startswith(("<", *self._libraries)):
            return self.libraries
        in_package = self._path_in_packages(filename)
        if in_package is not None:
            return self.libraries if in_package.startswith(_WRAPPERS) else self.packages
        return self.libraries if filename.startswith((self._standard, *self._scripts)) else self.applications

    def _path_in_packages(self, filename: str) -> str | None:
        for folder in self._packages:
            if filename.startswith(folder):
                return filename[len(folder) :]
        for name in _PACKAGE_FOLDERS:  # of another environment, or of the system
            if name in filename:
                return filename.rpartition(name)[2]
        return None


def _folders(*names: str) -> tuple[str, ...]:
    schemes = {f"{os.name}_user"} & set(sysconfig.get_scheme_names())
    paths = {sysconfig.get_path(name) for name in names}
    paths |= {sysconfig.get_path(name, scheme) for name in names for scheme in schemes}
    return tuple(os.path.join(path, "") for path in paths if path)


def find_call_site(frame: FrameType | None, classifier: FileClassifier) -> FrameType | None:
    """Return the application's innermost frame, searching from this frame outwards."""
    applications, libraries = classifier.applications, classifier.libraries
    while frame is not None:
        filename = frame.f_code.co_filename
        if filename in applications:
            return frame
        if filename not in libraries and classifier.is_candidate(filename):
            return frame if filename in applications else _caller_of_package(frame, classifier)
        frame = frame.f_back
    return None


def _caller_of_package(package: FrameType, classifier: FileClassifier) -> FrameType:
    """Return the application's frame that calls an installed package, or the package's own if none is near."""
    frame = package.f_back
    for _ in range(_MAX_CALLERS):
        if frame is None:
            break
        filename = frame.f_code.co_filename
        if classifier.is_candidate(filename) and filename in classifier.applications:
            return frame
        frame = frame.f_back
    return package


def format_call_site(code: CodeType, instruction: int) -> str:
    """Name the line of an instruction: `orders/views.py:88 in create_order`."""
    import dis  # on first use: only a connection that has been out for long needs it

    line = code.co_firstlineno
    for start, number in dis.findlinestarts(code):
        if start > instruction:
            break
        line = number or line
    return format_line(code, line)


def format_line(code: CodeType, line: int) -> str:
    """Name a line and its function, with the file's path below the import path."""
    name = getattr(code, "co_qualname", code.co_name).replace("<locals>.", "")
    return to_printable(f"{_shorten(code.co_filename)}:{line} in {name}")[:_MAX_TEXT]


def _shorten(filename: str) -> str:
    roots = [os.path.join(os.path.abspath(root), "") for root in [*sys.path, os.getcwd()]]
    longest = max((root for root in roots if filename.startswith(root)), key=len, default="")
    return filename[len(longest) :]
