"""Which of the configured databases a pool belongs to, and what is reported if that is unknown."""

import pytest

from exporter.app_pools.databases import DatabaseNames
from exporter.app_pools.registry import AppPools
from tests.reporter.datagrams import datagram, full
from tests.support.clock import Clock

TWINS = {"primary": "app", "replica": "app"}


@pytest.mark.parametrize(
    ("databases", "reported", "candidates", "label"),
    [
        ({"main": "app"}, "app", ("main",), "main"),
        ({"main": "app"}, None, ("main",), "main"),
        ({"main": "app"}, "other", (), "other"),
        ({"main": None}, "app", (), "app"),
        ({"main": "app", "second": "other"}, None, (), "unknown"),
        (TWINS, "app", ("primary", "replica"), "app"),
        (TWINS, "primary", ("primary",), "primary"),
        ({"app": "app", "replica": "app"}, "app", ("app",), "app"),
    ],
)
def test_candidates_follow_from_configured_names_and_urls(
    databases: dict[str, str | None],
    reported: str | None,
    candidates: tuple[str, ...],
    label: str,
) -> None:
    """A configured name means that database; a name in URLs means every database with it."""
    names = DatabaseNames(databases)

    assert names.candidates(reported) == candidates
    assert names.label(reported) == label


def wedged(clock: Clock, reported: str, *, failures: dict[str, float] | None = None) -> AppPools:
    """Two databases of one name, and a pool that has been stuck for 31 s."""
    known = {"primary": 0.0, "replica": 0.0, **(failures or {})}
    pools = AppPools(databases=TWINS, clock=clock, wall_clock=clock, last_failure_at=known.__getitem__)
    pools.receive(full(database=reported))
    clock.now += 31
    pools.receive(full(database=reported, since_checkin=31.0))
    return pools


def test_configured_name_assigns_the_pool_to_one_database(clock: Clock) -> None:
    """A pool reported under a configured name belongs to that database alone."""
    pools = wedged(clock, "primary")

    assert pools.assess("primary").wedged
    assert pools.assess("primary").one_of == ()
    assert not pools.assess("replica").wedged


def test_shared_name_makes_both_databases_candidates(clock: Clock) -> None:
    """A pool reported under a name that two databases share counts for both, and both say so."""
    pools = wedged(clock, "app")

    for name in TWINS:
        assert pools.assess(name).wedged
        assert pools.assess(name).one_of == ("primary", "replica")


def test_pool_of_a_known_database_comes_first(clock: Clock) -> None:
    """Where one stuck pool certainly belongs to this database, its checkout is named, without other candidates."""
    pools = wedged(clock, "app")
    pools.receive(full(database="primary", pool="other", since_checkin=0.0, oldest={"age": 1.0, "where": "a.py:1"}))
    clock.now += 31
    pools.receive(full(database="primary", pool="other", since_checkin=31.0, oldest={"age": 32.0, "where": "a.py:1"}))

    found = pools.assess("primary")

    assert found.one_of == ()
    assert found.oldest_checkout is not None
    assert found.oldest_checkout.location == "a.py:1"


@pytest.mark.parametrize("failed", ["primary", "replica"])
def test_an_outage_of_either_excuses_the_pool(clock: Clock, failed: str) -> None:
    """The pool may belong to the database that is down: no application is blamed or restarted for it."""
    pools = wedged(clock, "app", failures={failed: clock.now + 30})

    for name in TWINS:
        assert not pools.assess(name).wedged
        assert not pools.assess(name).exhausted


def test_a_leak_is_named_for_both_databases(clock: Clock) -> None:
    """The place in the code is shown for each database that it may belong to."""
    pools = AppPools(databases=TWINS, clock=clock, wall_clock=clock)
    pools.receive(datagram(database="app", oldest={"age": 31.0, "where": "a.py:1 in f", "leak": True}))

    for name in TWINS:
        assert pools.assess(name).oldest_checkout is not None
        assert pools.assess(name).one_of == ("primary", "replica")
