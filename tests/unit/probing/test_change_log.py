"""The change log: a line for each new outcome and each new verdict, and none for a repetition."""

import logging
from collections.abc import Iterable

import pytest

from exporter.app_pools.assessment import Assessment
from exporter.model.outcome import Outcome
from exporter.model.result import ProbePath, ProbeResult
from exporter.probing.change_log import ChangeLog
from exporter.probing.status import DatabaseStatus, PathStatus

POOLED = ProbePath.POOLED


def status(outcome: Outcome, assessment: Assessment | None = None) -> DatabaseStatus:
    """The status after a pooled probe."""
    path = PathStatus().add(ProbeResult(outcome, 0.001, 100.0, 1e9, "in words"))
    found = DatabaseStatus(name="app", slow_after=0.4, paths={POOLED: path}, assessment=assessment or Assessment())
    return found.diagnosed()


def logged(caplog: pytest.LogCaptureFixture, statuses: Iterable[tuple[DatabaseStatus, ProbePath | None]]) -> list[str]:
    """The lines logged for these statuses."""
    change_log = ChangeLog()
    with caplog.at_level(logging.INFO):
        for each, path in statuses:
            change_log(each, path)
    return [f"{record.levelname} {record.getMessage()}" for record in caplog.records]


def test_first_success_is_only_a_verdict(caplog: pytest.LogCaptureFixture) -> None:
    """A success without a failure before it is no recovery."""
    lines = logged(caplog, [(status(Outcome.SUCCESS), POOLED)] * 3)

    assert lines == ["INFO app: healthy. The database answers and nothing is in the way. Nothing to do."]


def test_outcome_and_verdict_are_logged_once_each(caplog: pytest.LogCaptureFixture) -> None:
    """A failure, another outcome and the recovery are logged; a repetition is not."""
    outcomes = (Outcome.REFUSED, Outcome.REFUSED, Outcome.DNS, Outcome.SUCCESS)
    lines = logged(caplog, [(status(outcome), POOLED) for outcome in outcomes])

    assert [line.split(". ")[0] for line in lines] == [
        "ERROR app: the pooled probe fails: refused (in words)",
        "WARNING app: database_down",
        "ERROR app: the pooled probe fails: dns (in words)",
        "INFO app: the pooled probe passes again",
        "INFO app: healthy",
    ]


def test_verdict_changes_without_a_probe(caplog: pytest.LogCaptureFixture) -> None:
    """An application's pool changes the verdict between two probes: no outcome is logged for it."""
    wedged = status(Outcome.SUCCESS, Assessment(wedged=True))
    lines = logged(caplog, [(status(Outcome.SUCCESS), POOLED), (wedged, None), (wedged, None)])

    assert [line.split(". ")[0] for line in lines] == ["INFO app: healthy", "WARNING app: app_pool_wedged"]
