"""The status of one database: a frozen `DatabaseStatus`, made anew at every change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from exporter.app_pools.assessment import Assessment
from exporter.diagnosis.advice import Advice, advise_on, reason_of
from exporter.diagnosis.verdict import Facts, Verdict, diagnose
from exporter.model.result import ProbePath

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.database.server_stats import ServerStats
    from exporter.model.outcome import Outcome, Reason
    from exporter.model.result import ProbeResult

RECENT = 60  # results of each path that are kept for the page


@dataclass(frozen=True, slots=True)
class PathStatus:
    """The results of one path's probes; `recent` begins with the oldest."""

    latest: ProbeResult | None = None
    last_success: ProbeResult | None = None
    recent: tuple[ProbeResult, ...] = ()

    def add(self, result: ProbeResult) -> PathStatus:
        """Return the status with one more result."""
        last_success = result if result.passed else self.last_success
        return PathStatus(result, last_success, (*self.recent, result)[-RECENT:])


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """The status of one database. Times are monotonic seconds.

    Attributes:
        name: as in DATABASES, or the name of the only database.
        required: whether the whole is unhealthy without it.
        paths: the probe paths that are turned on.
        slow_after: seconds from which on a pooled probe that passes counts as slow.
        pooled_changed_at: when the outcome of the pooled path last changed; older failures of the other paths do
            not count.
        answered_late: the last pooled probe that timed out got its answer after the deadline.
        last_failure_at: when a probe of any path last failed.
        in_recovery: whether the server is a replica or recovering; None while it does not answer.
        server_stats: the server's connections and the pod's sessions; None while they are not known.
        assessment: of the application's pools.
        abandoned_connections: how many connections were dropped because a probe did not end; it only grows.
        failing: the result of the first path that fails.
        verdict: the diagnosis drawn from all of this.
        advice: the sentence and the next step that go with the verdict.
    """

    name: str
    required: bool = True
    paths: Mapping[ProbePath, PathStatus] = field(default_factory=lambda: {ProbePath.POOLED: PathStatus()})
    slow_after: float
    pooled_changed_at: float = 0.0
    answered_late: bool = False
    last_failure_at: float = 0.0
    in_recovery: bool | None = None
    server_stats: ServerStats | None = None
    assessment: Assessment = field(default_factory=Assessment)
    abandoned_connections: int = 0
    failing: ProbeResult | None = None
    verdict: Verdict = Verdict.UNKNOWN
    advice: Advice = field(default_factory=lambda: advise_on(Verdict.UNKNOWN, None))

    @property
    def pooled(self) -> PathStatus:
        """The path that decides `/healthz`; it is always turned on."""
        return self.paths[ProbePath.POOLED]

    @property
    def reason(self) -> Reason | None:
        """The verdict's reason, if it has one with a cure of its own."""
        return reason_of(self.verdict, self.failing)

    def diagnosed(self) -> DatabaseStatus:
        """Return this status with the verdict and the advice that follow from it."""
        failing = next((path.latest for path in self.paths.values() if path.latest and not path.latest.passed), None)
        verdict, pools = diagnose(self._facts()), self.assessment
        advice = advise_on(verdict, failing, one_of=pools.one_of, silent=[str(each) for each in pools.silent_workers])
        return replace(self, failing=failing, verdict=verdict, advice=advice)

    def _facts(self) -> Facts:
        pooled = self.pooled.latest
        return Facts(
            pooled=self._outcome(ProbePath.POOLED),
            fresh=self._outcome(ProbePath.FRESH, since=self.pooled_changed_at),
            write=self._outcome(ProbePath.WRITE, since=self.pooled_changed_at),
            slow=pooled is not None and pooled.seconds > self.slow_after,
            answered_late=self.answered_late,
            in_recovery=self.in_recovery,
            app_exhausted=self.assessment.exhausted,
            app_wedged=self.assessment.wedged,
        )

    def _outcome(self, path: ProbePath, *, since: float = 0.0) -> Outcome | None:
        """Return a path's latest outcome, unless it is a failure from before `since`."""
        latest = self.paths[path].latest if path in self.paths else None
        return None if latest is None or (latest.taken_at < since and not latest.passed) else latest.outcome


class Subscriber(Protocol):
    """Called with each new status at once."""

    def __call__(self, status: DatabaseStatus, path: ProbePath | None, /) -> None:
        """Handle a status; `path` is the one whose probe has just ended, None if something else has changed."""
