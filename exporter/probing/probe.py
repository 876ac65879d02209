"""One probe path: a shared run, its one deadline, and what is left of a run after it."""

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

TEAR_DOWN = 1.0  # seconds that an aborted run may take to unwind; it needs none, so this only bounds a defect


@dataclass(slots=True, eq=False)
class Run:
    """One question under way; `settled` holds its outcome, seconds and detail."""

    started_at: float
    clock: Callable[[], float]
    settled: asyncio.Future[tuple[Outcome, float, str]]
    attempt: ConnectAttempt = field(default_factory=ConnectAttempt)
    reason: Reason | None = None

    def answer(self, found: Outcome, detail: str = "", reason: Reason | None = None) -> None:
        """Settle the run; the first answer counts."""
        if not self.settled.done():
            self.reason = reason
            self.settled.set_result((found, self.clock() - self.started_at, detail))


class Check(Protocol):
    """Asks the database once; calls `run.answer` as soon as it knows, and may then take time to tear down."""

    async def __call__(self, run: Run, /) -> None:
        """Ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a probe may take, in seconds.

    `grace` is how long an unfinished run is kept after its deadline. An answer that comes late tells a slow
    server from a dead one, and a connection that answered late is still a good one.
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
        """Keep the parts; nothing runs before the first question."""
        self.latest: ProbeResult | None = None
        self.answered_late = False
        self.abandoned = 0
        self._check = check
        self._limits = limits
        self._clock = clock
        self._wall_clock = wall_clock
        self._on_result, self._on_settled = on_result, on_settled
        self._reading: asyncio.Task[ProbeResult] | None = None
        self._run: Run | None = None
        self._task: asyncio.Task[None] | None = None

    def current(self, max_age: float) -> ProbeResult | None:
        """Return the latest reading if it is at most `max_age` seconds old."""
        if self.latest is not None and self._clock() - self.latest.taken_at <= max_age:
            return self.latest
        return None

    async def read(self, *, max_age: float = 0.0) -> ProbeResult:
        """Return a reading at most `max_age` seconds old, or join the probe under way, or start one.

        Answers within the deadline, whatever the database, the network or the resolver do.
        """
        kept = self.current(max_age)
        if kept is not None:
            return kept
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="probe-reading")
            self._reading.add_done_callback(self._forget)
        return await asyncio.shield(self._reading)

    async def settle(self) -> None:
        """Wait until nothing of the last run is left."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def close(self) -> None:
        """End what is under way, at once."""
        tasks = {task for task in (self._reading, self._task) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=TEAR_DOWN)

    def _forget(self, _: object) -> None:
        self._reading = None

    async def _read(self) -> ProbeResult:
        asked_at = self._clock()
        deadline = asked_at + self._limits.timeout
        answered, reason = False, None
        if self._run is None or await self._ended(deadline):
            self._run = self._start()
            await asyncio.wait({self._run.settled}, timeout=max(0.0, deadline - self._clock()))
            answered = self._run.settled.done()
        if answered:
            found, seconds, detail = self._run.settled.result()
            reason = self._run.reason
        else:
            seconds = self._clock() - asked_at
            found, detail = _overdue(self._run.attempt, self._limits.timeout)
        return self._take(ProbeResult(found, seconds, self._clock(), self._wall_clock(), detail, reason))

    async def _ended(self, deadline: float) -> bool:
        """Whether the former run is over: while it lasts no other is started, so that no server is piled up on."""
        if self._task is None or self._task.done():
            return True
        done, _ = await asyncio.wait({self._task}, timeout=max(0.0, deadline - self._clock()))
        return bool(done)

    def _start(self) -> Run:
        run = Run(self._clock(), self._clock, asyncio.get_running_loop().create_future())
        self._task = asyncio.create_task(self._supervise(run), name="probe-run")
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
                    await asyncio.wait({check}, timeout=TEAR_DOWN)
        self.answered_late = _late(run, self._limits.timeout)
        self._on_settled()

    def _take(self, result: ProbeResult) -> ProbeResult:
        self.latest = result
        self._on_result(result)
        return result


def _overdue(attempt: ConnectAttempt, timeout: float) -> tuple[Outcome, str]:
    """Name what a run that has not settled met: a failed connect if there was one, else what it is waiting for."""
    if attempt.connect_error is not None:
        return classify(attempt.connect_error, attempt), describe(attempt.connect_error)
    return classify_timeout(attempt), f"no answer within {timeout:g} s"


def _late(run: Run, timeout: float) -> bool:
    if not run.settled.done():
        return False
    found, seconds, _ = run.settled.result()
    return found is Outcome.SUCCESS and seconds > timeout
