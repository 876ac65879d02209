"""The result of one probe, and the three paths by which a database is probed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from exporter.model.outcome import Outcome, Reason


class ProbePath(StrEnum):
    """The three ways to probe a database; each alone misses some faults."""

    POOLED = "pooled"
    FRESH = "fresh"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The result of one probe. Times are monotonic seconds, but for `wall_time`, which is for export only."""

    outcome: Outcome
    seconds: float
    taken_at: float
    wall_time: float
    detail: str = ""
    reason: Reason | None = None

    @property
    def passed(self) -> bool:
        """Whether the database answered as it should."""
        return self.outcome is Outcome.SUCCESS
