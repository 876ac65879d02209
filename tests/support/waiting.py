"""Wait for a condition with a limit, and fail with a sentence."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], *, within: float, what: str, every: float = 0.02) -> T:
    """Return the condition's first true value; fail with `what` when there is none in time."""
    limit = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= limit:
            raise AssertionError(f"not within {within:g} s: {what}; last seen: {value!r}")
        time.sleep(every)
