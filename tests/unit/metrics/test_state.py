"""How the state of a database is exported."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from exporter.metrics.state import StateCollector
from exporter.model.outcome import Outcome, Reason
from exporter.model.result import ProbePath, ProbeResult
from exporter.probing.status import DatabaseStatus, PathStatus


def reasons(outcome: Outcome, reason: Reason | None) -> dict[str, float]:
    """Every series of `dbhealth_verdict_reason` after a pooled probe."""
    result = replace(ProbeResult(outcome, 0.001, 100.0, 1e9), reason=reason)
    status = DatabaseStatus(name="app", slow_after=0.4, paths={ProbePath.POOLED: PathStatus().add(result)}).diagnosed()
    monitors: Any = {"app": SimpleNamespace(status=status)}
    collector = StateCollector(monitors, app_pools=None, tasks=lambda: 1, lag=lambda: 0.0)
    (family,) = (each for each in collector._health() if each.name == "dbhealth_verdict_reason")
    assert {sample.labels["database"] for sample in family.samples} == {"app"}
    return {sample.labels["reason"]: sample.value for sample in family.samples}


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.TOO_MANY_CONNECTIONS, Reason.LIMIT_ROLE),
        (Outcome.TOO_MANY_CONNECTIONS, Reason.LIMIT_DATABASE),
        (Outcome.TOO_MANY_CONNECTIONS, Reason.LIMIT_SERVER),
        (Outcome.AUTH, Reason.NO_TLS),
        (Outcome.MISCONFIGURED, Reason.SETTING),
        (Outcome.PROTOCOL, Reason.POOLER),
    ],
)
def test_verdict_reason_is_1(outcome: Outcome, reason: Reason) -> None:
    """The reason that holds is 1, and every other one 0."""
    assert reasons(outcome, reason) == {each.value: float(each is reason) for each in Reason}


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [(Outcome.SUCCESS, None), (Outcome.REFUSED, None), (Outcome.REFUSED, Reason.NO_TLS)],
)
def test_every_reason_is_0_without_one(outcome: Outcome, reason: Reason | None) -> None:
    """Where the verdict has none, every reason is 0."""
    assert set(reasons(outcome, reason).values()) == {0.0}
