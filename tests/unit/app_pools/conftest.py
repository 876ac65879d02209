"""A registry of one database, and a clock that the test sets."""

import pytest

from exporter.app_pools.registry import AppPools
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    """A clock that the test sets, for monotonic and wall time alike."""
    return Clock(5000.0)


@pytest.fixture
def pools(clock: Clock) -> AppPools:
    """One database named `main`, whose URL names `app`."""
    return AppPools(databases={"main": "app"}, clock=clock, wall_clock=clock)
