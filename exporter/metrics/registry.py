"""Counts events on a registry of the exporter's own, and renders it; nothing here does I/O."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from exporter.metrics.state import StateCollector
from exporter.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prometheus_client.registry import Collector

    from exporter.app_pools.registry import AppPools
    from exporter.model.result import ProbePath
    from exporter.probing.monitor import Monitor
    from exporter.probing.status import DatabaseStatus

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)  # seconds
CACHED_FORMS = 4  # text and OpenMetrics, plain and gzip; clients may name any version, which is rendered each time
CACHE_SECONDS = 1.0  # the process's own memory, CPU time and loop lag change without an event
SAMPLE_SUFFIXES = ("", "_total", "_bucket", "_sum", "_count", "_info")  # from a family's name to its samples' names


class Metrics:
    """Subscribes to monitors: counts their probes, and renders all metrics on request."""

    def __init__(
        self,
        monitors: Mapping[str, Monitor],
        *,
        app_pools: AppPools | None,
        tasks: Callable[[], int],
        lag: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        """Create every series, so that each counter exists from the start at 0.

        Args:
            monitors: by the name of their database.
            app_pools: the pools of the application's processes; None if no reports are received.
            tasks: returns how many tasks run in the event loop.
            lag: returns how late the event loop woke up last, in seconds.
            clock: monotonic seconds.
        """
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._clock = clock
        self._cache: dict[tuple[str, bool], tuple[bytes, str]] = {}
        self._cached_since = clock()
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

    def register(self, collector: Collector) -> None:
        """Render what this collector yields, too."""
        self._registry.register(collector)

    def update(self, status: DatabaseStatus, path: ProbePath | None) -> None:
        """Count the probe that has just ended, if any, and drop the cached rendering."""
        result = status.paths[path].latest if path is not None else None
        if path is not None and result is not None:
            self._probes.labels(status.name, path.value, result.outcome.value).inc()
            self._durations.labels(status.name, path.value).observe(result.seconds)
        self.clear_cache()

    def clear_cache(self) -> None:
        """Drop the cached rendering, after a change."""
        self._cache.clear()
        self._cached_since = self._clock()

    def render(self, *, accept: str, compress: bool, names: Sequence[str] = ()) -> tuple[bytes, str]:
        """Return the body and its content type.

        Args:
            accept: the client's header; it chooses between the text format and OpenMetrics.
            compress: whether the body is compressed with gzip.
            names: the families or samples to render; all if it is empty.
        """
        encoder, content_type = choose_encoder(accept)
        if names:
            samples = [name + suffix for name in names for suffix in SAMPLE_SUFFIXES]
            return _compress(encoder(self._registry.restricted_registry(samples)), compress=compress), content_type
        if self._clock() - self._cached_since >= CACHE_SECONDS:
            self.clear_cache()
        rendered = self._cache.get((content_type, compress))
        if rendered is None:
            rendered = _compress(encoder(self._registry), compress=compress), content_type
            if len(self._cache) < CACHED_FORMS:
                self._cache[content_type, compress] = rendered
        return rendered


def _compress(body: bytes, *, compress: bool) -> bytes:
    return gzip.compress(body, compresslevel=1) if compress else body
