"""Every metric name, on a registry of the exporter's own, and its rendering, which is kept for a moment."""

from __future__ import annotations

import gzip
import platform
from typing import TYPE_CHECKING

import sqlalchemy
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from exporter import __version__
from exporter.diagnosis.verdict import Verdict
from exporter.metrics.pools import app_families, pool_families
from exporter.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from prometheus_client.metrics_core import Metric

    from exporter.app_pools.registry import AppPools
    from exporter.model.result import ProbePath
    from exporter.probing.monitor import Monitor
    from exporter.probing.status import DatabaseStatus

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
KEPT_BYTES = 4 << 20  # of renderings: one for each format, compression and filter, and clients name the filter
KEPT_SECONDS = 1.0  # what the process itself uses changes without a word
ENTRY_BYTES = 512  # what an empty rendering costs: a filter that matches nothing is kept too
SUFFIXES = ("", "_total", "_bucket", "_sum", "_count", "_info")  # from a family's name to those of its samples


class Metrics:
    """Counts events as they come and collects state when it is asked for; never does I/O."""

    def __init__(
        self,
        monitors: Mapping[str, Monitor],
        *,
        app_pools: AppPools | None,
        tasks: Callable[[], int],
        lag: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        """Create every series, so that each counter is there from the start at 0."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._renderings: dict[tuple[str, bool, tuple[str, ...]], tuple[bytes, str]] = {}
        self._kept_bytes = 0
        self._clock = clock
        self._kept_since = clock()
        self._registry = CollectorRegistry(auto_describe=True)
        self._probes = Counter(
            "dbhealth_probes",
            "Probes by outcome.",
            ("database", "path", "outcome"),
            registry=self._registry,
        )
        self._durations = Histogram(
            "dbhealth_probe_duration_seconds",
            "How long probes took.",
            ("database", "path"),
            buckets=BUCKETS,
            registry=self._registry,
        )
        for name, monitor in monitors.items():
            for path in monitor.status.paths:
                self._durations.labels(name, path.value)
                for outcome in Outcome:
                    self._probes.labels(name, path.value, outcome.value)
        self._registry.register(StateCollector(monitors, app_pools=app_pools, tasks=tasks, lag=lag))
        ProcessCollector(registry=self._registry)

    def update(self, status: DatabaseStatus, path: ProbePath | None) -> None:
        """Count the probe that has ended, if one has; forget the renderings of the status before."""
        result = status.paths[path].latest if path is not None else None
        if path is not None and result is not None:
            self._probes.labels(status.name, path.value, result.outcome.value).inc()
            self._durations.labels(status.name, path.value).observe(result.seconds)
        self.clear_cache()

    def clear_cache(self) -> None:
        """Forget the renderings: something has changed since."""
        self._renderings.clear()
        self._kept_bytes = 0
        self._kept_since = self._clock()

    def render(self, *, accept: str, compress: bool, names: Sequence[str] = ()) -> tuple[bytes, str]:
        """Return the body and its content type, in the format that the client asks for."""
        encoder, content_type = choose_encoder(accept)
        if self._clock() - self._kept_since >= KEPT_SECONDS:
            self.clear_cache()
        key = (content_type, compress, tuple(names))
        kept = self._renderings.get(key)
        if kept is None:
            samples = [name + suffix for name in names for suffix in SUFFIXES]
            registry = self._registry.restricted_registry(samples) if names else self._registry
            body = encoder(registry)
            kept = (gzip.compress(body, compresslevel=1) if compress else body, content_type)
            self._kept_bytes += ENTRY_BYTES + len(kept[0]) + sum(map(len, names))
            if self._kept_bytes <= KEPT_BYTES:
                self._renderings[key] = kept
        return kept


class StateCollector(Collector):
    """Reads what is known at the moment of a scrape."""

    def __init__(
        self,
        monitors: Mapping[str, Monitor],
        *,
        app_pools: AppPools | None,
        tasks: Callable[[], int],
        lag: Callable[[], float],
    ) -> None:
        """Keep what to read from."""
        self._monitors = monitors
        self._app_pools = app_pools
        self._tasks = tasks
        self._lag = lag

    def _statuses(self) -> Iterator[DatabaseStatus]:
        return (monitor.status for monitor in self._monitors.values())

    def collect(self) -> Iterator[Metric]:
        """Yield every family, also those without a series yet."""
        yield from self._health()
        yield from self._probes()
        yield from self._server()
        yield from self._pool_families()
        yield from self._exporter()

    def _health(self) -> Iterator[Metric]:
        up = _gauge("dbhealth_up", "Whether the latest pooled probe passed.", "database")
        verdict = _gauge("dbhealth_verdict", "1 for the verdict that holds.", "database", "verdict")
        for status in self._statuses():
            if status.pooled.latest is not None:
                up.add_metric([status.name], status.pooled.latest.passed)
            for each in Verdict:
                verdict.add_metric([status.name, each.value], each is status.verdict)
        yield from (up, verdict)

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
