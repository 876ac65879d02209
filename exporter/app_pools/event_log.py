"""The log of the applications' reports: one line for each leak and for each event loop that stands still."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.app_pools.report import PoolReport
    from exporter.app_pools.worker import WorkerPool
    from exporter.model.pool import Leak, PoolState

log = logging.getLogger(__name__)

_MAX_LOGGED = 64  # numbers of leaks that are remembered for each pool of a worker


def log_changes(before: PoolReport | None, pool: WorkerPool) -> None:
    """Log the leaks and stalls of a report that the report before did not have.

    Args:
        before: the worker's previous report of the same pool.
        pool: the pool with the report that has just been received.
    """
    state, report = pool.state, pool.report
    for leak in state.leaks or ():
        if leak.number not in pool.logged_leaks:
            _log_leak(state, leak)
    if state.leaks:  # a report without leaks may be one made at a checkin, which describes none
        numbers = frozenset(leak.number for leak in state.leaks)
        pool.logged_leaks = numbers if len(pool.logged_leaks) > _MAX_LOGGED else pool.logged_leaks | numbers
    if report.stalled_seconds is not None and (before is None or before.stalled_seconds is None):
        log.warning(
            "the event loop of pool %s (worker %s) stands still; now: %s",
            state.pool,
            state.worker,
            state.oldest_doing or "unknown",
            extra={"database": state.database, "pool": state.pool},
        )


def _log_leak(state: PoolState, leak: Leak) -> None:
    log.warning(
        "a connection of pool %s (worker %s) has been out for %.0f s: checked out at %s; now: %s",
        state.pool,
        state.worker,
        leak.seconds,
        leak.location or "an unknown place",
        leak.doing or "unknown",
        extra={"database": state.database, "pool": state.pool, "location": leak.location},
    )
