"""One run is shared, its deadline holds whatever the check does, and nothing of it is left behind."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from exporter.database.attempt import Phase, current_attempt
from exporter.database.drivers import asyncpg_driver
from exporter.model.outcome import Outcome
from exporter.model.result import ProbeResult
from exporter.probing.probe import Limits, Probe, Run

LIMITS = Limits(timeout=0.1, grace=0.2)
SOON = 0.09  # what a deadline may be missed by, on a busy machine

Answer = Callable[[Run], Awaitable[None]]


class Bench:
    """A probe over a check that each test replaces, and what came of it."""

    def __init__(self) -> None:
        """Answer at once by default."""
        self.checks = 0
        self.answer: Answer = succeed
        self.readings: list[ProbeResult] = []
        self.probe = Probe(
            self.check,
            limits=LIMITS,
            clock=time.monotonic,
            wall_clock=lambda: 1e9,
            on_result=self.readings.append,
        )

    async def check(self, run: Run) -> None:
        """Count and ask."""
        self.checks += 1
        await self.answer(run)


class Wire:
    """A driver's connection: only `terminate` wakes who waits for an answer."""

    def __init__(self) -> None:
        """Be open."""
        self.ended = asyncio.Event()

    def terminate(self) -> None:
        """Drop it."""
        self.ended.set()


async def succeed(run: Run) -> None:
    """Answer at once."""
    run.answer(Outcome.SUCCESS)


async def hang(_: Run) -> None:
    """Never answer."""
    await asyncio.Event().wait()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A probe of the test's own, after which no task is left."""
    made = Bench()
    yield made
    await made.probe.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def timed(reading: Awaitable[ProbeResult]) -> tuple[ProbeResult, float]:
    """Wait for a reading; how long it took."""
    began = time.monotonic()
    return await reading, time.monotonic() - began


async def test_success(bench: Bench) -> None:
    """A reading says what was found, how long it took and when, once."""
    reading = await bench.probe.read()

    assert (reading.outcome, reading.passed, reading.detail, reading.wall_time) == (Outcome.SUCCESS, True, "", 1e9)
    assert 0 <= reading.seconds < LIMITS.timeout
    assert bench.readings == [reading]
    assert bench.probe.latest is reading


async def test_everybody_shares_one_run(bench: Bench) -> None:
    """Who asks while a run is under way gets its result."""
    go = asyncio.Event()

    async def wait(run: Run) -> None:
        await go.wait()
        run.answer(Outcome.SUCCESS)

    bench.answer = wait
    asking = [asyncio.create_task(bench.probe.read()) for _ in range(50)]
    await asyncio.sleep(0)
    go.set()

    assert len({id(reading) for reading in await asyncio.gather(*asking)}) == 1
    assert bench.checks == len(bench.readings) == 1


async def test_a_young_reading_costs_nothing(bench: Bench) -> None:
    """A reading is handed out again until it is too old for who asks."""
    first = await bench.probe.read()

    assert await bench.probe.read(max_age=60) is first
    assert bench.probe.cached(60) is first
    assert await bench.probe.read(max_age=0) is not first
    assert bench.checks == 2


@pytest.mark.parametrize(
    ("phase", "outcome"),
    [
        (Phase.POOL, Outcome.POOL_EXHAUSTED),
        (Phase.RESOLVING, Outcome.DNS),
        (Phase.CONNECTING, Outcome.CONNECT_TIMEOUT),
        (Phase.QUERYING, Outcome.QUERY_TIMEOUT),
    ],
)
async def test_deadline(bench: Bench, phase: Phase, outcome: Outcome) -> None:
    """A check that does not answer is answered for, by what it waits for, in time."""

    async def stick(run: Run) -> None:
        current_attempt().phase = phase
        await hang(run)

    bench.answer = stick
    reading, took = await timed(bench.probe.read())

    assert reading.outcome is outcome
    assert "0.1 s" in reading.detail
    assert took < LIMITS.timeout + SOON


async def test_tear_down_is_not_waited_for(bench: Bench) -> None:
    """The first answer counts and is passed on, however long the rest of the check takes."""

    async def linger(run: Run) -> None:
        run.answer(Outcome.AUTH, "no")
        run.answer(Outcome.SUCCESS)
        await hang(run)

    bench.answer = linger
    reading, took = await timed(bench.probe.read())

    assert (reading.outcome, reading.detail) == (Outcome.AUTH, "no")
    assert took < SOON


async def test_one_run_at_a_time(bench: Bench) -> None:
    """While a run lasts no other begins, and who asks is answered by the deadline all the same."""
    bench.answer = hang
    await bench.probe.read()
    reading, took = await timed(bench.probe.read())

    assert bench.checks == 1
    assert not reading.passed
    assert took < LIMITS.timeout + SOON


async def test_next_run_after_the_former(bench: Bench) -> None:
    """A former run that ends within the deadline leaves the rest of it to the next."""
    go = asyncio.Event()

    async def wait(_: Run) -> None:
        await go.wait()

    bench.answer = wait
    await bench.probe.read()
    bench.answer = succeed
    second = asyncio.create_task(bench.probe.read())
    await asyncio.sleep(0)
    go.set()

    assert (await second).passed
    assert bench.checks == 2


async def test_late_answer(bench: Bench) -> None:
    """An answer after the deadline changes no reading, but tells a slow server from a dead one."""

    async def late(run: Run) -> None:
        await asyncio.sleep(LIMITS.timeout + 0.05)
        run.answer(Outcome.SUCCESS)

    bench.answer = late
    reading = await bench.probe.read()
    await bench.probe.settle()

    assert not reading.passed
    assert bench.probe.answered_late
    assert bench.probe.abandoned == 0
    bench.answer = succeed
    await bench.probe.read()
    await bench.probe.settle()
    assert not bench.probe.answered_late


async def test_abandoned(bench: Bench) -> None:
    """A run that does not end loses its connection first, which is counted, and then ends at once."""
    wire = Wire()

    async def stubborn(_: Run) -> None:
        current_attempt().querying(wire, asyncpg_driver.Driver(lambda _: None))
        try:
            await hang(_)
        finally:
            await wire.ended.wait()  # as a driver that wants to say goodbye

    bench.answer = stubborn
    await bench.probe.read()
    _, took = await timed(bench.probe.settle())  # type: ignore[arg-type]

    assert wire.ended.is_set()
    assert bench.probe.abandoned == 1
    assert took < LIMITS.grace + SOON


async def test_who_hangs_up_takes_nobody_along(bench: Bench) -> None:
    """One client's end does not end the run that others wait for."""
    go = asyncio.Event()

    async def wait(run: Run) -> None:
        await go.wait()
        run.answer(Outcome.SUCCESS)

    bench.answer = wait
    one, other = (asyncio.create_task(bench.probe.read()) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.sleep(0)
    go.set()

    assert (await other).passed
    assert one.cancelled()
    assert bench.checks == 1


async def test_close_under_way(bench: Bench) -> None:
    """Closing ends a run at once, its connection first."""
    wire = Wire()

    async def stubborn(_: Run) -> None:
        current_attempt().querying(wire, asyncpg_driver.Driver(lambda _: None))
        try:
            await hang(_)
        finally:
            await wire.ended.wait()

    bench.answer = stubborn
    asking = asyncio.create_task(bench.probe.read())
    await asyncio.sleep(0.02)
    began = time.monotonic()
    await bench.probe.close()

    assert time.monotonic() - began < SOON
    assert wire.ended.is_set()
    with pytest.raises(asyncio.CancelledError):
        await asking
