"""The metric families of connection pools, the application's and the exporter's own."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client import Metric

    from exporter.app_pools.registry import AppPools
    from exporter.model.pool import Histogram, PoolState, PoolTotals

_WORKER = ("database", "pool", "worker")
_POOL = ("database", "pool")

_GAUGES = {
    "dbhealth_pool_size": ("size", "Connections that the pool keeps open."),
    "dbhealth_pool_checked_out_connections": ("checked_out", "Connections in use."),
    "dbhealth_pool_checked_in_connections": ("checked_in", "Connections that are open and idle in the pool."),
    "dbhealth_pool_overflow_connections": ("overflow", "Open connections beyond the size of the pool."),
    "dbhealth_pool_max_connections": ("max_connections", "Connections that the pool may open at most."),
    "dbhealth_pool_pending_requests": ("pending", "Requests that wait for a connection now."),
    "dbhealth_pool_oldest_checkout_seconds": (
        "oldest_checkout_seconds",
        "How long the connection in use for longest has been out; 0 when none is.",
    ),
    "dbhealth_pool_leaked_connections": (
        "leaked",
        "Connections in use that the application calls leaked (5: five or more).",
    ),
    "dbhealth_app_event_loop_lag_seconds": (
        "event_loop_lag_seconds",
        "How late the event loop that uses the pool came back to its report.",
    ),
}
_COUNTERS = {
    "dbhealth_pool_timeouts": ("timeouts", "Requests that gave up waiting for a connection."),
    "dbhealth_pool_connects": ("connects", "Connections opened."),
    "dbhealth_pool_invalidations": ("invalidations", "Connections thrown away because they were broken."),
}
_HISTOGRAMS = {
    "dbhealth_pool_wait_seconds": ("wait", "How long requests waited for a connection."),
    "dbhealth_pool_use_seconds": ("use", "How long connections were in use."),
    "dbhealth_pool_create_seconds": ("create", "How long it took to open a connection."),
}


def pool_families(states: Iterable[PoolState], totals: Iterable[PoolTotals]) -> Iterator[Metric]:
    """Yield every `dbhealth_pool_*` family; a number that is None has no sample."""
    states, totals = tuple(states), tuple(totals)
    for name, (field, text) in _GAUGES.items():
        gauge = GaugeMetricFamily(name, text, labels=_WORKER)
        for state in states:
            if (value := getattr(state, field)) is not None:
                gauge.add_metric((state.database, state.pool, state.worker), value)
        yield gauge
    yield _oldest_checkouts(states)
    for name, (field, text) in _COUNTERS.items():
        counter = CounterMetricFamily(name, text, labels=_POOL)
        for total in totals:
            if (value := getattr(total, field)) is not None:
                counter.add_metric((total.database, total.pool), value)
        yield counter
    for name, (field, text) in _HISTOGRAMS.items():
        family = HistogramMetricFamily(name, text, labels=_POOL)
        for total in totals:
            _add(family, (total.database, total.pool), getattr(total, field))
        yield family


def app_families(app_pools: AppPools) -> Iterator[Metric]:
    """Yield the families about the reports: the rejected ones, and silent workers."""
    rejected = CounterMetricFamily(
        "dbhealth_app_reports_rejected",
        "Reports of applications that were dropped.",
        labels=("reason",),
    )
    for reason, count in app_pools.rejected().items():
        rejected.add_metric((reason.value,), count)
    yield rejected
    silent = GaugeMetricFamily(
        "dbhealth_app_worker_silent",
        "1 when a worker stopped reporting without a goodbye, or its event loop stands still.",
        labels=_WORKER,
    )
    for worker in app_pools.worker_presences():
        silent.add_metric((worker.database, worker.pool, worker.worker), worker.silent)
    yield silent


def _oldest_checkouts(states: tuple[PoolState, ...]) -> Metric:
    """Return the family that names the place of each pool's oldest leaked checkout, one series for each pool."""
    family = InfoMetricFamily(
        "dbhealth_pool_oldest_checkout",
        "Where in the application the connection was checked out that has been out for too long.",
        labels=_POOL,
    )
    oldest: dict[tuple[str, str], PoolState] = {}
    for state in sorted(states, key=lambda state: state.oldest_checkout_seconds or 0.0):
        if state.oldest_location is not None:
            oldest[state.database, state.pool] = state
    for key, state in oldest.items():
        family.add_metric(key, {"location": state.oldest_location or ""})
    return family


def _add(family: HistogramMetricFamily, labels: tuple[str, str], histogram: Histogram | None) -> None:
    if histogram is None:
        return
    bounds = [*(str(bound) for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
    family.add_metric(labels, buckets, histogram.sum)
