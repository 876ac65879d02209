"""When pools and workers are exhausted, wedged, silent or replaced, and when they are not blamed."""

from typing import Any

import pytest

from exporter.app_pools.assessment import Assessment, Checkout
from exporter.app_pools.registry import AppPools
from tests.reporter.datagrams import datagram, full
from tests.support.clock import Clock


def found(pools: AppPools) -> tuple[bool, bool, int]:
    """Exhausted, wedged, and the number of silent workers."""
    assessment = pools.assess("main")
    return assessment.exhausted, assessment.wedged, len(assessment.silent_workers)


def stuck_for(pools: AppPools, clock: Clock, seconds: float, **fields: Any) -> None:
    """Report a pool that is full with requests waiting, again and again for so many seconds."""
    pools.receive(full(**fields))
    clock.now += seconds
    pools.receive(full(**{"since_checkin": seconds, **fields}))


@pytest.mark.parametrize(
    ("report", "later", "expected"),
    [
        (datagram(), 0, (False, False, 0)),
        (full(), 0, (False, False, 0)),
        (full(pending=0), 0, (False, False, 0)),
        (full(max=6), 0, (False, False, 0)),
        (full(since_checkin=0.0, stalled=10.0), 0, (False, False, 1)),
        (datagram(since_checkin=30.0, stalled=10.0), 0, (False, False, 1)),
        (full(), 5.9, (False, False, 0)),
        (full(), 6.1, (False, False, 1)),
        (full(), 16, (False, False, 1)),
        (full(), 30, (False, True, 1)),
        (full(pending=0), 30, (False, False, 1)),
        (full(pending=0, timeouts=1), 30, (False, True, 1)),
        (full(pending=0, stalled=3.0), 30, (False, True, 1)),
        (datagram(), 30, (False, False, 1)),
        (full(), 59, (False, True, 1)),
        (full(), 61, (False, False, 0)),
        (full(bye=True), 30, (False, False, 0)),
        (datagram(checked_out=0), 14, (False, False, 1)),
        (datagram(checked_out=0), 16, (False, False, 0)),
        (datagram(checked_out=0, stalled=3.0), 16, (False, False, 1)),
    ],
)
def test_silent_worker_is_wedged_only_if_it_was_stuck(
    pools: AppPools,
    clock: Clock,
    report: bytes,
    later: float,
    expected: tuple[bool, bool, int],
) -> None:
    """A silent worker is wedged only if its pool was full and requests waited, or its event loop stood still."""
    pools.receive(report)

    clock.now += later
    pools.sweep()

    assert found(pools) == expected


@pytest.mark.parametrize(
    ("before", "report", "expected"),
    [
        (29, full(since_checkin=29.0), (True, False, 0)),
        (30, full(since_checkin=30.0), (False, True, 0)),
        (30, full(since_checkin=90.0), (False, True, 0)),
        (30, full(since_checkin=29.0), (True, False, 0)),
        (30, full(since_checkin=30.0, pending=0), (False, False, 0)),
        (30, full(since_checkin=30.0, stalled=10.0, pending=0), (False, True, 1)),
        (30, full(since_checkin=None), (False, True, 0)),
        (30, full(since_checkin=None, use={"counts": [1] * 12, "sum": 1.0}), (True, False, 0)),
        (30, datagram(since_checkin=30.0), (False, False, 0)),
    ],
)
def test_pool_is_wedged_after_30_s_without_a_checkin(
    pools: AppPools,
    clock: Clock,
    before: float,
    report: bytes,
    expected: tuple[bool, bool, int],
) -> None:
    """A pool is wedged once its reports have shown it full for 30 s without a check-in."""
    pools.receive(full(since_checkin=0.0, use={"counts": [0] * 12, "sum": 0.0}))
    clock.now += before
    pools.receive(report)

    assert found(pools) == expected


def test_a_burst_is_not_exhaustion(pools: AppPools, clock: Clock) -> None:
    """One report may show a burst: thirty requests at once on a pool of five, over in a tenth of a second."""
    pools.receive(datagram())
    clock.now += 2
    pools.receive(full(pending=25))
    assert found(pools) == (False, False, 0)

    clock.now += 2
    pools.receive(datagram())
    clock.now += 2
    pools.receive(full(pending=25))
    assert found(pools) == (False, False, 0)

    clock.now += 2
    pools.receive(full(pending=20))
    assert found(pools) == (True, False, 0)


def test_a_burst_after_idling_is_no_wedge(pools: AppPools, clock: Clock) -> None:
    """An idle pool has no check-ins either: only the time for which it has been full counts."""
    pools.receive(datagram(since_checkin=0.1, pending=0))
    clock.now += 33
    pools.receive(full(since_checkin=33.0))
    clock.now += 2
    pools.receive(full(since_checkin=35.0))

    assert found(pools) == (True, False, 0)


def test_an_outage_is_no_wedge(clock: Clock) -> None:
    """No connection is returned while the database is down: the time counts from its last failure."""
    began, failures = clock.now, {"main": 0.0}
    pools = AppPools(databases={"main": "app"}, clock=clock, wall_clock=clock, last_failure_at=failures.__getitem__)
    stuck_for(pools, clock, 50.0)

    failures["main"] = began + 49
    assert found(pools) == (True, False, 0)
    failures["main"] = began + 20
    assert found(pools) == (False, True, 0)


def test_time_alone_ends_the_grace_after_an_outage(clock: Clock) -> None:
    """The sweep finds a pool that has been stuck for long enough since the database recovered."""
    changes: list[float] = []
    pools = AppPools(
        databases={"main": "app"},
        clock=clock,
        wall_clock=clock,
        on_change=lambda: changes.append(clock.now),
        last_failure_at=lambda _: 5040.0,
    )
    stuck_for(pools, clock, 60.0)
    pools.sweep()
    changes.clear()

    clock.now += 9.9
    pools.sweep()
    assert changes == [clock.now]  # silent by now
    clock.now += 0.2
    pools.sweep()

    assert found(pools) == (False, True, 1)
    assert len(changes) == 2


def test_waiters_that_give_up_and_return_keep_a_pool_wedged(pools: AppPools, clock: Clock) -> None:
    """Between one request's time-out and the next request none waits, and the pool is still stuck."""
    stuck_for(pools, clock, 38.0)
    clock.now += 2
    pools.receive(full(since_checkin=40.0, pending=0, timeouts=1))
    clock.now += 2
    pools.receive(full(since_checkin=42.0, pending=0, timeouts=2))
    clock.now += 2
    pools.receive(full(since_checkin=44.0, pending=0, timeouts=2))

    assert found(pools) == (False, True, 0)


def test_requests_that_were_served_do_not_count(pools: AppPools, clock: Clock) -> None:
    """A request waited, got the connection and still has it when the process ends: the pool was not stuck."""
    pools.receive(full(pending=1))
    clock.now += 2
    pools.receive(full(pending=0, since_checkin=0.5))

    clock.now += 32
    pools.sweep()

    assert found(pools) == (False, False, 1)


@pytest.mark.parametrize(
    "neighbour",
    [
        {"pid": 32, "ppid": 1, "pool": "jobs"},
        {"pid": 32, "ppid": 1, "database": "other"},
        {"pid": 32, "ppid": 1, "start": 4990.0},  # the same pool, but it started before
    ],
)
def test_silence_outlives_a_neighbour(pools: AppPools, clock: Clock, neighbour: dict[str, Any]) -> None:
    """A frozen worker stays silent, then wedged, although another program of the pod has started meanwhile."""
    pools.receive(full(pid=21, ppid=1, pending=3))
    clock.now += 5
    pools.receive(datagram(**{"start": clock.now - 1, **neighbour}))

    clock.now += 3
    pools.sweep()
    assert found(pools)[2] == 1
    clock.now += 22
    pools.receive(datagram(**{"start": clock.now - 23, **neighbour}))
    pools.sweep()

    assert pools.assess("main").wedged


@pytest.mark.parametrize("parent", [1, 99])
@pytest.mark.parametrize("kind", [datagram, full])
def test_a_successor_ends_the_silence(pools: AppPools, clock: Clock, parent: int, kind: Any) -> None:
    """A worker killed with a full pool is forgotten once a process that started later reports the same pool."""
    stuck_for(pools, clock, 30.0, pid=7, ppid=1)
    clock.now += 8
    pools.sweep()
    assert found(pools) == (False, True, 1)

    pools.receive(kind(pid=8, ppid=parent, start=clock.now - 1, since_checkin=0.1, pending=0))

    assert found(pools) == (False, False, 0)


def test_a_successor_that_reports_before_the_silence_counts(pools: AppPools, clock: Clock) -> None:
    """A replacement may report after a second, while the killed worker counts as silent only after six."""
    pools.receive(full(pid=7))
    clock.now += 1
    for _ in range(30):
        pools.receive(datagram(pid=8, start=5000.5))
        clock.now += 2
        pools.sweep()
        assert found(pools) == (False, False, 0)


def test_a_recycled_sibling_does_not_hide_a_frozen_one(pools: AppPools, clock: Clock) -> None:
    """A process succeeds one other only: here the sibling that sent a goodbye just before."""
    pools.receive(full(pid=7))
    for number in range(3):
        pools.receive(datagram(pid=10 + number, start=clock.now - 1))
        clock.now += 10
        pools.receive(datagram(pid=10 + number, start=clock.now - 11, bye=True))
        clock.now += 1.5
    pools.sweep()

    assert found(pools) == (False, True, 1)


def test_an_old_goodbye_takes_no_successor_from_a_killed_worker(pools: AppPools, clock: Clock) -> None:
    """Long after a goodbye, a worker is killed: the next process succeeds the killed one."""
    pools.receive(datagram(pid=9, bye=True))
    clock.now += 100
    pools.receive(full(pid=7))
    clock.now += 1
    pools.receive(datagram(pid=8, start=clock.now - 0.5))

    for _ in range(30):
        clock.now += 2
        pools.receive(datagram(pid=8, start=5100.5))
        pools.sweep()
        assert found(pools) == (False, False, 0)


def test_one_successor_replaces_one_of_two(pools: AppPools, clock: Clock) -> None:
    """Of two workers that fell silent one is forgotten, and the other one stays silent."""
    pools.receive(full(pid=7))
    pools.receive(full(pid=8))
    clock.now += 7
    pools.receive(datagram(pid=9, start=clock.now - 1))

    assert found(pools) == (False, False, 1)


def test_jobs_that_end_without_a_goodbye_blame_nothing(pools: AppPools, clock: Clock) -> None:
    """Each job's process ends by `os._exit` with its only connection in use, and then no job comes for a while."""
    for job in range(3):
        for seconds in (0.0, 2.0, 2.0):
            clock.now += seconds
            pools.receive(full(pid=100 + job, start=5000.0 + 6 * job, size=1, max=1, checked_out=1, pending=0))
        clock.now += 2
    for _ in range(140):
        clock.now += 0.5
        pools.sweep()
        assert not pools.assess("main").wedged


def test_a_worker_that_wakes_up_is_back(pools: AppPools, clock: Clock) -> None:
    """A process that was only stopped reports again, although another one was taken for its successor."""
    pools.receive(full(pid=7))
    clock.now += 8
    pools.receive(datagram(pid=8, start=clock.now - 1))
    pools.receive(full(pid=7))

    assert {state.worker for state in pools.states()} == {"1", "2"}


def test_a_leak_is_named_while_all_is_well(pools: AppPools) -> None:
    """A leaked connection is named before the pool runs out."""
    pools.receive(datagram(oldest={"age": 31.0, "where": "a.py:1 in f", "doing": "b.py:2 in g", "leak": True}))

    place = Checkout("orders", "1", "a.py:1 in f", "b.py:2 in g", 31.0)
    assert pools.assess("main") == Assessment(oldest_checkout=place, leaks=(place,))


def test_the_oldest_checkout_of_all_wedged_pools_is_named(pools: AppPools, clock: Clock) -> None:
    """Of all wedged pools the advice names the one with the oldest checkout."""
    oldest = {"age": 50.0, "where": "a.py:1 in f", "doing": "b.py:2 in g"}
    stuck_for(pools, clock, 1.0, pid=1)
    stuck_for(pools, clock, 40.0, pid=2, oldest=oldest)
    pools.receive(full(pid=1, since_checkin=41.0))

    place = Checkout("orders", "2", "a.py:1 in f", "b.py:2 in g", 50.0)
    assert pools.assess("main") == Assessment(wedged=True, oldest_checkout=place)
    assert pools.assess("other") == Assessment()
