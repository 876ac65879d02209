"""The log of one database's health: a line for each change of an outcome or a verdict, none for a repetition."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from exporter.diagnosis.advice import advise_on
from exporter.diagnosis.verdict import Verdict
from exporter.model.outcome import Outcome

if TYPE_CHECKING:
    from exporter.model.result import ProbePath, ProbeResult

log = logging.getLogger(__name__)


class Changes:
    """Remembers what was last told of a database, and logs what differs."""

    def __init__(self, database: str) -> None:
        """Start from nothing told: a first success is no news."""
        self._database = database
        self._outcomes: dict[ProbePath, Outcome] = {}
        self._verdict = Verdict.UNKNOWN

    def reading(self, path: ProbePath, reading: ProbeResult) -> bool:
        """Log a reading if its outcome is another than the path's last one; return whether it is."""
        former = self._outcomes.get(path, Outcome.SUCCESS)
        self._outcomes[path] = reading.outcome
        if reading.outcome is former:
            return False
        extra = {"database": self._database, "path": path.value, "outcome": reading.outcome.value}
        if reading.passed:
            log.info("%s: the %s probe passes again", self._database, path, extra=extra)
        else:
            words = (self._database, path, reading.outcome, reading.detail)
            log.error("%s: the %s probe fails: %s (%s)", *words, extra=extra)
        return True

    def verdict(self, verdict: Verdict, culprit: ProbeResult | None) -> None:
        """Log a verdict with its sentence and the next step, if it is a new one."""
        if verdict is self._verdict:
            return
        self._verdict = verdict
        found = advise_on(verdict, culprit)
        level = logging.INFO if verdict is Verdict.HEALTHY else logging.WARNING
        extra = {"database": self._database, "verdict": verdict.value}
        log.log(level, "%s: %s. %s %s", self._database, verdict, found.sentence, found.next_step, extra=extra)
