"""What each health endpoint answers: decides pass, warn or fail; holds no HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.diagnosis.verdict import Verdict
from exporter.model.readiness import Readiness
from exporter.model.result import ProbePath
from exporter.web.health_report import Check, HealthReport, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.app_pools.registry import AppPools
    from exporter.model.result import ProbeResult
    from exporter.probing.monitor import Monitor
    from exporter.runtime.loop_monitor import LoopMonitor


class HealthService:
    """Makes the report of each health endpoint."""

    def __init__(
        self,
        watches: Mapping[str, Monitor],
        *,
        loop_monitor: LoopMonitor,
        app_pools: AppPools | None,
        max_age: float,
        readiness: Readiness,
    ) -> None:
        """Keep the parts; `max_age` in seconds."""
        self.watches = watches
        self.app_pools = app_pools
        self.shutting_down = False
        self._loop_monitor = loop_monitor
        self._max_age = max_age
        self._readiness = readiness

    async def healthz(self, database: str | None = None) -> HealthReport:
        """Report the pooled probe of every required database, or of the one that is named."""
        readings = await self._read(database)
        checks = [self._check(name, reading, decides=database is not None) for name, reading in readings.items()]
        return self._report("healthz", [*checks, *self._others(database)], database, notes=self._notes(database))

    def cached_healthz(self, database: str | None = None) -> bool | None:
        """Return whether `/healthz` passes if the latest results are recent enough, else None; asks no database."""
        found = True
        for watch in self._selected(database).values():
            last = watch.latest(max_age=self._max_age)
            if last is None:
                return None
            found = found and (last.passed or not (watch.status.required or database))
        return found

    async def readyz(self, database: str | None = None) -> HealthReport:
        """Report readiness: `off`, `latch` or `gate`; never ready while shutting down."""
        if self.shutting_down:
            return self._report("readyz", [Check("shutdown", Status.FAIL, "the process is shutting down")], database)
        if self._readiness is Readiness.GATE:
            report = await self.healthz(database)
            return replace(report, endpoint="readyz")
        if self._readiness is Readiness.OFF:
            return self._report("readyz", [Check("serving", Status.PASS, "ok")], database)
        checks = []
        for name, watch in self._selected(database).items():
            if watch.status.required or database:
                answered = watch.status.pooled.last_success is not None
                output = "has answered" if answered else "has not answered yet"
                checks.append(Check(f"{name}/latch", Status.PASS if answered else Status.FAIL, output))
        return self._report("readyz", checks, database)

    def livez(self, database: str | None = None) -> HealthReport:
        """Report the process itself: its event loop and its probe loops; never the database."""
        stalled = self._loop_monitor.stalled()
        checks = [Check("event-loop", Status.FAIL if stalled else Status.PASS, "stood still" if stalled else "ok")]
        for name, watch in self._selected(database).items():
            late = watch.stalled_loop()
            output = f"the {late} loop makes no progress" if late else "ok"
            checks.append(Check(f"{name}/probe-loop", Status.FAIL if late else Status.PASS, output))
        return self._report("livez", checks, database)

    def app_livez(self, database: str | None = None) -> HealthReport:
        """Report the application: fails only while a restart would cure it."""
        checks = []
        for name, watch in self._selected(database).items():
            verdict = watch.status.verdict
            if verdict is Verdict.APP_POOL_WEDGED:
                checks.append(Check(f"{name}/app-pool", Status.FAIL, verdict))
            else:
                checks.append(Check(f"{name}/app-pool", Status.PASS, "ok"))
        return self._report("app/livez", checks, database, notes=self._notes(database))

    def _report(
        self, endpoint: str, checks: Sequence[Check], database: str | None, *, notes: Sequence[str] = ()
    ) -> HealthReport:
        """Add the diagnosis of each database that was asked for."""
        return HealthReport(endpoint, checks, notes, {name: self._diagnosis(name) for name in self._selected(database)})

    def _diagnosis(self, name: str) -> dict[str, object]:
        """Return the verdict in fields, for programs."""
        status = self.watches[name].status
        found: dict[str, object] = {
            "verdict": status.verdict,
            "reason": status.reason,
            "advice": status.advice.sentence,
            "next_step": status.advice.next_step,
        }
        oldest = status.assessment.oldest_checkout
        if oldest is not None and oldest.location is not None:
            found["oldest_checkout"] = {
                "pool": oldest.pool,
                "worker": oldest.worker,
                "location": oldest.location,
                "seconds": oldest.seconds,
                "doing": oldest.doing,
            }
        return found

    def _selected(self, database: str | None) -> Mapping[str, Monitor]:
        return self.watches if database is None else {database: self.watches[database]}

    async def _read(self, database: str | None) -> dict[str, ProbeResult]:
        selected = self._selected(database)
        readings = await asyncio.gather(
            *(watch.check(max_age=self._max_age) for watch in selected.values()),
        )
        return dict(zip(selected, readings, strict=True))

    def _check(self, name: str, reading: ProbeResult, *, decides: bool) -> Check:
        status = Status.PASS
        if not reading.passed:
            status = Status.FAIL if decides or self.watches[name].status.required else Status.WARN
        detail = f": {reading.detail}" if reading.detail else ""
        return Check(f"{name}/pooled", status, f"{reading.outcome}{detail}", reading.seconds)

    def _others(self, database: str | None) -> list[Check]:
        """Return the latest results of the other paths: shown, never decisive."""
        checks = []
        for name, watch in self._selected(database).items():
            for path, found in watch.status.paths.items():
                latest = found.latest
                if path is not ProbePath.POOLED and latest is not None:
                    status = Status.PASS if latest.passed else Status.WARN
                    detail = f": {latest.detail}" if latest.detail else ""
                    checks.append(Check(f"{name}/{path}", status, f"{latest.outcome}{detail}", latest.seconds))
        return checks

    def _notes(self, database: str | None) -> list[str]:
        notes = []
        for name, watch in self._selected(database).items():
            status = watch.status
            notes.append(f"verdict {name}: {status.verdict}. {status.advice.sentence} {status.advice.next_step}")
            oldest = status.assessment.oldest_checkout
            if oldest is not None and oldest.location is not None:
                notes.append(
                    f"oldest checkout {name}: pool {oldest.pool}, worker {oldest.worker},"
                    f" at {oldest.location}, out for {oldest.seconds or 0:.0f} s"
                    f"; now: {oldest.doing or 'not known'}",
                )
        return notes
