"""The lines of `check --explain`: one for each stage, as it ends, with advice where it fails."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, TypeVar

from exporter.database.attempt import ConnectAttempt, Phase, track
from exporter.database.errors import classify, classify_timeout, describe, find_reason
from exporter.database.stages import Stage, StageWarning
from exporter.diagnosis.advice import advise
from exporter.diagnosis.verdict import Facts, diagnose
from exporter.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

STAGE_TIMEOUT = 5.0  # seconds: longer than a probe waits, to tell slow from dead
ABORT_TIMEOUT = 1.0  # seconds for an aborted stage to unwind


class StageError(Exception):
    """A stage failed, and its line is printed."""


class StageReport:
    """Runs the stages of one database and prints a line for each."""

    def __init__(self, *, tls_required: bool) -> None:
        """Start without a line; `tls_required` is whether the URL insists on TLS."""
        self.seconds = 0.0
        self._tls_required = tls_required
        self._printed: list[Stage] = []

    async def run(
        self,
        stage: Stage,
        work: Coroutine[object, object, T],
        describe_result: Callable[[T], str] | None = None,
        *,
        phase: Phase,
    ) -> T:
        """Run one stage within its time-out and print its line.

        Args:
            stage: which one; its name begins the line.
            work: what it does; its result is the text of the line, unless `describe_result` makes one of it.
            describe_result: returns the text of the line.
            phase: decides what a time-out means.

        Raises:
            StageError: it failed; why, and what to try, is printed.
        """
        self._printed.append(stage)
        attempt = ConnectAttempt(phase, tls_required=self._tls_required)
        began = time.monotonic()
        try:
            result = await _run_stage(work, attempt)
        except Exception as error:
            self._fail(stage, self._add_time(began), error, attempt)
            raise StageError from error
        text = describe_result(result) if describe_result else result
        print_stage("!" if isinstance(text, StageWarning) else "+", stage, self._add_time(began), f"{text}")
        return result

    def skip(self, stage: Stage, reason: str) -> None:
        """Print that a stage was not asked for."""
        self._printed.append(stage)
        print_stage(" ", stage, None, reason)

    def finish(self) -> None:
        """Print the stages that were not reached."""
        for stage in Stage:
            if stage not in self._printed:
                print_stage(" ", stage, None, "not reached")

    def _add_time(self, began: float) -> float:
        seconds = time.monotonic() - began
        self.seconds += seconds
        return seconds

    def _fail(self, stage: Stage, seconds: float, error: Exception, attempt: ConnectAttempt) -> None:
        late = isinstance(error, TimeoutError) and error.errno is None
        outcome = classify_timeout(attempt) if late else classify(error, attempt)
        if stage is Stage.WRITE:  # every stage of a probe has passed
            facts = Facts(pooled=Outcome.SUCCESS, write=outcome)
        else:
            facts = Facts(pooled=outcome, fresh=outcome)
        advice = advise(diagnose(facts), outcome, find_reason(error, attempt), describe(error))
        print_stage("-", stage, seconds, f"no answer within {STAGE_TIMEOUT:g} s" if late else describe(error))
        print_line(f"      why: {advice.sentence} ({outcome})")
        print_line(f"      try: {advice.next_step}")


async def _run_stage(work: Coroutine[object, object, T], attempt: ConnectAttempt) -> T:
    """Wait for a stage; abort the connection of one that does not end, as a graceful close would wait."""
    track(attempt)
    task = asyncio.create_task(work, name="explain-stage")
    try:
        done, _ = await asyncio.wait({task}, timeout=STAGE_TIMEOUT)
    finally:
        if not task.done():
            with attempt.aborting():
                task.cancel()
                await asyncio.wait({task}, timeout=ABORT_TIMEOUT)
    if not done:
        raise TimeoutError
    return task.result()


def print_stage(sign: str, stage: str, seconds: float | None, text: str) -> None:
    """Print the line of a stage; `sign` is + passed, ! passed with a warning, - failed, or a space."""
    took = "" if seconds is None else f"{seconds * 1000:.1f} ms"
    print_line(f"  [{sign}] {stage:<16}{took:>10}  {text}".rstrip())


def print_line(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201 - a command's answer
