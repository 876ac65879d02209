"""A status: its verdict follows from what it holds, and it remembers what the page shows."""

from dataclasses import replace

import pytest

from exporter.app_pools.assessment import Assessment, WorkerPresence
from exporter.diagnosis.advice import advise
from exporter.diagnosis.verdict import Verdict
from exporter.model.outcome import Outcome, Reason
from exporter.model.result import ProbePath, ProbeResult
from exporter.probing.status import RECENT, DatabaseStatus, PathStatus


def result(outcome: Outcome = Outcome.SUCCESS, *, at: float = 100.0, seconds: float = 0.001) -> ProbeResult:
    """The result of a probe."""
    return ProbeResult(outcome, seconds, at, 1e9)


def status(**results: ProbeResult) -> DatabaseStatus:
    """A status with the latest result of each path."""
    paths = {ProbePath(path): PathStatus().add(each) for path, each in results.items()}
    return DatabaseStatus(name="app", slow_after=0.4, paths=paths).diagnosed()


def test_first_status_is_unknown() -> None:
    """Before the first result nothing is known, and nothing fails."""
    first = DatabaseStatus(name="app", slow_after=0.4)

    assert (first.verdict, first.reason, first.failing, first.pooled.latest) == (Verdict.UNKNOWN, None, None, None)
    assert first.diagnosed() == first


def test_path_keeps_latest_results_and_last_success() -> None:
    """The page gets the latest results, the oldest first; a failure leaves the last success."""
    path = PathStatus()
    for at in range(RECENT + 5):
        path = path.add(result(at=at))
    path = path.add(result(Outcome.DNS, at=1000))

    assert [each.taken_at for each in path.recent] == [*range(6, RECENT + 5), 1000]
    assert path.latest is path.recent[-1]
    assert path.last_success is path.recent[-2]


def test_failing_path_gives_reason_and_advice() -> None:
    """The first path that fails explains the verdict."""
    failed = replace(result(Outcome.MISCONFIGURED), reason=Reason.SETTING, detail="no such file")
    found = status(pooled=result(), fresh=failed, write=result(Outcome.DISK_FULL))

    assert found.failing is failed
    assert found.reason is Reason.SETTING
    assert found.advice == advise(found.verdict, Outcome.MISCONFIGURED, Reason.SETTING, "no such file")


def test_a_healthy_verdict_has_no_reason() -> None:
    """A failure that no longer counts explains nothing."""
    old = replace(result(Outcome.AUTH, at=99), reason=Reason.NO_TLS)
    found = status(pooled=result(at=100), fresh=old)

    assert found.reason is Reason.NO_TLS
    assert replace(found, pooled_changed_at=100).diagnosed().reason is None


def test_silent_workers_are_named() -> None:
    """The database is healthy, and the advice names the worker that is silent beside it."""
    silent = Assessment(silent_workers=(WorkerPresence("app", "orders", "1", silent=True),))
    found = replace(status(pooled=result()), assessment=silent).diagnosed()

    assert found.verdict is Verdict.HEALTHY
    assert "worker 1 of pool orders" in found.advice.sentence


def test_candidates_of_a_stuck_pool_are_named() -> None:
    """Where a stuck pool may belong to several databases, the advice names them."""
    wedged = Assessment(wedged=True, one_of=("primary", "replica"))

    assert "primary, replica" in replace(status(pooled=result()), assessment=wedged).diagnosed().advice.sentence


def test_probe_beyond_the_limit_is_slow() -> None:
    """A probe that passes after more than the limit is slow."""
    assert status(pooled=result(seconds=0.41)).verdict is Verdict.DATABASE_SLOW
    assert status(pooled=result(seconds=0.39)).verdict is Verdict.HEALTHY


@pytest.mark.parametrize("path", ["fresh", "write"])
def test_failure_before_pooled_change_does_not_count(path: str) -> None:
    """A failure from before the pooled path recovered no longer counts; a success still does."""
    found = status(pooled=result(at=100), **{path: result(Outcome.CONNECT_TIMEOUT, at=99)})

    assert found.verdict is not Verdict.HEALTHY
    assert replace(found, pooled_changed_at=100).diagnosed().verdict is Verdict.HEALTHY


def test_application_pools_are_blamed_only_while_the_database_is_fine() -> None:
    """The application's pools are blamed while the database is fine, and only then."""
    fine, down = status(pooled=result()), status(pooled=result(Outcome.REFUSED))
    wedged, exhausted = Assessment(wedged=True), Assessment(exhausted=True)

    assert replace(fine, assessment=wedged).diagnosed().verdict is Verdict.APP_POOL_WEDGED
    assert replace(fine, assessment=exhausted).diagnosed().verdict is Verdict.APP_POOL_EXHAUSTED
    assert replace(down, assessment=wedged).diagnosed().verdict is Verdict.DATABASE_DOWN
