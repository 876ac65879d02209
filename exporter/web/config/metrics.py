"""What Prometheus reads of the web configuration: whether the latest change is in use, and requests not served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from exporter.web.config.access import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from exporter.web.config.watcher import WebConfigWatcher


class WebConfigCollector(Collector):
    """Yields the state of a configuration at the moment of a scrape."""

    def __init__(self, watcher: WebConfigWatcher) -> None:
        """Keep what to read from."""
        self._watcher = watcher

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        yield GaugeMetricFamily(
            "dbhealth_web_config_last_reload_successful",
            "Whether the web configuration is in use as its files are now.",
            value=not self._watcher.problem,
        )
        yield GaugeMetricFamily(
            "dbhealth_web_config_last_reload_success_timestamp_seconds",
            "When the web configuration was taken last.",
            value=self._watcher.last_success,
        )
        refused = CounterMetricFamily(
            "dbhealth_web_refused_requests",
            "Requests that the web configuration did not let in.",
            labels=["reason"],
        )
        for reason in Refusal:
            refused.add_metric([reason.value], self._watcher.access.refusals[reason])
        yield refused
