"""A run is shared by all callers, keeps its deadline whatever the check does, and leaves no task behind."""

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
TOLERANCE = 0.09  # seconds by which a busy machine may miss a deadline

Answer = Callable[[Run], Awaitable[None]]


class ProbeUnderTest:
    """A probe whose check each test replaces, and its results."""

    def __init__(self) -> None:
        """Answer at once by default."""
        self.checks = 0
        self.answer: Answer = succeed
        self.results: list[ProbeResult] = []
        self.probe = Probe(
            self.check,
            limits=LIMITS,
            clock=time.monotonic,
            wall_clock=lambda: 1e9,
            on_result=self.results.append,
        )

    async def check(self, run: Run) -> None:
        """Count the run and answer."""
        self.checks += 1
        await self.answer(run)


class FakeConnection:
    """A driver's connection: only `terminate` ends the wait for an answer."""

    def __init__(self) -> None:
        """Start as an open connection."""
        self.ended = asyncio.Event()

    def terminate(self) -> None:
        """Drop the connection."""
        self.ended.set()


async def succeed(run: Run) -> None:
    """Answer at once."""
    run.answer(Outcome.SUCCESS)


async def hang(_: Run) -> None:
    """Never answer."""
    await asyncio.Event().wait()


@pytest.fixture
async def bench() -> AsyncIterator[ProbeUnderTest]:
    """A probe; no task is left after its test."""
    made = ProbeUnderTest()
    yield made
    await made.probe.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def timed(result: Awaitable[ProbeResult]) -> tuple[ProbeResult, float]:
    """Return the result and how many seconds it took."""
    began = time.monotonic()
    return await result, time.monotonic() - began


async def test_result_holds_outcome_duration_and_time(bench: ProbeUnderTest) -> None:
    """A result is passed on once."""
    result = await bench.probe.read()

    assert (result.outcome, result.passed, result.detail, result.wall_time) == (Outcome.SUCCESS, True, "", 1e9)
    assert 0 <= result.seconds < LIMITS.timeout
    assert bench.results == [result]
    assert bench.probe.latest is result


async def test_concurrent_callers_share_one_run(bench: ProbeUnderTest) -> None:
    """Callers during a run get its result."""
    go = asyncio.Event()

    async def wait(run: Run) -> None:
        await go.wait()
        run.answer(Outcome.SUCCESS)

    bench.answer = wait
    callers = [asyncio.create_task(bench.probe.read()) for _ in range(50)]
    await asyncio.sleep(0)
    go.set()

    assert len({id(result) for result in await asyncio.gather(*callers)}) == 1
    assert bench.checks == len(bench.results) == 1


async def test_recent_result_is_returned_again(bench: ProbeUnderTest) -> None:
    """No run is started while the latest result is recent enough for the caller."""
    first = await bench.probe.read()

    assert await bench.probe.read(max_age=60) is first
    assert bench.probe.cached(60) is first
    assert await bench.probe.read(max_age=0) is not first
    assert bench.checks == 2


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("phase", "outcome"),
    [
        (Phase.POOL, Outcome.POOL_EXHAUSTED),
        (Phase.RESOLVING, Outcome.DNS),
        (Phase.CONNECTING, Outcome.CONNECT_TIMEOUT),
        (Phase.QUERYING, Outcome.QUERY_TIMEOUT),
    ],
)
async def test_outcome_at_the_deadline_follows_from_the_phase(
    bench: ProbeUnderTest, phase: Phase, outcome: Outcome
) -> None:
    """A check that does not answer in time gets the outcome of what it waits for."""

    async def stick(run: Run) -> None:
        current_attempt().phase = phase
        await hang(run)

    bench.answer = stick
    result, took = await timed(bench.probe.read())

    assert result.outcome is outcome
    assert "0.1 s" in result.detail
    assert took < LIMITS.timeout + TOLERANCE


async def test_first_answer_is_returned_before_the_check_ends(bench: ProbeUnderTest) -> None:
    """Only the first answer counts, however long the rest of the check takes."""

    async def linger(run: Run) -> None:
        run.answer(Outcome.AUTH, "no")
        run.answer(Outcome.SUCCESS)
        await hang(run)

    bench.answer = linger
    result, took = await timed(bench.probe.read())

    assert (result.outcome, result.detail) == (Outcome.AUTH, "no")
    assert took < TOLERANCE


async def test_no_second_run_beside_an_unfinished_one(bench: ProbeUnderTest) -> None:
    """Callers still get a result by the deadline."""
    bench.answer = hang
    await bench.probe.read()
    result, took = await timed(bench.probe.read())

    assert bench.checks == 1
    assert not result.passed
    assert took < LIMITS.timeout + TOLERANCE


async def test_next_run_starts_when_the_former_ends(bench: ProbeUnderTest) -> None:
    """A former run that ends before the deadline leaves the rest of the time to the next one."""
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


async def test_late_answer_is_noted(bench: ProbeUnderTest) -> None:
    """An answer after the deadline changes no result, but tells a slow server from a dead one."""

    async def late(run: Run) -> None:
        await asyncio.sleep(LIMITS.timeout + 0.05)
        run.answer(Outcome.SUCCESS)

    bench.answer = late
    result = await bench.probe.read()
    await bench.probe.settle()

    assert not result.passed
    assert bench.probe.answered_late
    assert bench.probe.abandoned == 0
    bench.answer = succeed
    await bench.probe.read()
    await bench.probe.settle()
    assert not bench.probe.answered_late


@pytest.mark.extended
async def test_unfinished_run_is_aborted_after_the_grace(bench: ProbeUnderTest) -> None:
    """Its connection is dropped first, which is counted; then the run ends at once."""
    connection = FakeConnection()

    async def stubborn(_: Run) -> None:
        current_attempt().querying(connection, asyncpg_driver.Driver(lambda _: None))
        try:
            await hang(_)
        finally:
            await connection.ended.wait()  # as a driver that closes politely

    bench.answer = stubborn
    await bench.probe.read()
    _, took = await timed(bench.probe.settle())  # type: ignore[arg-type]

    assert connection.ended.is_set()
    assert bench.probe.abandoned == 1
    assert took < LIMITS.grace + TOLERANCE


async def test_cancelled_caller_does_not_cancel_the_run(bench: ProbeUnderTest) -> None:
    """Other callers still get the result."""
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


async def test_close_ends_a_run_at_once(bench: ProbeUnderTest) -> None:
    """Its connection is dropped first."""
    connection = FakeConnection()

    async def stubborn(_: Run) -> None:
        current_attempt().querying(connection, asyncpg_driver.Driver(lambda _: None))
        try:
            await hang(_)
        finally:
            await connection.ended.wait()

    bench.answer = stubborn
    callers = asyncio.create_task(bench.probe.read())
    await asyncio.sleep(0.02)
    began = time.monotonic()
    await bench.probe.close()

    assert time.monotonic() - began < TOLERANCE
    assert connection.ended.is_set()
    with pytest.raises(asyncio.CancelledError):
        await callers
