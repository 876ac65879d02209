"""Who succeeds whom: a table of lifetimes."""

import pytest

from exporter.app_pools.succession import Lifetime, replaced


@pytest.mark.parametrize(
    ("lifetimes", "expected"),
    [
        ([], []),
        ([(0, 5, True)], [False]),
        ([(0, 5, True), (6, 9, False)], [True, False]),
        ([(0, 5, True), (4, 9, False)], [False, False]),
        ([(0, 5, False), (6, 9, False)], [False, False]),
        ([(0, 5, True), (6, 9, True), (10, 12, False)], [True, True, False]),
        ([(0, 5, True), (0, 8, True), (9, 12, False)], [False, True, False]),
        ([(0, 5, True), (6, 9, False), (7, 9, False), (0, 5.5, True)], [True, False, False, True]),
    ],
)
def test_replaced(lifetimes: list[tuple[float, float, bool]], expected: list[bool]) -> None:
    """A process succeeds the last one that was over before it started, and only that."""
    assert replaced([Lifetime(*each) for each in lifetimes]) == expected
