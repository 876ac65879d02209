"""What one application process counted in one pool since it started."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.model.pool import EMPTY, Histogram


@dataclass(frozen=True, slots=True)
class Totals:
    """What one worker counted since it started."""

    connects: int = 0
    timeouts: int = 0
    invalidations: int = 0
    wait: Histogram = EMPTY
    use: Histogram = EMPTY
    create: Histogram = EMPTY

    def __add__(self, other: Totals) -> Totals:
        """Add what another worker counted."""
        return Totals(
            self.connects + other.connects,
            self.timeouts + other.timeouts,
            self.invalidations + other.invalidations,
            self.wait + other.wait,
            self.use + other.use,
            self.create + other.create,
        )

    def __sub__(self, other: Totals) -> Totals:
        """What was counted since an earlier report."""
        return Totals(
            self.connects - other.connects,
            self.timeouts - other.timeouts,
            self.invalidations - other.invalidations,
            self.wait - other.wait,
            self.use - other.use,
            self.create - other.create,
        )

    def raised_to(self, other: Totals) -> Totals:
        """Take the larger of each value: a total never falls, whatever a peer sends."""
        return Totals(
            max(self.connects, other.connects),
            max(self.timeouts, other.timeouts),
            max(self.invalidations, other.invalidations),
            self.wait.raised_to(other.wait),
            self.use.raised_to(other.use),
            self.create.raised_to(other.create),
        )
