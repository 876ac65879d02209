"""The assessment of one database's pools, as a table of views and results."""

from dataclasses import replace

import pytest

from exporter.app_pools.assessment import MAX_LEAKS, Assessment, Checkout, PoolView, WorkerPresence, assess
from exporter.model.pool import Leak, PoolState

NOW = 1000.0
FULL = PoolState("main", "orders", "1", checked_out=5, max_connections=5, pending=2, oldest_checkout_seconds=40.0)
ROOM = PoolState("main", "orders", "2", checked_out=3, max_connections=5, pending=0, oldest_checkout_seconds=1.0)
STUCK = NOW - 30  # full since then: long enough to be wedged


def assessed(*views: PoolView) -> Assessment:
    """Assess with a pool wedged after 30 s."""
    return assess(views, now=NOW, wedged_after=30.0)


@pytest.mark.parametrize(
    ("view", "exhausted", "wedged"),
    [
        (PoolView(state=ROOM), False, False),
        (PoolView(state=FULL, full_since=NOW), False, False),
        (PoolView(state=FULL, full_since=NOW, is_crowded=True), True, False),
        (PoolView(state=FULL, full_since=NOW, is_crowded=True, is_shown=False), False, False),
        (PoolView(state=FULL, full_since=STUCK, is_crowded=True), True, False),
        (PoolView(state=FULL, full_since=STUCK + 0.1, is_crowded=True, is_starving=True), True, False),
        (PoolView(state=FULL, full_since=STUCK, is_crowded=True, is_starving=True), False, True),
        (PoolView(state=FULL, full_since=STUCK, is_starving=True, is_shown=False), False, False),
        (PoolView(state=FULL, full_since=STUCK, is_stalled=True), False, True),
        (PoolView(state=FULL, full_since=STUCK, is_missing=True, is_shown=False), False, False),
        (PoolView(state=FULL, full_since=STUCK, is_missing=True, is_shown=False, is_starving=True), False, True),
        (PoolView(state=FULL, full_since=STUCK, is_missing=True, is_shown=False, is_stalled=True), False, True),
    ],
)
def test_full_pool_is_exhausted_then_wedged(view: PoolView, exhausted: bool, wedged: bool) -> None:
    """A full pool with waiting requests is exhausted, and wedged once nothing has come back for 30 s."""
    found = assessed(view)

    assert (found.exhausted, found.wedged) == (exhausted, wedged)


@pytest.mark.parametrize(("last_failure_at", "wedged"), [(STUCK - 5, True), (STUCK, True), (STUCK + 1, False)])
def test_an_outage_does_not_count(last_failure_at: float, wedged: bool) -> None:
    """Only time in which the database worked makes a pool wedged."""
    view = PoolView(state=FULL, full_since=STUCK, is_starving=True, last_failure_at=last_failure_at)

    assert assessed(view).wedged is wedged


def test_the_oldest_checkout_is_of_the_worst_pools() -> None:
    """A wedged pool's checkout is named before an exhausted one's, and that before a leak, whatever their ages."""
    leaking = PoolView(state=replace(ROOM, leaks=(Leak(1, 1.0, None, None),)))
    exhausted = PoolView(state=FULL, full_since=NOW, is_crowded=True)
    wedged = PoolView(state=FULL, full_since=STUCK, is_stalled=True)

    assert assessed() == Assessment()
    assert assessed(leaking).oldest_checkout == Checkout("orders", "2", None, None, 1.0)
    assert assessed(leaking, exhausted).oldest_checkout == Checkout("orders", "1", None, None, 40.0)
    assert assessed(leaking, exhausted).leaks == (Checkout("orders", "2", None, None, 1.0),)
    assert assessed(wedged, exhausted) == Assessment(
        exhausted=True,
        wedged=True,
        oldest_checkout=Checkout("orders", "1", None, None, 40.0),
        silent_workers=(WorkerPresence("main", "orders", "1", silent=True),),
    )


def test_leaks_of_all_pools_the_oldest_first() -> None:
    """Each leak is named, whatever else is wrong, except those of a worker that is no longer shown."""
    young = PoolView(state=replace(ROOM, leaks=(Leak(1, 31.0, "a.py:1 in f", None),)))
    old = PoolView(state=replace(FULL, leaks=(Leak(1, 90.0, "b.py:2 in g", "c.py:3 in h"), Leak(2, 20.0, None, None))))

    leaks = assessed(young, old).leaks

    assert leaks == (
        Checkout("orders", "1", "b.py:2 in g", "c.py:3 in h", 90.0),
        Checkout("orders", "2", "a.py:1 in f", None, 31.0),
        Checkout("orders", "1", None, None, 20.0),
    )
    assert assessed(replace(old, is_shown=False)).leaks == ()
    assert len(assessed(*[old] * MAX_LEAKS).leaks) == MAX_LEAKS
