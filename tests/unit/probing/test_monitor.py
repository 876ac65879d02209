"""A monitor: each change makes one status, which every subscriber gets."""

import time
from collections.abc import AsyncIterator

import pytest

from exporter.app_pools.assessment import Assessment
from exporter.database.engine import PoolOptions
from exporter.diagnosis.verdict import Verdict
from exporter.dsn import Source
from exporter.model.outcome import Outcome
from exporter.model.result import ProbePath
from exporter.probing.config import MonitorConfig
from exporter.probing.monitor import Monitor
from exporter.probing.probe import Limits
from exporter.probing.status import DatabaseStatus
from tests.support.ports import free_port

Pushed = list[tuple[DatabaseStatus, ProbePath | None]]


@pytest.fixture
async def monitor() -> AsyncIterator[Monitor]:
    """A monitor of a port without a listener; its loops are not started."""
    source = Source(url=f"postgresql://app@127.0.0.1:{free_port()}/app")
    config = MonitorConfig(name="app", source=source, pool=PoolOptions(), limits=Limits())
    made = Monitor(config, clock=time.monotonic, wall_clock=time.time)
    yield made
    await made.close()


@pytest.fixture
def pushed(monitor: Monitor) -> Pushed:
    """The statuses that a subscriber has received so far."""
    found: Pushed = []
    monitor.subscribe(lambda status, path: found.append((status, path)))
    return found


def test_first_status_knows_nothing(monitor: Monitor) -> None:
    """The first status has every path that is turned on, without results."""
    assert monitor.status.verdict is Verdict.UNKNOWN
    assert set(monitor.status.paths) == {ProbePath.POOLED, ProbePath.FRESH}
    assert monitor.latest(max_age=60) is None


async def test_probe_makes_one_status(monitor: Monitor, pushed: Pushed) -> None:
    """The result, the verdict and the time of the failure are in the status that is pushed."""
    result = await monitor.check(max_age=0)

    assert result.outcome is Outcome.REFUSED
    assert [(status is monitor.status, path) for status, path in pushed] == [(True, ProbePath.POOLED)]
    status = monitor.status
    assert (status.pooled.latest, status.failing, status.verdict) == (result, result, Verdict.DATABASE_DOWN)
    assert status.last_failure_at == status.pooled_changed_at == result.taken_at
    assert monitor.latest(max_age=60) is result


async def test_recent_result_makes_no_status(monitor: Monitor, pushed: Pushed) -> None:
    """A caller that takes the latest result changes nothing."""
    await monitor.check(max_age=0)
    await monitor.check(max_age=60)

    assert len(pushed) == 1


def test_assessment_makes_a_status_once(monitor: Monitor, pushed: Pushed) -> None:
    """The same assessment again is no change."""
    monitor.update(Assessment(exhausted=True))
    monitor.update(Assessment(exhausted=True))

    assert [(status.assessment.exhausted, path) for status, path in pushed] == [(True, None)]


async def test_failure_ends_a_wedged_pool(monitor: Monitor) -> None:
    """During an outage no connection can come back: wedged holds again only by a later assessment."""
    monitor.update(Assessment(wedged=True))
    await monitor.check(max_age=0)
    during = monitor.status.assessment.wedged
    monitor.update(Assessment(wedged=True))

    assert not during
    assert monitor.status.assessment.wedged
