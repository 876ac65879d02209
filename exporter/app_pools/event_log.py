"""The log of what applications report: one line for each leak and for each event loop that stands still."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.app_pools.report import PoolReport
    from exporter.model.pool import PoolState

log = logging.getLogger(__name__)


def log_changes(before: PoolReport | None, report: PoolReport, state: PoolState) -> None:
    """Log what a report says that the one before did not say.

    Args:
        before: the worker's previous report of the same pool.
        report: the one that has just been received.
        state: its numbers, with the labels that are exported.
    """
    labels = {"database": state.database, "pool": state.pool}
    if report.leak is not None and (before is None or report.leak != before.leak):
        log.warning(
            "a connection of pool %s (worker %s) has been out for %.0f s: checked out at %s; now: %s",
            state.pool,
            state.worker,
            state.oldest_checkout_seconds,
            state.oldest_location or "an unknown place",
            state.oldest_doing or "unknown",
            extra={**labels, "location": state.oldest_location},
        )
    if report.stalled_seconds is not None and (before is None or before.stalled_seconds is None):
        log.warning(
            "the event loop of pool %s (worker %s) stands still; now: %s",
            state.pool,
            state.worker,
            state.oldest_doing or "unknown",
            extra=labels,
        )
