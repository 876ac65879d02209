"""Several hosts in one URL: each has a share of the time before the next is tried beside it, in case it is silent."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exporter.database.attempt import current_attempt

if TYPE_CHECKING:
    from exporter.database.drivers.base import Driver
    from exporter.dsn import Target


async def connect(target: Target, driver: Driver) -> Any:
    """Connect to the first host that accepts.

    A host that has not answered within its share of the time is not given up, for a log-in over a slow line may take
    longer: the first connection wins, the others are aborted. Hosts are tried in their order, or in a random one
    where `load_balance_hosts` asks for that. `prefer-standby` is left to the driver, which compares all hosts.

    Raises:
        Exception: what the driver raised for the host that failed last, or at once for an error that is not one of
            its `next_host_errors`.
    """
    if len(target.hosts) == 1 or target.target_session_attrs == "prefer-standby":
        return await driver.connect(target)
    hosts = list(target.hosts)
    if target.load_balance_hosts == "random":
        random.shuffle(hosts)
    share = current_attempt().time_limit / len(hosts)
    tasks: list[asyncio.Task[Any]] = []
    winner = None
    try:
        winner = await _race(
            [replace(target, hosts=(host,)) for host in hosts],
            driver,
            tasks,
            share=min(share, target.connect_timeout or share),
        )
        return winner
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if result is not winner and not isinstance(result, BaseException):
                driver.abort(result)


async def _race(targets: list[Target], driver: Driver, tasks: list[asyncio.Task[Any]], *, share: float) -> Any:
    """Start a connect when the one before it has failed or used up its `share` of seconds; raise the last failure."""
    running: set[asyncio.Task[Any]] = set()
    failure: Exception | None = None
    for last, target in ((target is targets[-1], target) for target in targets):
        tasks.append(asyncio.create_task(driver.connect(target), name="connect"))
        running.add(tasks[-1])
        while running:
            done, running = await asyncio.wait(
                running,
                timeout=None if last else share,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                try:
                    return task.result()
                except driver.next_host_errors as error:
                    failure = error
            if not last:
                break
    raise failure or AssertionError("a target has a host")
