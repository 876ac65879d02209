"""The registry of application processes: states, sums, and bounds on everything."""

import logging
import sys
from collections.abc import Callable

import pytest

from exporter.app_pools.assessment import Assessment
from exporter.app_pools.registry import AppPools
from exporter.app_pools.report import Rejection
from exporter.model.pool import Histogram, Leak, PoolState, PoolTotals
from tests.reporter.datagrams import datagram, full
from tests.support.clock import Clock


def only(pools: AppPools) -> PoolState:
    """The only state."""
    (state,) = pools.states()
    return state


def total(pools: AppPools) -> PoolTotals:
    """The only total."""
    (one,) = pools.totals()
    return one


def test_state_is_what_the_report_says(pools: AppPools) -> None:
    """Every gauge of a report is shown as sent, under the configured name of the database."""
    oldest = {"age": 31.5, "id": 4, "where": "views.py:88 in create", "doing": "views.py:90 in create", "leak": True}

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
        leaks=(Leak(4, 31.5, "views.py:88 in create", "views.py:90 in create"),),
    )


def test_unknown_field_is_absent(pools: AppPools) -> None:
    """A missing or null field stays unknown; it does not become 0."""
    pools.receive(b'{"v":1,"pid":1,"start":2.5,"pool":"p","size":null}')

    assert only(pools) == PoolState(database="main", pool="p", worker="1")


def test_unlimited_pool_is_never_full(pools: AppPools) -> None:
    """A pool without a limit is never full."""
    pools.receive(full(max="unlimited"))

    assert only(pools).max_connections == float("inf")
    assert not only(pools).full


@pytest.mark.parametrize(
    ("reported", "shown"),
    [("app", "main"), ("main", "main"), ("other", "second"), ("second", "second"), ("new", "new"), (None, "unknown")],
)
def test_database_has_its_configured_name_else_its_own(reported: str | None, shown: str) -> None:
    """A database is shown by its configured name, else by the reported one."""
    pools = AppPools(databases={"main": "app", "second": "other", "third": None})

    pools.receive(datagram(database=reported))

    assert only(pools).database == shown


def test_single_database_takes_a_pool_without_a_name() -> None:
    """Where only one database is configured, a pool that names none belongs to it."""
    pools = AppPools(databases={"main": "app"})

    pools.receive(datagram(database=None))

    assert only(pools).database == "main"


def test_pool_of_an_unprobed_database_has_no_verdict(clock: Clock) -> None:
    """Its pool is shown, and never wedged, since the exporter does not know whether the database works."""
    pools = AppPools(databases={"main": "app"}, clock=clock, wall_clock=clock)
    pools.receive(full(database="analytics"))
    clock.now += 40.0
    pools.receive(full(database="analytics", since_checkin=40.0))

    assert only(pools).database == "analytics"
    assert pools.assess("main") == Assessment()


def test_gauges_vanish_within_the_ttl_and_sums_stay(pools: AppPools, clock: Clock) -> None:
    """A worker that died without a goodbye is not shown after 15 s; its counts stay in the sums."""
    pools.receive(datagram())

    clock.now += 15

    assert pools.states() == ()
    assert total(pools).connects == 5


def test_a_goodbye_ends_the_gauges_at_once(pools: AppPools) -> None:
    """After its goodbye a worker is neither shown nor silent, and its last totals count."""
    pools.receive(datagram())
    pools.receive(datagram(bye=True, connects=8))

    assert pools.states() == ()
    assert pools.worker_presences() == ()
    assert total(pools).connects == 8


def test_a_restart_under_the_same_pid_adds_up(pools: AppPools) -> None:
    """A process with the same pid and another start time is another worker."""
    pools.receive(datagram(connects=5))
    pools.receive(datagram(connects=2, start=2000.5))

    assert {state.worker for state in pools.states()} == {"1", "2"}
    assert total(pools).connects == 7


def test_totals_never_fall(pools: AppPools) -> None:
    """An exported counter never falls, whatever a peer sends."""
    pools.receive(datagram(connects=5, wait={"counts": [7] * 12, "sum": 3.0}))
    pools.receive(datagram(connects=1, wait={"counts": [1] * 11 + [9], "sum": 1.0}))

    assert total(pools).connects == 5
    assert total(pools).wait == Histogram((*[7] * 11, 9), 3.0)


def test_a_worker_that_wakes_up_is_not_counted_twice(pools: AppPools, clock: Clock) -> None:
    """The totals of a process that was stopped for an hour continue."""
    pools.receive(datagram(connects=5))
    clock.now += 3600
    pools.sweep()

    pools.receive(datagram(connects=6))

    assert total(pools).connects == 6
    assert only(pools).worker == "1"


@pytest.mark.extended
def test_worker_numbers_are_used_again(pools: AppPools, clock: Clock) -> None:
    """Two hundred restarts of workers make no new label value."""
    for start in range(200):
        pools.receive(datagram(pid=start + 2, start=1000.5 + start, bye=False))
        pools.receive(datagram(pid=start + 2, start=1000.5 + start, bye=True))
        clock.now += 1

    pools.receive(datagram(pid=1, start=9999.0))

    assert only(pools).worker == "1"
    assert total(pools).connects == 1005


def test_workers_are_bounded(pools: AppPools, clock: Clock) -> None:
    """Of 600 workers 64 are kept, the others are counted, and memory is bounded."""
    for pid in range(200):
        pools.receive(datagram(pid=pid))
    before = size_of(pools)

    for pid in range(400):
        pools.receive(datagram(pid=pid + 200))
        clock.now += 0.0001

    assert len(pools.states()) == 64
    assert pools.rejected()[Rejection.WORKERS] == 400 + 200 - 64
    assert size_of(pools) < before * 1.1


def test_dead_workers_are_bounded(pools: AppPools, clock: Clock) -> None:
    """Of 400 workers that come and go only the last few are kept, and all are summed."""
    for pid in range(400):
        pools.receive(datagram(pid=pid, connects=1, bye=True))
        clock.now += 0.02

    assert len(pools._workers) <= 256 + 64
    assert total(pools).connects == 400


def test_pools_are_bounded(pools: AppPools) -> None:
    """Sixteen pools are kept and the rest is counted."""
    for number in range(100):
        pools.receive(datagram(pool=f"pool {number}"))

    assert len(pools.totals()) == 16
    assert pools.rejected()[Rejection.POOLS] == 84


@pytest.mark.parametrize("goodbye", [True, False])
def test_a_pool_that_is_gone_gives_its_place_back(pools: AppPools, clock: Clock, goodbye: bool) -> None:
    """After sixteen pools have ended, by a goodbye or without one, the seventeenth is shown."""
    for number in range(16):
        pools.receive(datagram(pool=f"pool {number}", pid=number))
        clock.now += 1
        if goodbye:
            pools.receive(datagram(pool=f"pool {number}", pid=number, bye=True))
    clock.now += 0 if goodbye else 100

    pools.receive(datagram(pool="the seventeenth"))

    assert only(pools).pool == "the seventeenth"
    assert {each.pool for each in pools.totals()} == {"the seventeenth", *(f"pool {n}" for n in range(1, 16))}


def test_a_pool_in_use_keeps_its_place(pools: AppPools, clock: Clock) -> None:
    """Only ended pools make room, the longest ended first; no pool that still reports is dropped."""
    for number in range(16):
        pools.receive(datagram(pool=f"pool {number}"))
    pools.receive(datagram(pool="pool 3", bye=True))
    clock.now += 1
    pools.receive(datagram(pool="pool 5", bye=True))

    for name in ("a", "b", "c"):
        pools.receive(datagram(pool=name))

    assert {state.pool for state in pools.states()} == {"a", "b", *(f"pool {n}" for n in range(16) if n not in (3, 5))}
    assert pools.rejected()[Rejection.POOLS] == 1


def test_a_place_that_was_taken_back_starts_anew(pools: AppPools) -> None:
    """A pool that returns after its sums were dropped starts with its own totals."""
    pools.receive(datagram(pool="first", connects=5))
    pools.receive(datagram(pool="first", connects=5, bye=True))
    for number in range(16):
        pools.receive(datagram(pool=f"pool {number}"))
    pools.receive(datagram(pool="pool 0", bye=True))

    pools.receive(datagram(pool="first", connects=6))

    assert {each.pool: each.connects for each in pools.totals()}["first"] == 6


def test_worker_memory_does_not_grow_with_pools(pools: AppPools, clock: Clock) -> None:
    """Of a process that makes and drops a hundred pools only the latest ones are kept."""
    for number in range(100):
        pools.receive(datagram(pool=f"pool {number}"))
        clock.now += 0.1
        pools.receive(datagram(pool=f"pool {number}", bye=True))

    (worker,) = pools._workers.values()
    assert len(worker.pools) <= 16


def test_a_pool_without_a_size_shows_connections_in_use(pools: AppPools) -> None:
    """A NullPool has no maximum, but it has connections in use."""
    pools.receive(datagram(size=None, max=None, checked_in=None, overflow=None, pending=None, checked_out=3))

    assert only(pools).checked_out == 3
    assert not only(pools).full


def test_a_leak_is_logged_once(pools: AppPools, caplog: pytest.LogCaptureFixture) -> None:
    """Each leak is one line with its place and its holder's activity; the next leak is a new line."""
    leak = {"age": 31.0, "id": 4, "where": "views.py:88 in create", "doing": "time.py:1 in sleep", "leak": True}

    with caplog.at_level(logging.WARNING):
        pools.receive(datagram(oldest=leak))
        pools.receive(datagram(oldest={**leak, "age": 33.0}))
        pools.receive(datagram(oldest={**leak, "id": 5}))

    assert len(caplog.messages) == 2
    assert "views.py:88 in create" in caplog.messages[0]
    assert "time.py:1 in sleep" in caplog.messages[0]


LEAKS = [{"age": 50.0 - n, "id": n, "where": f"views.py:{n} in f", "doing": f"b.py:{n} in g"} for n in range(1, 8)]


@pytest.mark.parametrize(
    ("changes", "numbers"),
    [
        ({"oldest": {"age": 50.0, "id": 9, "leak": True}}, [9]),
        ({"oldest": {"age": 50.0, "id": 1, "leak": True}, "leaks": LEAKS[:3]}, [1, 2, 3]),
        ({"oldest": {"age": 50.0, "id": 1, "leak": True}, "leaks": LEAKS}, [1, 2, 3, 4, 5]),
        ({"oldest": {"age": 50.0, "id": 1, "leak": True}, "leaks": None}, [1]),
        ({"oldest": {"age": 50.0, "id": 1, "leak": False}}, []),
    ],
)
def test_every_leak_of_a_report_is_kept(pools: AppPools, changes: dict[str, object], numbers: list[int]) -> None:
    """A report gives the oldest leak alone, or a list of up to five."""
    pools.receive(datagram(**changes))

    leaks = only(pools).leaks
    assert leaks is not None
    assert [leak.number for leak in leaks] == numbers


def test_leaks_are_unknown_without_the_field(pools: AppPools) -> None:
    """Without a field for leaks, as from a reporter in another language, their number is unknown, not 0."""
    pools.receive(datagram(oldest={"age": 900.0}))

    assert only(pools).leaks is None


@pytest.mark.parametrize(
    "leaks", [{}, "x", [1], [{}], [{"age": -1}], [{"age": 1, "where": 2}], [{"age": 1, "id": "x"}]]
)
def test_a_wrong_leak_rejects_the_report(pools: AppPools, leaks: object) -> None:
    """A malformed leak rejects the report, as any malformed field does."""
    pools.receive(datagram(leaks=leaks))

    assert pools.rejected()[Rejection.FIELD] == 1
    assert pools.states() == ()


def test_each_leak_is_logged_once(pools: AppPools, caplog: pytest.LogCaptureFixture) -> None:
    """Each of several leaks is one line, whichever of them later reports contain."""
    with caplog.at_level(logging.WARNING):
        pools.receive(datagram(leaks=LEAKS[:2]))
        pools.receive(datagram(oldest={"age": 0.5, "leak": False}))
        pools.receive(datagram(leaks=LEAKS[:3]))
        pools.receive(datagram(leaks=LEAKS[1:4]))
        pools.receive(datagram(leaks=LEAKS[:4]))

    assert [line.partition("views.py:")[2][0] for line in caplog.messages] == ["1", "2", "3", "4"]
    assert caplog.messages[2].endswith("checked out at views.py:3 in f; now: b.py:3 in g")


def test_logged_leaks_are_remembered_within_a_bound(pools: AppPools) -> None:
    """A peer that invents numbers of leaks does not grow the memory."""
    for number in range(200):
        pools.receive(datagram(leaks=[{"age": 31.0, "id": number}]))

    (worker,) = pools._workers.values()
    (pool,) = worker.pools.values()
    assert len(pool.logged_leaks) < 100


def test_changes_are_announced(clock: Clock) -> None:
    """Reports, rejections and expiries announce a change, for which the cached rendering is dropped."""
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
    """The size in bytes of an object and everything in it."""
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
