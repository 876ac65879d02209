"""The commands that ask once and end: `check`, `wait` and `init-db`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import TYPE_CHECKING

from exporter.database.engine import PoolOptions, close_db, make_engine
from exporter.database.errors import describe
from exporter.probing.checks import ServerState, query_check
from exporter.probing.probe import Limits, Probe

if TYPE_CHECKING:
    from exporter.model.result import ProbeResult
    from exporter.settings.config import Database, Values

FAREWELL = 0.1  # seconds for a connection's polite end, so that the server has nothing to log
PAUSE = 1.0  # seconds between two attempts of `wait`
INIT_LIMIT = 60.0  # seconds that `init-db` may take


async def check(values: Values) -> int:
    """Probe each database once by a new connection, print a line each; 0 if all that are required pass, else 1."""
    readings = await asyncio.gather(*(_probe(values, each) for each in values.databases))
    for database, reading in zip(values.databases, readings, strict=True):
        _say(database, reading)
    return _status(values, readings)


async def wait(values: Values, *, timeout: float) -> int:  # noqa: ASYNC109 - the command's own limit, not a task's
    """Probe until every required database answers: 0; or until `timeout` seconds have passed: 1."""
    deadline = time.monotonic() + timeout
    said: list[str] = []
    while True:
        readings = await asyncio.gather(*(_probe(values, each) for each in values.databases))
        outcomes = [reading.outcome.value for reading in readings]
        if outcomes != said:
            for database, reading in zip(values.databases, readings, strict=True):
                _say(database, reading)
            said = outcomes
        if _status(values, readings) == 0:
            return 0
        if time.monotonic() + PAUSE > deadline:
            failed = zip(values.databases, readings, strict=True)
            last = "; ".join(_words(*each) for each in failed if each[0].required and not each[1].passed)
            print(f"gave up after {timeout:g} s: {last}", file=sys.stderr)  # noqa: T201 - a command's answer
            return 1
        await asyncio.sleep(PAUSE)


async def init_db(values: Values) -> int:
    """Create the extensions and the tables in every database: 0, or 1 if one that is required failed; a line each."""
    made = [await _init_one(values, database) or not database.required for database in values.databases]
    return int(not all(made))


async def _init_one(values: Values, database: Database) -> bool:
    from exporter.database import sessions

    engine = make_engine(database.source, _options(values), pooled=False)
    try:
        async with asyncio.timeout(INIT_LIMIT):
            await sessions.init_db(engine, extensions=values.extensions)
    except Exception as error:  # noqa: BLE001 - the command's edge
        print(f"{database.name}: nothing was changed: {describe(error)}", file=sys.stderr)  # noqa: T201
        return False
    finally:
        await close_db(engine)
    print(f"{database.name}: ready", flush=True)  # noqa: T201
    return True


async def _probe(values: Values, database: Database) -> ProbeResult:
    engine = make_engine(database.source, _options(values), pooled=False)
    probe = Probe(
        query_check(engine, ServerState(), expect=database.expect, fresh=True),
        limits=Limits(timeout=values.probe_timeout, grace=0.0),
        clock=time.monotonic,
        wall_clock=time.time,
        on_result=lambda _: None,
    )
    reading = await probe.read()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FAREWELL):
            await probe.settle()
    await probe.close()
    return reading


def _options(values: Values) -> PoolOptions:
    return PoolOptions(echo=values.echo)


def _status(values: Values, readings: list[ProbeResult]) -> int:
    required = zip(values.databases, readings, strict=True)
    return int(not all(reading.passed for database, reading in required if database.required))


def _say(database: Database, reading: ProbeResult) -> None:
    print(_words(database, reading), flush=True)  # noqa: T201 - a command's answer


def _words(database: Database, reading: ProbeResult) -> str:
    detail = f": {reading.detail}" if reading.detail else ""
    return f"{database.name}: {reading.outcome} in {reading.seconds * 1000:.1f} ms{detail}"
