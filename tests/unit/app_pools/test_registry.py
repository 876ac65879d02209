"""What is kept of the reports of application processes: states, sums, silence, and nothing without bound."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest

from exporter.app_pools.assessment import AppPoolFacts
from exporter.app_pools.registry import AppPools
from exporter.app_pools.report import Rejection
from exporter.model.pool import Histogram, PoolState, PoolTotals
from tests.reporter.datagrams import datagram, full


class Clock:
    """Time that stands still until told otherwise."""

    def __init__(self) -> None:
        """Start somewhere."""
        self.now = 5000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Time in the test's hand; the wall clock shows the same."""
    return Clock()


@pytest.fixture
def pools(clock: Clock) -> AppPools:
    """One database called `main`, whose URL says `app`."""
    return AppPools(databases={"main": "app"}, clock=clock, wall_clock=clock)


def only(pools: AppPools) -> PoolState:
    """The one state there is."""
    (state,) = pools.states()
    return state


def total(pools: AppPools) -> PoolTotals:
    """The one total there is."""
    (one,) = pools.totals()
    return one


def test_state_is_what_the_report_says(pools: AppPools) -> None:
    """Every gauge of a report is shown as sent, under the configured name of the database."""
    oldest = {"age": 31.5, "id": 4, "where": "views.py:88 in create", "doing": "views.py:90 in create"}

    pools.receive(datagram(oldest=oldest, lag=0.25))

    assert only(pools) == PoolState(
        database="main",
        pool="orders",
        worker="1",
        size=5,
        checked_out=3,
        checked_in=2,
        overflow=0,
        max_connections=15,
        pending=0,
        oldest_checkout_seconds=31.5,
        oldest_location="views.py:88 in create",
        oldest_doing="views.py:90 in create",
        since_checkin_seconds=0.1,
        event_loop_lag_seconds=0.25,
    )


def test_what_a_pool_cannot_tell_is_absent(pools: AppPools) -> None:
    """A field that is missing or null stays unknown; it does not become 0."""
    pools.receive(b'{"v":1,"pid":1,"start":2.5,"pool":"p","size":null}')

    assert only(pools) == PoolState(database="main", pool="p", worker="1")


def test_unlimited_pool(pools: AppPools) -> None:
    """A pool without a limit is never full."""
    pools.receive(full(max="unlimited"))

    assert only(pools).max_connections == float("inf")
    assert not only(pools).full


@pytest.mark.parametrize(
    ("reported", "shown"),
    [("app", "main"), ("main", "main"), ("other", "second"), ("second", "second"), ("new", "new"), (None, "unknown")],
)
def test_database_label(reported: str | None, shown: str) -> None:
    """A database is shown by its configured name, else by its own."""
    pools = AppPools(databases={"main": "app", "second": "other", "third": None})

    pools.receive(datagram(database=reported))

    assert only(pools).database == shown


def test_single_database_takes_a_pool_without_a_name() -> None:
    """Where only one database is configured, a pool that names none is one of it."""
    pools = AppPools(databases={"main": "app"})

    pools.receive(datagram(database=None))

    assert only(pools).database == "main"


def test_a_database_that_is_not_watched_decides_nothing(clock: Clock) -> None:
    """Its pool is shown under its own name; nobody knows whether it is well, so nobody is restarted for it."""
    pools = AppPools(databases={"main": "app"}, clock=clock, wall_clock=clock)
    stuck_for(pools, clock, 40.0, database="analytics")

    assert only(pools).database == "analytics"
    assert facts(pools) == (False, False, 0)


def test_gauges_vanish_within_the_ttl_and_sums_stay(pools: AppPools, clock: Clock) -> None:
    """A worker that died without a word is not shown after 15 s; what it counted is."""
    pools.receive(datagram())

    clock.now += 15

    assert pools.states() == ()
    assert total(pools).connects == 5


def test_a_goodbye_ends_the_gauges_at_once(pools: AppPools) -> None:
    """Who says goodbye is neither shown nor silent, and its last totals count."""
    pools.receive(datagram())
    pools.receive(datagram(bye=True, connects=8))

    assert pools.states() == ()
    assert pools.silent_workers() == ()
    assert total(pools).connects == 8


def test_a_restart_under_the_same_pid_adds_up(pools: AppPools) -> None:
    """Another start time is another worker."""
    pools.receive(datagram(connects=5))
    pools.receive(datagram(connects=2, start=2000.5))

    assert {state.worker for state in pools.states()} == {"1", "2"}
    assert total(pools).connects == 7


def test_totals_never_fall(pools: AppPools) -> None:
    """Whatever a peer sends, a counter that was exported does not go back."""
    pools.receive(datagram(connects=5, wait={"counts": [7] * 12, "sum": 3.0}))
    pools.receive(datagram(connects=1, wait={"counts": [1] * 11 + [9], "sum": 1.0}))

    assert total(pools).connects == 5
    assert total(pools).wait == Histogram((*[7] * 11, 9), 3.0)


def test_a_worker_that_wakes_up_is_not_counted_twice(pools: AppPools, clock: Clock) -> None:
    """A process that was stopped for an hour goes on where it was."""
    pools.receive(datagram(connects=5))
    clock.now += 3600
    pools.sweep()

    pools.receive(datagram(connects=6))

    assert total(pools).connects == 6
    assert only(pools).worker == "1"


def test_worker_numbers_are_used_again(pools: AppPools, clock: Clock) -> None:
    """Restarting workers a thousand times makes no new label."""
    for start in range(1000):
        pools.receive(datagram(pid=start + 2, start=1000.5 + start, bye=False))
        pools.receive(datagram(pid=start + 2, start=1000.5 + start, bye=True))
        clock.now += 1

    pools.receive(datagram(pid=1, start=9999.0))

    assert only(pools).worker == "1"
    assert total(pools).connects == 5005


def test_workers_are_bounded(pools: AppPools, clock: Clock) -> None:
    """Of 10,000 workers 64 are kept, the others counted, and memory does not grow with them."""
    for pid in range(200):
        pools.receive(datagram(pid=pid))
    before = size_of(pools)

    for pid in range(10_000):
        pools.receive(datagram(pid=pid + 200))
        clock.now += 0.0001

    assert len(pools.states()) == 64
    assert pools.rejected()[Rejection.WORKERS] == 10_000 + 200 - 64
    assert size_of(pools) < before * 1.1


def test_dead_workers_are_bounded(pools: AppPools, clock: Clock) -> None:
    """Of 10,000 workers that come and go one after the other only the last few are remembered, all are summed."""
    for pid in range(10_000):
        pools.receive(datagram(pid=pid, connects=1, bye=True))
        clock.now += 0.02

    assert len(pools._workers) <= 256 + 64
    assert total(pools).connects == 10_000


def test_pools_are_bounded(pools: AppPools) -> None:
    """Sixteen pools are kept and the rest is counted."""
    for number in range(100):
        pools.receive(datagram(pool=f"pool {number}"))

    assert len(pools.totals()) == 16
    assert pools.rejected()[Rejection.POOLS] == 84


def facts(pools: AppPools) -> tuple[bool, bool, int]:
    """Exhausted, wedged, and how many are silent."""
    said = pools.facts("main")
    return said.exhausted, said.wedged, len(said.silent_workers)


def stuck_for(pools: AppPools, clock: Clock, seconds: float, **fields: Any) -> None:
    """Report a pool that has been full, with requests waiting, for so long, and say so at the end."""
    pools.receive(full(**fields))
    clock.now += seconds
    pools.receive(full(**{"since_checkin": seconds, **fields}))


@pytest.mark.parametrize(
    ("report", "later", "expected"),
    [
        (datagram(), 0, (False, False, 0)),
        (full(), 0, (True, False, 0)),
        (full(pending=0), 0, (False, False, 0)),
        (full(max=6), 0, (False, False, 0)),
        (full(since_checkin=40.0), 0, (True, False, 0)),
        (full(since_checkin=0.0, stalled=10.0), 0, (True, False, 1)),
        (datagram(since_checkin=30.0, stalled=10.0), 0, (False, False, 1)),
        (full(), 5.9, (True, False, 0)),
        (full(), 6.1, (True, False, 1)),
        (full(), 16, (False, False, 1)),
        (full(), 30, (False, True, 1)),
        (full(pending=0), 30, (False, True, 1)),
        (datagram(), 30, (False, False, 1)),
        (full(), 59, (False, True, 1)),
        (full(), 61, (False, False, 0)),
        (full(bye=True), 30, (False, False, 0)),
    ],
)
def test_exhausted_wedged_silent(
    pools: AppPools,
    clock: Clock,
    report: bytes,
    later: float,
    expected: tuple[bool, bool, int],
) -> None:
    """At the maximum with requests waiting: exhausted while others come back, wedged after 30 s without."""
    pools.receive(report)

    clock.now += later
    pools.sweep()

    assert facts(pools) == expected


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
def test_wedged_is_full_for_long(
    pools: AppPools,
    clock: Clock,
    before: float,
    report: bytes,
    expected: tuple[bool, bool, int],
) -> None:
    """A pool is wedged once it has been full for 30 s without a check-in, as far as was seen."""
    pools.receive(full(since_checkin=0.0, use={"counts": [0] * 12, "sum": 0.0}))
    clock.now += before
    pools.receive(report)

    assert facts(pools) == expected


def test_a_burst_after_idling_is_no_wedge(pools: AppPools, clock: Clock) -> None:
    """An idle pool has no check-ins either: only the time counts for which it has been full."""
    pools.receive(datagram(since_checkin=0.1, pending=0))
    clock.now += 33
    pools.receive(full(since_checkin=33.0))
    clock.now += 2
    pools.receive(full(since_checkin=35.0))

    assert facts(pools) == (True, False, 0)


def test_an_outage_is_no_wedge(pools: AppPools, clock: Clock) -> None:
    """Nothing comes back while the database is down: the time counts from when it was last seen failing."""
    began = clock.now
    stuck_for(pools, clock, 50.0)

    assert pools.facts("main", well_since=began + 49).wedged is False
    assert pools.facts("main", well_since=began + 49).exhausted is True
    assert pools.facts("main", well_since=began + 20).wedged is True


@pytest.mark.parametrize(("began", "pool", "wedged"), [(31, {}, False), (31, {"checked_out": 5}, True), (-5, {}, True)])
def test_a_successor_clears_a_dead_process(
    pools: AppPools,
    clock: Clock,
    began: float,
    pool: dict[str, Any],
    wedged: bool,
) -> None:
    """Whoever began after the last word of a process that is missing, and uses the pool well, has replaced it."""
    stuck_for(pools, clock, 30.0, pid=7, ppid=1)
    last_word = clock.now
    clock.now += 8
    kind = full if pool else datagram
    pools.receive(kind(pid=8, ppid=2, start=last_word - 30 + began, since_checkin=0.1, pending=0))

    assert pools.facts("main").wedged is wedged


def test_waiters_that_give_up_and_return_keep_a_pool_wedged(pools: AppPools, clock: Clock) -> None:
    """Between one request's time-out and the next request nobody waits, yet the pool is as stuck as before."""
    stuck_for(pools, clock, 38.0)
    clock.now += 2
    pools.receive(full(since_checkin=40.0, pending=0, timeouts=1))
    clock.now += 2
    pools.receive(full(since_checkin=42.0, pending=0, timeouts=2))
    clock.now += 2
    pools.receive(full(since_checkin=44.0, pending=0, timeouts=2))

    assert facts(pools) == (False, True, 0)


def test_a_replaced_worker_is_dead_not_silent(pools: AppPools, clock: Clock) -> None:
    """When the master starts another process after the last word of one, that one was killed."""
    pools.receive(full(pid=7))
    clock.now += 8
    assert facts(pools) == (True, False, 1)

    pools.receive(datagram(pid=8, start=clock.now - 1))
    clock.now += 0.6
    pools.sweep()

    assert facts(pools) == (False, False, 0)


def test_a_sibling_that_was_there_before_replaces_nobody(pools: AppPools, clock: Clock) -> None:
    """A worker that only begins to use its pool is not a successor."""
    pools.receive(full(pid=7))
    clock.now += 8

    pools.receive(datagram(pid=8, start=1000.75))
    clock.now += 0.6
    pools.sweep()

    assert facts(pools) == (True, False, 1)


def test_a_leak_is_told_while_all_is_well(pools: AppPools) -> None:
    """A leaked connection is named before the pool runs out."""
    pools.receive(datagram(oldest={"age": 31.0, "where": "a.py:1 in f", "doing": "b.py:2 in g", "leak": True}))

    assert pools.facts("main") == AppPoolFacts(
        culprit_pool="orders",
        culprit_worker="1",
        culprit_location="a.py:1 in f",
        culprit_doing="b.py:2 in g",
        culprit_age_seconds=31.0,
    )


def test_the_culprit_is_who_holds_on_for_longest(pools: AppPools, clock: Clock) -> None:
    """Of all wedged pools the one with the oldest checkout is named."""
    oldest = {"age": 50.0, "where": "a.py:1 in f", "doing": "b.py:2 in g"}
    stuck_for(pools, clock, 1.0, pid=1)
    stuck_for(pools, clock, 40.0, pid=2, oldest=oldest)
    pools.receive(full(pid=1, since_checkin=41.0))

    assert pools.facts("main") == AppPoolFacts(
        exhausted=False,
        wedged=True,
        culprit_pool="orders",
        culprit_worker="2",
        culprit_location="a.py:1 in f",
        culprit_doing="b.py:2 in g",
        culprit_age_seconds=50.0,
    )
    assert pools.facts("other") == AppPoolFacts()


def test_a_leak_is_logged_once(pools: AppPools, caplog: pytest.LogCaptureFixture) -> None:
    """One line a leak, with the place and what its holder does; the next leak is a new line."""
    leak = {"age": 31.0, "id": 4, "where": "views.py:88 in create", "doing": "time.py:1 in sleep", "leak": True}

    with caplog.at_level(logging.WARNING):
        pools.receive(datagram(oldest=leak))
        pools.receive(datagram(oldest={**leak, "age": 33.0}))
        pools.receive(datagram(oldest={**leak, "id": 5}))

    assert len(caplog.messages) == 2
    assert "views.py:88 in create" in caplog.messages[0]
    assert "time.py:1 in sleep" in caplog.messages[0]


def test_changes_are_told(clock: Clock) -> None:
    """Whoever keeps a rendering learns of reports, of rejections, and of what time alone changes."""
    told: list[float] = []
    pools = AppPools(databases={}, clock=clock, wall_clock=clock, on_change=lambda: told.append(clock.now))

    pools.receive(datagram())
    pools.receive(b"nonsense")
    pools.sweep()
    before = len(told)
    pools.sweep()
    clock.now += 1
    pools.sweep()
    assert len(told) == before

    clock.now += 14
    pools.sweep()
    assert len(told) == before + 1


def size_of(value: object, seen: set[int] | None = None) -> int:
    """Bytes that an object and all that it holds take."""
    seen = set() if seen is None else seen
    if id(value) in seen or isinstance(value, type | Callable):
        return 0
    seen.add(id(value))
    parts: list[object] = []
    if isinstance(value, dict):
        parts += [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple | set):
        parts += value
    for name in (*getattr(value, "__dict__", ()), *getattr(type(value), "__slots__", ())):
        parts.append(getattr(value, name, None))
    return sys.getsizeof(value) + sum(size_of(part, seen) for part in parts)
