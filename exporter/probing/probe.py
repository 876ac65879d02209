"""One probe path: a run that all callers share, its deadline, and the abort of a run that does not end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from exporter.database.attempt import ConnectAttempt, track
from exporter.database.errors import classify, classify_timeout, describe
from exporter.model.outcome import Outcome, Reason
from exporter.model.result import ProbeResult

if TYPE_CHECKING:
    from collections.abc import Callable

ABORT_TIMEOUT = 1.0  # seconds for an aborted run to unwind; it needs none, so this only bounds a defect


@dataclass(slots=True, eq=False)
class Run:
    """One run of a check; `settled` holds its outcome, seconds and detail."""

    started_at: float
    clock: Callable[[], float]
    settled: asyncio.Future[tuple[Outcome, float, str]]
    attempt: ConnectAttempt = field(default_factory=ConnectAttempt)
    reason: Reason | None = None

    def answer(self, outcome: Outcome, detail: str = "", reason: Reason | None = None) -> None:
        """Settle the run; only the first answer counts."""
        if not self.settled.done():
            self.reason = reason
            self.settled.set_result((outcome, self.clock() - self.started_at, detail))


class Check(Protocol):
    """Queries the database once; calls `run.answer` as soon as the result is known, and may take longer to clean up."""

    async def __call__(self, run: Run, /) -> None:
        """Check the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a probe may take, in seconds.

    An unfinished run is aborted `grace` seconds after its deadline: a late answer tells a slow server from a dead one,
    and a connection that answers late is still good.
    """

    timeout: float = 0.8
    grace: float = 1.6


class Probe:
    """Runs a check at most once at a time, shares the result, and never waits beyond the deadline."""

    def __init__(
        self,
        check: Check,
        *,
        limits: Limits,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        on_result: Callable[[ProbeResult], None],
        on_settled: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing runs before the first `read`.

        Args:
            check: queries the database.
            limits: how long a run may take.
            clock: monotonic seconds.
            wall_clock: seconds since the epoch, for export.
            on_result: called with each result, before any caller of `read` gets it.
            on_settled: called when nothing of a run is left; `answered_late` and `abandoned` may have changed.
        """
        self.latest: ProbeResult | None = None
        self.answered_late = False
        self.abandoned = 0
        self._check = check
        self._limits = limits
        self._clock = clock
        self._wall_clock = wall_clock
        self._on_result, self._on_settled = on_result, on_settled
        self._shared: asyncio.Task[ProbeResult] | None = None  # the probe that callers join; ends with its result
        self._run: Run | None = None  # the check, which may outlive that result by the grace
        self._run_task: asyncio.Task[None] | None = None

    def cached(self, max_age: float) -> ProbeResult | None:
        """Return the latest result if it is at most `max_age` seconds old."""
        if self.latest is not None and self._clock() - self.latest.taken_at <= max_age:
            return self.latest
        return None

    async def read(self, *, max_age: float = 0.0) -> ProbeResult:
        """Return a result at most `max_age` seconds old: the latest, or that of the run under way or of a new one.

        Returns within the deadline, whatever the database, the network or the resolver do.
        """
        cached = self.cached(max_age)
        if cached is not None:
            return cached
        if self._shared is None:
            self._shared = asyncio.create_task(self._read(), name="probe-result")
            self._shared.add_done_callback(self._forget)
        return await asyncio.shield(self._shared)

    async def settle(self) -> None:
        """Wait until nothing of the last run is left."""
        if self._run_task is not None:
            await asyncio.wait({self._run_task})

    async def close(self) -> None:
        """End the run under way at once."""
        tasks = {task for task in (self._shared, self._run_task) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=ABORT_TIMEOUT)

    def _forget(self, _: object) -> None:
        self._shared = None

    async def _read(self) -> ProbeResult:
        began = self._clock()
        deadline = began + self._limits.timeout
        answered, reason = False, None
        if self._run is None or await self._has_ended(deadline):
            self._run = self._start()
            await asyncio.wait({self._run.settled}, timeout=max(0.0, deadline - self._clock()))
            answered = self._run.settled.done()
        if answered:
            outcome, seconds, detail = self._run.settled.result()
            reason = self._run.reason
        else:
            seconds = self._clock() - began
            outcome, detail = _overdue(self._run.attempt, self._limits.timeout)
        return self._take(ProbeResult(outcome, seconds, self._clock(), self._wall_clock(), detail, reason))

    async def _has_ended(self, deadline: float) -> bool:
        """Whether the former run is over by the deadline; a second run would only add load to a slow server."""
        if self._run_task is None or self._run_task.done():
            return True
        done, _ = await asyncio.wait({self._run_task}, timeout=max(0.0, deadline - self._clock()))
        return bool(done)

    def _start(self) -> Run:
        run = Run(self._clock(), self._clock, asyncio.get_running_loop().create_future())
        self._run_task = asyncio.create_task(self._supervise(run), name="probe-run")
        return run

    async def _supervise(self, run: Run) -> None:
        run.attempt.time_limit = self._limits.timeout
        track(run.attempt)
        check = asyncio.create_task(self._check(run), name="probe-check")
        try:
            await asyncio.wait({check}, timeout=self._limits.timeout + self._limits.grace)
        finally:
            if not check.done():
                self.abandoned += 1
                with run.attempt.aborting():  # cancelling alone would wait for a server that does not answer
                    check.cancel()
                    await asyncio.wait({check}, timeout=ABORT_TIMEOUT)
        self.answered_late = _is_late(run, self._limits.timeout)
        self._on_settled()

    def _take(self, result: ProbeResult) -> ProbeResult:
        self.latest = result
        self._on_result(result)
        return result


def _overdue(attempt: ConnectAttempt, timeout: float) -> tuple[Outcome, str]:
    """Return the outcome of a run that has not settled: of a failed connect if there was one, else of its phase."""
    if attempt.connect_error is not None:
        return classify(attempt.connect_error, attempt), describe(attempt.connect_error)
    return classify_timeout(attempt), f"no answer within {timeout:g} s"


def _is_late(run: Run, timeout: float) -> bool:
    if not run.settled.done():
        return False
    outcome, seconds, _ = run.settled.result()
    return outcome is Outcome.SUCCESS and seconds > timeout
