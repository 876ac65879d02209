"""What the reporters of one process share: its identity, one thread, and the ends of forks and of the process."""

from __future__ import annotations

import atexit
import itertools
import os
import threading
import time
from time import perf_counter
from typing import TYPE_CHECKING, Any

from db_health_reporter import shutdown_hooks as endings
from db_health_reporter.call_site import Places
from db_health_reporter.instrumentation import Totals, meter_of
from db_health_reporter.pool_reporter import Reporter
from db_health_reporter.settings import name_of, read

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

_BRIEF = 0.01  # seconds
_LONG = 3600.0  # seconds
_STEM = 60  # characters of a name that gets a number


class Process:
    """The reporters of this process."""

    def __init__(self) -> None:
        """Know who this process is; no thread is started before a pool is used."""
        self.places = Places()
        self._warned: set[tuple[str, str]] = set()
        self._reporters: list[Reporter] = []
        self._totals: dict[str, Totals] = {}  # by pool: an engine that replaces another counts on
        self.pid, self.parent, self.start = os.getpid(), os.getppid(), time.time()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._forked)
        atexit.register(self.goodbye)

    def add(self, engine: Engine, given: dict[str, Any]) -> None:
        """Report an engine's pool, under a name that no other pool of this process has."""
        meter = meter_of(engine.pool)
        known: Reporter | None = meter.reporter if meter is not None else None
        given = {**(known.given if known is not None else {}), **given}
        settings = read(given, self._warned)
        with self._lock:
            self._drop_unused()
            taken = {reporter.name for reporter in self._reporters if reporter is not known}
            name = _unique(name_of(settings.pool or engine.url.database), taken)
            if known is not None:  # named in the URL already: what is said in the code has the last word
                known.goodbye()
                self._rename(known, name)
                known.configure(name, settings, given)
                return
            totals = self._totals.setdefault(name, Totals())
            new = Reporter(engine, name=name, settings=settings, given=given, totals=totals, process=self)
            self._reporters.append(new)

    def serve(self) -> None:
        """See to it that the thread runs, and looks at who has begun to report.

        Raises:
            RuntimeError: no thread can be started.
        """
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="dbhealth-reporter", daemon=True)
                thread.start()
                self._thread = thread
                endings.of_child(self.goodbye)
        endings.of_uvicorn(self.goodbye)
        self._wake.set()

    def goodbye(self) -> None:
        """Say of every pool that it ends with the process, not by an accident."""
        for reporter in list(self._reporters):
            reporter.goodbye()

    def _forked(self) -> None:
        self.pid, self.parent, self.start = os.getpid(), os.getppid(), time.time()
        self._lock, self._wake, self._thread = threading.Lock(), threading.Event(), None
        for totals in self._totals.values():
            totals.clear()
        for reporter in self._reporters:
            reporter.forked()

    def _run(self) -> None:
        # Bound to the objects of this process: after a fork in another thread they are replaced.
        wake, pause = self._wake, 0.0
        while True:
            wake.wait(pause)
            wake.clear()
            with self._lock:
                self._drop_unused()
                reporters = [reporter for reporter in self._reporters if reporter.in_use]
            now = perf_counter()
            due = min((reporter.tick(now) for reporter in reporters), default=now + _LONG)
            pause = max(_BRIEF, due - perf_counter())

    def _rename(self, known: Reporter, name: str) -> None:
        if name == known.name:
            return
        left_behind = Totals()  # a pool that takes the old name counts on from here, apart from this one
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
    return next(other for n in itertools.count(2) if (other := f"{name[:_STEM]}-{n}") not in taken)
