"""Owns the pool reporters of this process, their names and totals, their thread, and the hooks for fork and exit."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from time import perf_counter
from typing import TYPE_CHECKING, Any

from db_health_reporter.call_site import FileClassifier, find_call_site
from db_health_reporter.identity import ProcessIdentity
from db_health_reporter.naming import base_name, insert_by_key, naming_key, unique
from db_health_reporter.pool_reporter import PoolReporter, SharedState
from db_health_reporter.settings import read_settings
from db_health_reporter.shutdown_hooks import on_child_exit, on_pool_worker_end, on_uvicorn_shutdown
from db_health_reporter.totals import Totals

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from db_health_reporter.naming import Key
    from db_health_reporter.settings import Settings

_MIN_PAUSE = 0.01  # seconds
_MAX_PAUSE = 3600.0  # seconds
_RETRY_AFTER = 2.0  # seconds

logger = logging.getLogger("db_health_reporter")


class ProcessReporter:
    """The pool reporters of this process."""

    def __init__(self) -> None:
        """Register the hooks; the thread starts when a pool is first used."""
        self._identity = ProcessIdentity()
        self._classifier = FileClassifier()
        self._shared = SharedState(self._identity, self._classifier, self._start_thread, self._reset_after_fork)
        self._defaults: dict[str, Any] = {}
        self._warned: set[tuple[str, str]] = set()
        self._has_logged_failure = False
        self._reporters: list[PoolReporter] = []
        self._totals: dict[str, Totals] = {}  # by name: an engine that replaces another one continues its counts
        self._lock = threading.RLock()  # a log handler of the application may use a reported engine
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._reset_after_fork)
        atexit.register(self.goodbye)

    def set_defaults(self, given: dict[str, Any]) -> None:
        """Use these settings for every engine that has none of its own."""
        self._defaults = given

    def add(self, engine: Engine, given: dict[str, Any]) -> None:
        """Report an engine's pool under a name that no other pool of this process has.

        Raises:
            TypeError: the pool's class cannot be instrumented.
        """
        with self._lock:
            self._drop_unused()
            known = next((reporter for reporter in self._reporters if reporter.pool is engine.pool), None)
            given = {**self._defaults, **(known.given if known is not None else {}), **given}
            settings = read_settings(given, self._warned)
            base = base_name(engine, settings, given)
            if known is not None:  # reported already by its URL or by `install`: the later call wins
                self._reconfigure(known, base, settings, given)
            elif not settings.is_off:
                self._add_new(engine, base, settings, given)

    def declare_long_lived(self, record: Any) -> bool:
        """Note that a connection is held on purpose; False if no pool of this process has it checked out."""
        return any(reporter.pools.declare_long_lived(record) for reporter in list(self._reporters))

    def _reconfigure(self, known: PoolReporter, base: str, settings: Settings, given: dict[str, Any]) -> None:
        if base == known.base_name and settings == known.settings:
            return
        name = known.name
        if base != known.base_name:
            name = unique(base, [reporter.name for reporter in self._reporters if reporter is not known])
        known.base_name = base
        self._configure(known, name, settings, given)

    def _configure(self, reporter: PoolReporter, name: str, settings: Settings, given: dict[str, Any]) -> None:
        reporter.goodbye()
        self._rename(reporter, name)
        reporter.configure(name, settings, given)

    def _add_new(self, engine: Engine, base: str, settings: Settings, given: dict[str, Any]) -> None:
        call_site = find_call_site(sys._getframe(), self._classifier)
        key = naming_key(engine, "" if call_site is None else f"{call_site.f_code.co_filename}:{call_site.f_lineno:06}")
        name = self._make_place(base, key)
        reporter = PoolReporter(
            engine,
            name=name,
            settings=settings,
            given=given,
            totals=self._totals.setdefault(name, Totals()),
            shared=self._shared,
        )
        reporter.base_name, reporter.naming_key = base, key
        self._reporters.append(reporter)

    def _make_place(self, base: str, key: Key) -> str:
        """Return the name of a new pool; others of its base name may be renamed."""
        same = {reporter.name: reporter for reporter in self._reporters if reporter.base_name == base}
        free = unique(base, [reporter.name for reporter in self._reporters])
        name, moves = insert_by_key(free, key, {name: reporter.naming_key for name, reporter in same.items()})
        for old, new in moves:
            reporter = same[old]
            self._configure(reporter, new, reporter.settings, reporter.given)
        return name

    def goodbye(self) -> None:
        """Send a goodbye for every pool."""
        for reporter in list(self._reporters):
            self._say_goodbye(reporter)

    def _start_thread(self) -> None:
        """Start the thread if it does not run yet, and wake it for a new reporter.

        Raises:
            RuntimeError: no thread can be started.
        """
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="dbhealth-reporter", daemon=True)
                thread.start()
                self._thread = thread
                on_child_exit(self.goodbye)
                on_pool_worker_end(self.goodbye)
        on_uvicorn_shutdown(self.goodbye)
        self._wake.set()

    def _reset_after_fork(self) -> None:
        self._identity.refresh()
        self._lock, self._wake, self._thread = threading.RLock(), threading.Event(), None
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
            now = perf_counter()
            due = now + _MAX_PAUSE
            try:
                with self._lock:
                    self._drop_unused()
                    reporters = [reporter for reporter in self._reporters if reporter.is_in_use]
                due = min([due, *(self._tick(reporter, now) for reporter in reporters)])
            except Exception as error:  # noqa: BLE001 - whatever it is, the other pools' reports go on
                self._log_failure(error)
                due = now + _RETRY_AFTER
            pause = max(_MIN_PAUSE, due - perf_counter())

    def _say_goodbye(self, reporter: PoolReporter) -> None:
        try:
            reporter.goodbye()
        except Exception as error:  # noqa: BLE001 - the end of the process is the application's
            self._log_failure(error)

    def _tick(self, reporter: PoolReporter, now: float) -> float:
        try:
            return reporter.tick(now)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other pools' reports go on
            self._log_failure(error)
            return now + reporter.interval

    def _log_failure(self, error: Exception) -> None:
        if not self._has_logged_failure:
            self._has_logged_failure = True
            logger.warning("a report failed (%s: %s); later failures are not logged", type(error).__name__, error)

    def _rename(self, known: PoolReporter, name: str) -> None:
        if name == known.name:
            return
        left_behind = Totals()  # a pool that takes the old name continues from a copy
        left_behind.add(known.totals)
        self._totals[known.name] = left_behind
        if name in self._totals:
            known.totals.add(self._totals[name])
        self._totals[name] = known.totals

    def _drop_unused(self) -> None:
        for reporter in [reporter for reporter in self._reporters if reporter.pool is None]:
            reporter.close()
            self._reporters.remove(reporter)
