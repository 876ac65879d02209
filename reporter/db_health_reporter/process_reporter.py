"""Owns the pool reporters of this process, their names and totals, their thread, and the hooks for fork and exit."""

from __future__ import annotations

import atexit
import itertools
import os
import threading
from time import perf_counter
from typing import TYPE_CHECKING, Any

from db_health_reporter.call_site import FileClassifier
from db_health_reporter.identity import ProcessIdentity
from db_health_reporter.labels import to_label
from db_health_reporter.pool_reporter import PoolReporter
from db_health_reporter.settings import read_settings
from db_health_reporter.shutdown_hooks import on_child_exit, on_uvicorn_shutdown
from db_health_reporter.totals import Totals

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

_MIN_PAUSE = 0.01  # seconds
_MAX_PAUSE = 3600.0  # seconds
_MAX_NUMBERED_NAME = 60  # characters before the number


class ProcessReporter:
    """The pool reporters of this process."""

    def __init__(self) -> None:
        """Register the hooks; the thread starts when a pool is first used."""
        self._identity = ProcessIdentity()
        self._classifier = FileClassifier()
        self._warned: set[tuple[str, str]] = set()
        self._reporters: list[PoolReporter] = []
        self._totals: dict[str, Totals] = {}  # by name: an engine that replaces another one continues its counts
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._reset_after_fork)
        atexit.register(self.goodbye)

    def add(self, engine: Engine, given: dict[str, Any]) -> None:
        """Report an engine's pool under a name that no other pool of this process has.

        Raises:
            TypeError: the pool's class cannot be instrumented.
        """
        with self._lock:
            self._drop_unused()
            known = next((reporter for reporter in self._reporters if reporter.pool is engine.pool), None)
            given = {**(known.given if known is not None else {}), **given}
            settings = read_settings(given, self._warned)
            taken = {reporter.name for reporter in self._reporters if reporter is not known}
            name = _unique(to_label(settings.pool or engine.url.database), taken)
            if known is not None:  # named in the URL already: the call in the code wins
                known.goodbye()
                self._rename(known, name)
                known.configure(name, settings, given)
                return
            reporter = PoolReporter(
                engine,
                name=name,
                settings=settings,
                given=given,
                totals=self._totals.setdefault(name, Totals()),
                identity=self._identity,
                classifier=self._classifier,
                start_thread=self._start_thread,
            )
            self._reporters.append(reporter)

    def goodbye(self) -> None:
        """Report of every pool that it ends with the process on purpose."""
        for reporter in list(self._reporters):
            reporter.goodbye()

    def _start_thread(self) -> None:
        """Start the thread if it does not run yet, and let it see who has begun to report.

        Raises:
            RuntimeError: no thread can be started.
        """
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="dbhealth-reporter", daemon=True)
                thread.start()
                self._thread = thread
                on_child_exit(self.goodbye)
        on_uvicorn_shutdown(self.goodbye)
        self._wake.set()

    def _reset_after_fork(self) -> None:
        self._identity.refresh()
        self._lock, self._wake, self._thread = threading.Lock(), threading.Event(), None
        for totals in self._totals.values():
            totals.clear()
        for reporter in self._reporters:
            reporter.reset_after_fork()

    def _run(self) -> None:
        # Bound to the objects of this process: after a fork in another thread they are replaced.
        wake, pause = self._wake, 0.0
        while True:
            wake.wait(pause)
            wake.clear()
            with self._lock:
                self._drop_unused()
                reporters = [reporter for reporter in self._reporters if reporter.is_in_use]
            now = perf_counter()
            due = min((reporter.tick(now) for reporter in reporters), default=now + _MAX_PAUSE)
            pause = max(_MIN_PAUSE, due - perf_counter())

    def _rename(self, known: PoolReporter, name: str) -> None:
        if name == known.name:
            return
        left_behind = Totals()  # a pool that takes the old name continues from here, apart from this one
        left_behind.add(known.totals)
        self._totals[known.name] = left_behind
        if name in self._totals:
            known.totals.add(self._totals[name])
        self._totals[name] = known.totals

    def _drop_unused(self) -> None:
        for reporter in [reporter for reporter in self._reporters if reporter.pool is None]:
            reporter.goodbye()
            self._reporters.remove(reporter)


def _unique(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    return next(other for n in itertools.count(2) if (other := f"{name[:_MAX_NUMBERED_NAME]}-{n}") not in taken)
