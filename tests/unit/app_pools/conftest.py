"""A registry of one database, and a clock that the test sets."""

import pytest

from exporter.app_pools.registry import AppPools


class Clock:
    """A clock that stands still until the test moves it."""

    def __init__(self) -> None:
        """Start at any time."""
        self.now = 5000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that the test sets, for monotonic and wall time alike."""
    return Clock()


@pytest.fixture
def pools(clock: Clock) -> AppPools:
    """One database named `main`, whose URL names `app`."""
    return AppPools(databases={"main": "app"}, clock=clock, wall_clock=clock)
