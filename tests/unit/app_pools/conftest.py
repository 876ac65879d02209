"""A registry of one database, and time in the test's hand."""

import pytest

from exporter.app_pools.registry import AppPools


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
