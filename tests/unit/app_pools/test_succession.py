"""Which process succeeds which: a table of lifetimes."""

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
def test_process_succeeds_the_last_one_that_ended_before(
    lifetimes: list[tuple[float, float, bool]], expected: list[bool]
) -> None:
    """A process succeeds the last one that had ended before it started, and only that one."""
    assert replaced([Lifetime(*each) for each in lifetimes]) == expected
