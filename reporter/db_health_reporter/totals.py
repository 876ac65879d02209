"""Counters and histograms of one pool's name since the process started."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histograms' buckets, in seconds."""
FIRST_BOUND = BOUNDS[0]
SUM = len(BOUNDS) + 1  # a histogram is a list: a count for each bound, one for the rest, and the sum of all values


class Totals:
    """The counts under one name, of all engines and pool objects that have had it."""

    def __init__(self) -> None:
        self.wait = _empty_histogram()
        self.use = _empty_histogram()
        self.create = _empty_histogram()
        self.timeouts = 0
        self.invalidations = 0

    def add(self, other: Totals) -> None:
        """Add the counts of another object to these."""
        for mine, theirs in ((self.wait, other.wait), (self.use, other.use), (self.create, other.create)):
            mine[:] = [count + more for count, more in zip(mine, theirs)]
        self.timeouts += other.timeouts
        self.invalidations += other.invalidations

    def clear(self) -> None:
        """Start again at 0, as a forked child must: its parent still reports the counts from before the fork."""
        for histogram in (self.wait, self.use, self.create):  # in place: the instrumentation refers to these lists
            histogram[:] = _empty_histogram()
        self.timeouts = self.invalidations = 0


def observe(histogram: list[float], seconds: float) -> None:
    """Add one duration to a histogram."""
    histogram[0 if seconds <= FIRST_BOUND else bisect_left(BOUNDS, seconds)] += 1
    histogram[SUM] += seconds


def _empty_histogram() -> list[float]:
    return [0] * SUM + [0.0]
