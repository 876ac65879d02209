"""Probes: how long they take, how many fail and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.dashboard.panels import heat, lines

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Panel

TITLE = "Probes"


def panels() -> list[Builder[Panel]]:
    """Return the panels from left to right and top to bottom."""
    return [
        heat(
            "Time of pooled probes",
            (
                "How long a check over a pooled connection takes (two round trips), all pods together. Two bands "
                "are two kinds of pods or moments; a band at the limit are probes that were given up."
            ),
            ('sum by (le) (increase(dbhealth_probe_duration_seconds_bucket{@db, path="pooled"}[$__rate_interval]))'),
            width=12,
        ),
        lines(
            "Time of probes by path",
            (
                "Median and 99th percentile. `pooled` uses a connection that is open, `fresh` opens one, `write` "
                "commits a row (only where WRITE_PROBE_INTERVAL is set)."
            ),
            {
                "{{path}} median": (
                    "histogram_quantile(0.5, sum by (le, path) "
                    "(rate(dbhealth_probe_duration_seconds_bucket{@db}[$__rate_interval])))"
                ),
                "{{path}} 99 %": (
                    "histogram_quantile(0.99, sum by (le, path) "
                    "(rate(dbhealth_probe_duration_seconds_bucket{@db}[$__rate_interval])))"
                ),
            },
            width=12,
            unit="s",
            thresholds={0.2: "yellow", 0.8: "red"},
        ),
        lines(
            "Failures by outcome",
            "Failed probes per second, by path and by what they met. Empty while no probe fails.",
            {
                "{{path}}: {{outcome}}": (
                    'sum by (path, outcome) (rate(dbhealth_probes_total{@db, outcome!="success"}[$__rate_interval])) > '
                    "0"
                ),
            },
            width=12,
            unit="ops",
            runbook="README",
        ),
        lines(
            "Share of probes that fail",
            ("Failed probes among all, by path. Pooled probes well and fresh ones failing: nothing new can connect."),
            {
                "{{path}}": (
                    'sum by (path) (rate(dbhealth_probes_total{@db, outcome!="success"}[$__rate_interval])) / sum by '
                    "(path) (rate(dbhealth_probes_total{@db}[$__rate_interval]))"
                ),
            },
            width=12,
            unit="percentunit",
            thresholds={0.05: "yellow", 0.5: "red"},
            maximum=1,
        ),
    ]
