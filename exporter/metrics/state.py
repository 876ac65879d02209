"""Collects the state of databases, pools and the exporter itself; it reads the latest status and does no I/O."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import sqlalchemy
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from exporter import __version__
from exporter.diagnosis.verdict import Verdict
from exporter.metrics.pools import app_families, pool_families
from exporter.model.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from exporter.app_pools.registry import AppPools
    from exporter.probing.monitor import Monitor
    from exporter.probing.status import DatabaseStatus

_REASON = ("database", "reason")


class StateCollector(Collector):
    """Yields the state at the moment of a scrape."""

    def __init__(
        self,
        monitors: Mapping[str, Monitor],
        *,
        app_pools: AppPools | None,
        tasks: Callable[[], int],
        lag: Callable[[], float],
    ) -> None:
        """Keep the sources of the state."""
        self._monitors = monitors
        self._app_pools = app_pools
        self._tasks = tasks
        self._lag = lag

    def collect(self) -> Iterator[Metric]:
        """Yield every family, also those without a series yet."""
        yield from self._configured()
        yield from self._health()
        yield from self._probes()
        yield from self._server()
        yield from self._pool_families()
        yield from self._exporter()

    def _statuses(self) -> Iterator[DatabaseStatus]:
        return (monitor.status for monitor in self._monitors.values())

    def _configured(self) -> Iterator[Metric]:
        """Yield the settings that alerts compare with: intervals with ages, and servers among applications."""
        interval = _gauge("dbhealth_probe_interval_seconds", "Time between two probes; 0 is off.", "database", "path")
        info = _gauge("dbhealth_database_info", "1, with the server that the address names.", "database", "server")
        for name, monitor in self._monitors.items():
            for path in monitor.status.paths:
                interval.add_metric([name, path.value], monitor.config.intervals[path])
            if monitor.server_address:
                info.add_metric([name, monitor.server_address], 1)
        yield from (interval, info)

    def _health(self) -> Iterator[Metric]:
        up = _gauge("dbhealth_up", "Whether the latest pooled probe passed.", "database")
        verdict = _gauge("dbhealth_verdict", "1 for the verdict that holds.", "database", "verdict")
        reason = _gauge("dbhealth_verdict_reason", "1 for the reason of the verdict, if one is known.", *_REASON)
        for status in self._statuses():
            if status.pooled.latest is not None:
                up.add_metric([status.name], status.pooled.latest.passed)
            for each in Verdict:
                verdict.add_metric([status.name, each.value], each is status.verdict)
            for known in Reason:
                reason.add_metric([status.name, known.value], known is status.reason)
        yield from (up, verdict, reason)

    def _probes(self) -> Iterator[Metric]:
        labels = ("database", "path")
        latency = _gauge("dbhealth_probe_latency_seconds", "How long the latest probe took.", *labels)
        ended = _gauge("dbhealth_probe_last_timestamp_seconds", "When the latest probe ended.", *labels)
        success = _gauge(
            "dbhealth_probe_last_success_timestamp_seconds",
            "When the latest probe that passed ended.",
            *labels,
        )
        abandoned = CounterMetricFamily(
            "dbhealth_abandoned_connections",
            "Connections dropped because nothing came over them long after the deadline.",
            labels=["database"],
        )
        for status in self._statuses():
            for path, found in status.paths.items():
                if found.latest is not None:
                    latency.add_metric([status.name, path.value], found.latest.seconds)
                    ended.add_metric([status.name, path.value], found.latest.wall_time)
                if found.last_success is not None:
                    success.add_metric([status.name, path.value], found.last_success.wall_time)
            abandoned.add_metric([status.name], status.abandoned_connections)
        yield from (latency, ended, success, abandoned)

    def _server(self) -> Iterator[Metric]:
        recovery = _gauge("dbhealth_server_in_recovery", "Whether the server is a replica or recovering.", "database")
        used = _gauge("dbhealth_server_connections", "Connections that the server has.", "database")
        maximum = _gauge("dbhealth_server_max_connections", "Connections that the server allows.", "database")
        sessions = _gauge("dbhealth_pod_sessions", "This pod's sessions, as the server sees them.", "database", "state")
        idle = _gauge(
            "dbhealth_pod_oldest_idle_in_transaction_seconds",
            "How long this pod's oldest session idle in transaction has been idle.",
            "database",
        )
        for status in self._statuses():
            if status.in_recovery is not None:
                recovery.add_metric([status.name], status.in_recovery)
            stats = status.server_stats
            if stats is None:
                continue
            used.add_metric([status.name], stats.connections)
            maximum.add_metric([status.name], stats.max_connections)
            for state, count in stats.pod_sessions.items():
                sessions.add_metric([status.name, state], count)
            if stats.oldest_idle_in_transaction is not None:
                idle.add_metric([status.name], stats.oldest_idle_in_transaction)
        yield from (recovery, used, maximum, sessions, idle)

    def _pool_families(self) -> Iterator[Metric]:
        pools = [monitor.pool for monitor in self._monitors.values()]
        states = [state for pool in pools if (state := pool.state()) is not None]
        totals = [total for pool in pools if (total := pool.totals()) is not None]
        if self._app_pools is not None:
            states.extend(self._app_pools.states())
            totals.extend(self._app_pools.totals())
        yield from pool_families(states, totals)
        if self._app_pools is not None:
            yield from app_families(self._app_pools)

    def _exporter(self) -> Iterator[Metric]:
        labels = {
            "version": __version__,
            "python": platform.python_version(),
            "sqlalchemy": sqlalchemy.__version__,
            "driver": ",".join(sorted({monitor.driver for monitor in self._monitors.values()})),
        }
        build = _gauge("dbhealth_build_info", "What runs; always 1.", *labels)
        build.add_metric(list(labels.values()), 1)
        tasks = _gauge("dbhealth_asyncio_tasks", "Tasks in the exporter's event loop.")
        tasks.add_metric([], self._tasks())
        lag = _gauge("dbhealth_event_loop_lag_seconds", "How late the exporter's event loop woke up last.")
        lag.add_metric([], self._lag())
        yield from (build, tasks, lag)


def _gauge(name: str, help_text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, labels=list(labels))
