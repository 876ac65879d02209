"""The commands that end by themselves: `check`, `wait` and `init-db`."""

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
    from exporter.settings.config import Config, DatabaseConfig

CLOSE_TIMEOUT = 0.1  # seconds for a connection to close gracefully, so that the server logs nothing
RETRY_INTERVAL = 1.0  # seconds between two attempts of `wait`
INIT_TIMEOUT = 60.0  # seconds for `init-db`, for each database


async def check(config: Config) -> int:
    """Probe each database once by a new connection and print a line for it: 0 if all required ones pass, else 1."""
    results = await asyncio.gather(*(_probe(config, each) for each in config.databases))
    for database, result in zip(config.databases, results, strict=True):
        _print_result(database, result)
    return _status(config, results)


async def wait(config: Config, *, timeout: float) -> int:  # noqa: ASYNC109 - the command's own limit, not a task's
    """Probe until every required database answers: 0; or until `timeout` seconds have passed: 1."""
    deadline = time.monotonic() + timeout
    printed: list[str] = []
    while True:
        results = await asyncio.gather(*(_probe(config, each) for each in config.databases))
        outcomes = [result.outcome.value for result in results]
        if outcomes != printed:
            for database, result in zip(config.databases, results, strict=True):
                _print_result(database, result)
            printed = outcomes
        if _status(config, results) == 0:
            return 0
        if time.monotonic() + RETRY_INTERVAL > deadline:
            failed = zip(config.databases, results, strict=True)
            last = "; ".join(_describe_result(*each) for each in failed if each[0].required and not each[1].passed)
            print(f"gave up after {timeout:g} s: {last}", file=sys.stderr)  # noqa: T201 - a command's answer
            return 1
        await asyncio.sleep(RETRY_INTERVAL)


async def init_db(config: Config) -> int:
    """Create the extensions and the tables in every database: 0, or 1 if a required one failed; a line for each."""
    made = [await _init_one(config, database) or not database.required for database in config.databases]
    return int(not all(made))


async def _init_one(config: Config, database: DatabaseConfig) -> bool:
    from exporter.database import sessions

    engine = make_engine(database.source, _options(config), pooled=False)
    try:
        async with asyncio.timeout(INIT_TIMEOUT):
            await sessions.init_db(engine, extensions=config.extensions)
    except Exception as error:  # noqa: BLE001 - the command's edge
        print(f"{database.name}: nothing was changed: {describe(error)}", file=sys.stderr)  # noqa: T201
        return False
    finally:
        await close_db(engine)
    print(f"{database.name}: ready", flush=True)  # noqa: T201
    return True


async def _probe(config: Config, database: DatabaseConfig) -> ProbeResult:
    engine = make_engine(database.source, _options(config), pooled=False)
    probe = Probe(
        query_check(engine, ServerState(), expect=database.expect, fresh=True),
        limits=Limits(timeout=config.probe_timeout, grace=0.0),
        clock=time.monotonic,
        wall_clock=time.time,
        on_result=lambda _: None,
    )
    result = await probe.read()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await probe.settle()
    await probe.close()
    return result


def _options(config: Config) -> PoolOptions:
    return PoolOptions(echo=config.echo)


def _status(config: Config, results: list[ProbeResult]) -> int:
    pairs = zip(config.databases, results, strict=True)
    return int(not all(result.passed for database, result in pairs if database.required))


def _print_result(database: DatabaseConfig, result: ProbeResult) -> None:
    print(_describe_result(database, result), flush=True)  # noqa: T201 - a command's answer


def _describe_result(database: DatabaseConfig, result: ProbeResult) -> str:
    detail = f": {result.detail}" if result.detail else ""
    return f"{database.name}: {result.outcome} in {result.seconds * 1000:.1f} ms{detail}"
