"""Which processes have been replaced: by one that started after their last report, and reports the same pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Lifetime:
    """One process, as far as one pool is concerned; seconds of the wall clock."""

    started: float
    last_report: float
    is_over: bool  # it sent a goodbye, or its reports are missing


def replaced(lifetimes: Sequence[Lifetime]) -> list[bool]:
    """Tell for each process whether it has a successor.

    A process succeeds one other at most: the last one that ended before it started. A recycled worker's successor
    therefore does not stand in for a sibling that froze some time ago. Numbers of processes and parents do not help:
    each container of a pod has its own.
    """
    ends = sorted((life.last_report, index) for index, life in enumerate(lifetimes) if life.is_over)
    found = [False] * len(lifetimes)
    waiting: list[int] = []  # ended, and without a successor yet: the latest is the last
    passed = 0
    for started in sorted(life.started for life in lifetimes):
        while passed < len(ends) and ends[passed][0] < started:
            waiting.append(ends[passed][1])
            passed += 1
        if waiting:
            found[waiting.pop()] = True
    return found
