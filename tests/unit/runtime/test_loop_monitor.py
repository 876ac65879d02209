"""The loop's pulse: how late it is, and that a stall is told for a while after it has ended."""

import asyncio

from exporter.runtime.loop_monitor import EVERY, REMEMBERED, STALL, Pulse


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        """Begin."""
        self.now = 100.0

    def __call__(self) -> float:
        """Read it."""
        return self.now


def test_in_time() -> None:
    """A loop that wakes when it is due has no lag and has not stalled."""
    clock = Clock()
    pulse = Pulse(clock)
    clock.now += EVERY

    assert not pulse.stalled()
    assert pulse.lag == 0


def test_late() -> None:
    """A little late is lag, not a stall."""
    clock = Clock()
    pulse = Pulse(clock)
    clock.now += EVERY + STALL - 0.1

    assert not pulse.stalled()
    assert round(pulse.lag, 6) == round(STALL - 0.1, 6)


def test_stall_is_remembered() -> None:
    """A loop that stood still answers nobody meanwhile, so it is told afterwards, and then forgotten."""
    clock = Clock()
    pulse = Pulse(clock)
    clock.now += EVERY + STALL + 0.1
    assert pulse.stalled()
    pulse._due = clock.now + 1000  # it beats again

    clock.now += REMEMBERED - 0.1
    assert pulse.stalled()
    clock.now += 0.2
    assert not pulse.stalled()


async def test_beats() -> None:
    """The beat is what moves the due time on."""
    clock = Clock()
    pulse = Pulse(clock)
    beating = asyncio.create_task(pulse.beat())
    try:
        clock.now += STALL + EVERY - 0.1
        await asyncio.sleep(0)  # the first beat sets its next one from now
        clock.now += STALL

        assert not pulse.stalled()
    finally:
        beating.cancel()
