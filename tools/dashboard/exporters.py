"""The exporters themselves: versions, age of what they say, and what they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.dashboard.panels import lines, number, rows

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Panel

TITLE = "Exporters"


def panels() -> list[Builder[Panel]]:
    """Return the panels from left to right and top to bottom."""
    return [
        number(
            "Exporters",
            "Pods whose exporter Prometheus scrapes.",
            "count(dbhealth_build_info{@pod})",
            width=4,
        ),
        number(
            "Exporters that cannot be scraped",
            "Targets of the same jobs that did not answer the last scrape.",
            "count(up{@pod} == 0) or vector(0)",
            width=4,
            thresholds={1: "red"},
        ),
        number(
            "Restarts in the last hour",
            "How often exporters were started again within a pod that lived on.",
            "sum(changes(process_start_time_seconds{@pod}[1h]))",
            width=4,
            thresholds={1: "yellow", 10: "red"},
        ),
        rows(
            "Versions",
            "Which exporters run.",
            [
                "count by (version, python, sqlalchemy, driver) (dbhealth_build_info{@pod})",
            ],
            {
                "version": "Exporter",
                "python": "Python",
                "sqlalchemy": "SQLAlchemy",
                "driver": "Driver",
                "Value": "Pods",
            },
            width=12,
            height=4,
        ),
        lines(
            "Age of the last probe, in intervals",
            "The ten pods whose latest pooled probe is oldest. Above three intervals the exporter has stopped probing.",
            {
                "{{namespace}} / {{pod}} / {{database}}": (
                    "topk(10, max by (namespace, pod, database) "
                    '((time() - dbhealth_probe_last_timestamp_seconds{@db, path="pooled"}) '
                    '/ dbhealth_probe_interval_seconds{@db, path="pooled"}))'
                ),
            },
            width=8,
            thresholds={3: "yellow", 10: "red"},
            runbook="DatabaseHealthStale",
        ),
        lines(
            "Memory",
            "Resident memory of the exporters; the chart's limit is 128 MiB.",
            {
                "median": "quantile(0.5, process_resident_memory_bytes{@pod})",
                "highest": "max(process_resident_memory_bytes{@pod})",
            },
            width=8,
            unit="bytes",
            thresholds={125829120: "orange"},
        ),
        lines(
            "Processor",
            "Cores that an exporter uses.",
            {
                "median": "quantile(0.5, rate(process_cpu_seconds_total{@pod}[$__rate_interval]))",
                "highest": "max(rate(process_cpu_seconds_total{@pod}[$__rate_interval]))",
            },
            width=8,
            unit="none",
            thresholds={0.1: "orange"},
            decimals=3,
        ),
        lines(
            "Rejected reports of applications",
            "Datagrams per second that were not understood or too many, by reason.",
            {
                "{{reason}}": "sum by (reason) (rate(dbhealth_app_reports_rejected_total{@pod}[$__rate_interval]))",
            },
            width=8,
            unit="ops",
            thresholds={0.1: "orange"},
        ),
        lines(
            "Scrapes",
            "Time that Prometheus takes to scrape an exporter.",
            {
                "median": "quantile(0.5, scrape_duration_seconds{@pod})",
                "slowest": "max(scrape_duration_seconds{@pod})",
            },
            width=8,
            unit="s",
            thresholds={1: "yellow", 5: "red"},
        ),
        lines(
            "Delay of the event loop",
            (
                "How late the exporters' event loop runs what is due; above a tenth of a second probes are timed "
                "wrongly."
            ),
            {
                "median": "quantile(0.5, dbhealth_event_loop_lag_seconds{@pod})",
                "highest": "max(dbhealth_event_loop_lag_seconds{@pod})",
            },
            width=8,
            unit="s",
            thresholds={0.1: "orange"},
        ),
        lines(
            "Tasks",
            "Tasks in the exporters' event loops; level in a healthy one, whatever the database does.",
            {
                "median": "quantile(0.5, dbhealth_asyncio_tasks{@pod})",
                "most": "max(dbhealth_asyncio_tasks{@pod})",
            },
            width=8,
        ),
        lines(
            "Abandoned connections",
            "Connections per second that the exporters dropped because a probe on them did not end in time.",
            {
                "{{namespace}} / {{database}}": (
                    "sum by (namespace, database) (rate(dbhealth_abandoned_connections_total{@db}[$__rate_interval]))"
                ),
            },
            width=8,
            unit="ops",
        ),
    ]
