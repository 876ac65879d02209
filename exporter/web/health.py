"""The answer of each health endpoint: pass, warn or fail, without HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from exporter.diagnosis.verdict import Verdict
from exporter.model.readiness import Readiness
from exporter.model.result import ProbePath
from exporter.web.health_report import Check, HealthReport, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from exporter.model.result import ProbeResult
    from exporter.probing.status import DatabaseStatus
    from exporter.runtime.loop_monitor import LoopMonitor


class DatabaseMonitor(Protocol):
    """The interface of a database's monitor for the endpoints."""

    @property
    def status(self) -> DatabaseStatus:
        """The latest status."""

    async def check(self, *, max_age: float) -> ProbeResult:
        """Return a pooled result at most `max_age` seconds old; runs or joins a probe where there is none."""

    def latest(self, *, max_age: float) -> ProbeResult | None:
        """Return the latest pooled result if it is at most `max_age` seconds old."""

    def stalled_loop(self) -> str:
        """Name a probe loop that makes no progress, or nothing."""


class HealthService:
    """Makes the report of each health endpoint; a named database must be one of `monitors`."""

    def __init__(
        self,
        monitors: Mapping[str, DatabaseMonitor],
        *,
        loop_monitor: LoopMonitor,
        max_age: float,
        readiness: Readiness,
    ) -> None:
        """Keep the parts; `max_age` in seconds."""
        self.monitors = monitors
        self.shutting_down = False
        self._loop_monitor = loop_monitor
        self._max_age = max_age
        self._readiness = readiness

    @property
    def statuses(self) -> list[DatabaseStatus]:
        """The latest status of every database."""
        return [monitor.status for monitor in self.monitors.values()]

    async def healthz(self, database: str | None = None) -> HealthReport:
        """Report the pooled probe of every required database, or of the one that is named."""
        selected = self._selected(database)
        results = await asyncio.gather(*(monitor.check(max_age=self._max_age) for monitor in selected))
        checks = [
            _probe_check(monitor.status, ProbePath.POOLED, result, required=_decides(monitor.status, database))
            for monitor, result in zip(selected, results, strict=True)
        ]
        others = [check for monitor in selected for check in _other_paths(monitor.status)]
        return self._report("healthz", [*checks, *others], database, explained=True)

    def cached_healthz(self) -> bool | None:
        """Return whether `/healthz` passes if the latest results are recent enough, else None; asks no database."""
        passed = True
        for monitor in self.monitors.values():
            latest = monitor.latest(max_age=self._max_age)
            if latest is None:
                return None
            passed = passed and (latest.passed or not monitor.status.required)
        return passed

    async def readyz(self, database: str | None = None) -> HealthReport:
        """Report readiness as READINESS asks for; never ready while shutting down."""
        if self.shutting_down:
            return self._report("readyz", [Check("shutdown", Status.FAIL, "the process is shutting down")], database)
        match self._readiness:
            case Readiness.GATE:
                return replace(await self.healthz(database), endpoint="readyz")
            case Readiness.OFF:
                return self._report("readyz", [Check("serving", Status.PASS, "ok")], database)
            case Readiness.LATCH:
                statuses = [monitor.status for monitor in self._selected(database)]
                checks = [_latch_check(status) for status in statuses if _decides(status, database)]
                return self._report("readyz", checks, database)

    async def livez(self, database: str | None = None) -> HealthReport:
        """Report the process itself: its event loop and its probe loops; never the database."""
        checks = [_check("event-loop", "stood still" if self._loop_monitor.stalled() else "")]
        for monitor in self._selected(database):
            stalled = monitor.stalled_loop()
            failure = f"the {stalled} loop makes no progress" if stalled else ""
            checks.append(_check(f"{monitor.status.name}/probe-loop", failure))
        return self._report("livez", checks, database)

    async def app_livez(self, database: str | None = None) -> HealthReport:
        """Report the application: fails only while a restart would cure it."""
        checks = []
        for monitor in self._selected(database):
            verdict = monitor.status.verdict
            failure = verdict if verdict is Verdict.APP_POOL_WEDGED else ""
            checks.append(_check(f"{monitor.status.name}/app-pool", failure))
        return self._report("app/livez", checks, database, explained=True)

    def _selected(self, database: str | None) -> list[DatabaseMonitor]:
        return list(self.monitors.values()) if database is None else [self.monitors[database]]

    def _report(
        self, endpoint: str, checks: Sequence[Check], database: str | None, *, explained: bool = False
    ) -> HealthReport:
        databases = [monitor.status for monitor in self._selected(database)]
        return HealthReport(endpoint=endpoint, checks=checks, databases=databases, explained=explained)


def _decides(status: DatabaseStatus, database: str | None) -> bool:
    """Whether a failure of this database fails the endpoint: it is required, or it was asked for by name."""
    return status.required or database is not None


def _check(name: str, failure: str) -> Check:
    return Check(name, Status.FAIL, failure) if failure else Check(name, Status.PASS, "ok")


def _latch_check(status: DatabaseStatus) -> Check:
    name = f"{status.name}/latch"
    if status.pooled.last_success is not None:
        return Check(name, Status.PASS, "has answered")
    if status.verdict is Verdict.MISCONFIGURED:  # the exporter's own fault keeps no pod out of service
        return Check(name, Status.PASS, "cannot be asked: misconfigured")
    return Check(name, Status.FAIL, "has not answered yet")


def _probe_check(status: DatabaseStatus, path: ProbePath, result: ProbeResult, *, required: bool) -> Check:
    outcome = Status.PASS if result.passed else Status.FAIL if required else Status.WARN
    detail = f": {result.detail}" if result.detail else ""
    return Check(f"{status.name}/{path}", outcome, f"{result.outcome}{detail}", result.seconds)


def _other_paths(status: DatabaseStatus) -> Iterator[Check]:
    """Yield the latest results of the fresh and the write path: shown, never decisive."""
    for path, found in status.paths.items():
        if path is not ProbePath.POOLED and found.latest is not None:
            yield _probe_check(status, path, found.latest, required=False)
