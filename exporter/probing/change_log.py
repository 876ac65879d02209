"""The log of one database: a line for each change of an outcome, a verdict or its address, none for a repetition."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from exporter.diagnosis.verdict import Verdict
from exporter.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.model.result import ProbePath, ProbeResult
    from exporter.probing.status import DatabaseStatus

log = logging.getLogger(__name__)

MAX_NOTES = 64  # sentences of one database


class ChangeLog:
    """Subscribes to a monitor and logs what differs from the status before."""

    def __init__(self) -> None:
        """Start as if every path had passed: a first success is not logged."""
        self._outcomes: dict[ProbePath, Outcome] = {}
        self._verdict = Verdict.UNKNOWN

    def __call__(self, status: DatabaseStatus, path: ProbePath | None) -> None:
        """Log the outcome of the probe that has ended and the verdict, where they are new."""
        result = status.paths[path].latest if path is not None else None
        if path is not None and result is not None:
            self._log_outcome(status.name, path, result)
        if status.verdict is not self._verdict:
            self._verdict = status.verdict
            _log_verdict(status)

    def _log_outcome(self, database: str, path: ProbePath, result: ProbeResult) -> None:
        former = self._outcomes.get(path, Outcome.SUCCESS)
        self._outcomes[path] = result.outcome
        if result.outcome is former:
            return
        extra = {"database": database, "path": path.value, "outcome": result.outcome.value}
        if result.passed:
            log.info("%s: the %s probe passes again", database, path, extra=extra)
        else:
            log.error("%s: the %s probe fails: %s (%s)", database, path, result.outcome, result.detail, extra=extra)


class NoteLog:
    """Logs each sentence once about what is left out of an address or replaced, when a file has changed."""

    def __init__(self, known: Iterable[str]) -> None:
        """Start with the sentences that the log has already, from the start."""
        self._known = set(known)

    def __call__(self, notes: Iterable[str]) -> None:
        """Log the sentences that are new, up to a bound: an address that changes for ever fills no memory."""
        for note in notes:
            if note not in self._known and len(self._known) < MAX_NOTES:
                self._known.add(note)
                log.warning("%s", note)


def _log_verdict(status: DatabaseStatus) -> None:
    level = logging.INFO if status.verdict is Verdict.HEALTHY else logging.WARNING
    extra = {"database": status.name, "verdict": status.verdict.value}
    words = (status.name, status.verdict, status.advice.sentence, status.advice.next_step)
    log.log(level, "%s: %s. %s %s", *words, extra=extra)
