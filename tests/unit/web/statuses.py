"""Statuses of databases, for tests of answers and the page."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.app_pools.assessment import Assessment, Checkout
from exporter.model.outcome import Outcome, Reason
from exporter.model.result import ProbePath, ProbeResult
from exporter.probing.status import DatabaseStatus, PathStatus

NOW = 1000.0
WEDGED = Assessment(
    wedged=True,
    oldest_checkout=Checkout(
        pool="orders",
        worker="1",
        location="shop/views.py:41 in checkout",
        doing="shop/views.py:44 in checkout",
        seconds=62.5,
    ),
)
LEAKS = (
    Checkout(pool="orders", worker="1", location="shop/export.py:8 in export", doing=None, seconds=75.0),
    Checkout(
        pool="orders", worker="2", location="shop/views.py:9 in cart", doing="shop/views.py:10 in cart", seconds=31.0
    ),
)
LEAKING = Assessment(oldest_checkout=LEAKS[0], leaks=LEAKS)


def path_status(outcome: Outcome | None, detail: str = "", reason: Reason | None = None) -> PathStatus:
    """Return the status of a path with sixty equal results, the last three seconds ago, or with none."""
    if outcome is None:
        return PathStatus()
    latest = ProbeResult(outcome, 0.123456, NOW - 3, 0.0, detail, reason)
    return PathStatus(latest, latest if latest.passed else None, (latest,) * 60)


def make_status(
    name: str = "app",
    *,
    pooled: Outcome | None = Outcome.SUCCESS,
    fresh: Outcome | None = Outcome.SUCCESS,
    reason: Reason | None = None,
    required: bool = True,
    assessment: Assessment | None = None,
) -> DatabaseStatus:
    """Return the status for these outcomes; `reason` belongs to the fresh one."""
    return DatabaseStatus(
        name=name,
        slow_after=0.4,
        required=required,
        paths={ProbePath.POOLED: path_status(pooled), ProbePath.FRESH: path_status(fresh, reason=reason)},
        assessment=assessment or Assessment(),
    ).diagnosed()


@dataclass
class StubMonitor:
    """A monitor with a fixed status, which counts the requested probes."""

    status: DatabaseStatus
    stalled: str = ""
    checks: int = 0

    async def check(self, *, max_age: float) -> ProbeResult:
        """Return the latest result, as if it had just been taken."""
        self.checks += 1
        found = self.latest(max_age=max_age)
        assert found is not None
        return found

    def latest(self, *, max_age: float) -> ProbeResult | None:  # noqa: ARG002 - every result is recent enough
        """Return the latest result."""
        return self.status.pooled.latest

    def stalled_loop(self) -> str:
        """Name the loop that is stalled."""
        return self.stalled
