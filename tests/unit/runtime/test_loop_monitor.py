"""How late the event loop is, and that a stall is reported for a while after it has ended."""

import asyncio

from exporter.runtime.loop_monitor import INTERVAL, REPORTED_FOR, STALL_SECONDS, LoopMonitor
from tests.support.clock import Clock


def test_loop_in_time_has_no_lag() -> None:
    """A loop that wakes when it is due has no lag and has not stalled."""
    clock = Clock()
    monitor = LoopMonitor(clock)
    clock.now += INTERVAL

    assert not monitor.stalled()
    assert monitor.lag == 0


def test_lag_below_the_limit_is_no_stall() -> None:
    """A little late is lag, not a stall."""
    clock = Clock()
    monitor = LoopMonitor(clock)
    clock.now += INTERVAL + STALL_SECONDS - 0.1

    assert not monitor.stalled()
    assert round(monitor.lag, 6) == round(STALL_SECONDS - 0.1, 6)


def test_stall_is_reported_for_a_while() -> None:
    """A stalled loop answers no request, so the stall is reported afterwards, and then no longer."""
    clock = Clock()
    monitor = LoopMonitor(clock)
    clock.now += INTERVAL + STALL_SECONDS + 0.1
    assert monitor.stalled()
    monitor._due = clock.now + 1000  # the loop runs again

    clock.now += REPORTED_FOR - 0.1
    assert monitor.stalled()
    clock.now += 0.2
    assert not monitor.stalled()


async def test_running_moves_the_due_time() -> None:
    """Each wake-up sets the next due time."""
    clock = Clock()
    monitor = LoopMonitor(clock)
    running = asyncio.create_task(monitor.run())
    try:
        clock.now += STALL_SECONDS + INTERVAL - 0.1
        await asyncio.sleep(0)  # the first turn is due from now
        clock.now += STALL_SECONDS

        assert not monitor.stalled()
    finally:
        running.cancel()
