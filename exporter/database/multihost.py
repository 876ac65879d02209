"""One of several hosts: each gets a share of the time before the next is tried beside it, as one may be silent."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exporter.database import attempt as progress

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from exporter.dsn import Target

    Attempt = Callable[[Target], Coroutine[Any, Any, Any]]


async def connect(
    target: Target,
    attempt: Attempt,
    *,
    passes_on: tuple[type[Exception], ...],
    drop: Callable[[Any], None],
) -> Any:
    """Connect to the first host that lets us in.

    A host that has not answered within its share is not given up, for a log-in over a slow line may take longer:
    whichever is first wins. To prefer a standby is left to the driver, which compares all hosts.

    Args:
        target: its hosts are tried in their order, or in any where it asks for that.
        attempt: connects to a target of one host.
        passes_on: the errors after which the next host is tried; any other ends the attempt.
        drop: ends a connection that came second.
    """
    if len(target.hosts) == 1 or target.target_session_attrs == "prefer-standby":
        return await attempt(target)
    hosts = list(target.hosts)
    if target.load_balance_hosts == "random":
        random.shuffle(hosts)
    share = progress.current().limit / len(hosts)
    tasks: list[asyncio.Task[Any]] = []
    winner = None
    try:
        winner = await _race(
            [replace(target, hosts=(host,)) for host in hosts],
            attempt,
            tasks,
            share=min(share, target.connect_timeout or share),
            passes_on=passes_on,
        )
        return winner
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if result is not winner and not isinstance(result, BaseException):
                drop(result)


async def _race(
    targets: list[Target],
    attempt: Attempt,
    tasks: list[asyncio.Task[Any]],
    *,
    share: float,
    passes_on: tuple[type[Exception], ...],
) -> Any:
    """Start an attempt when the one before it has failed or used up its share; raises what failed last."""
    running: set[asyncio.Task[Any]] = set()
    failure: Exception | None = None
    for last, target in ((target is targets[-1], target) for target in targets):
        tasks.append(asyncio.create_task(attempt(target), name="connect"))
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
                except passes_on as error:
                    failure = error
            if not last:
                break
    raise failure or AssertionError("a target has a host")
