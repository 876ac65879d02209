"""Every metric that the exporter can show, asked of its registry."""

from collections.abc import Iterator

from prometheus_client import Metric

from exporter.app_pools.registry import AppPools
from exporter.metrics.registry import Metrics
from exporter.web.config.load import LoadedConfig
from exporter.web.config.metrics import WebConfigCollector
from exporter.web.config.model import WebConfig
from exporter.web.config.watcher import WebConfigWatcher
from tools.reference.page import NOTHING, table

TITLES = {
    "dbhealth_pool_": "Pools",
    "dbhealth_app_": "The application's processes",
    "dbhealth_server_": "The server",
    "dbhealth_pod_": "The server",
    "dbhealth_asyncio_": "The exporter itself",
    "dbhealth_event_loop_": "The exporter itself",
    "dbhealth_build_": "The exporter itself",
    "dbhealth_web_": "The exporter itself",
    "process_": "The exporter itself",
}
DEFAULT_TITLE = "Health of a database"
ORDER = (DEFAULT_TITLE, "The server", "Pools", "The application's processes", "The exporter itself")


def families() -> Iterator[tuple[Metric, tuple[str, ...]]]:
    """Each family with the names of its labels, also of those without a series."""
    metrics = Metrics({}, app_pools=AppPools(databases={}), tasks=int, lag=float, clock=float)
    watcher = WebConfigWatcher("", LoadedConfig(WebConfig(), None), (), clock=float, wall_clock=float)
    metrics.register(WebConfigCollector(watcher))
    for collector in metrics._registry._collector_to_names:  # noqa: SLF001  a family's labels are nowhere public
        for family in collector.collect():
            labels: tuple[str, ...] = getattr(collector, "_labelnames", getattr(family, "_labelnames", ()))
            yield family, labels


def tables() -> str:
    """One table for each subject: name as it is queried, type, labels, help."""
    rows: dict[str, list[tuple[str, str, str, str]]] = {title: [] for title in ORDER}
    for family, labels in sorted(families(), key=lambda pair: pair[0].name):
        title = next((title for start, title in TITLES.items() if family.name.startswith(start)), DEFAULT_TITLE)
        name = family.name + ("_total" if family.type == "counter" else "")
        listed = ", ".join(f"`{label}`" for label in labels) or NOTHING
        rows[title].append((f"`{name}`", family.type, listed, family.documentation))
    parts = [f"## {title}\n\n{table(('metric', 'type', 'labels', 'says'), rows[title])}" for title in ORDER]
    return "\n\n".join(parts)
