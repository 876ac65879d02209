"""Is it healthy, and whose fault is it: verdicts of all pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from tools.dashboard import style
from tools.dashboard.panels import name_values, number, rows, stacked, states, verdict_names, with_names
from tools.dashboard.queries import VERDICTS

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import table, timeseries
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Panel

TITLE = "Is it healthy, and whose fault is it?"


def panels() -> list[Builder[Panel]]:
    """Return the panels from left to right and top to bottom."""
    return [
        with_names(
            number(
                "Worst verdict",
                "The worst that any pod says of any database now. The timeline below says which, and since when.",
                "max(@worst)",
                width=8,
                runbook="README",
            ),
            verdict_names(),
        ),
        number(
            "Databases that no pod can use",
            (
                "Databases for which the latest probe of every pod failed. Other pods still use a database that is "
                "not counted."
            ),
            "count(max by (job, namespace, database) (dbhealth_up{@db}) == 0) or vector(0)",
            width=4,
            thresholds={1: "red"},
            runbook="DatabaseUnreachable",
        ),
        number(
            "Pods that cannot use a database",
            "Pods whose latest probe of at least one database failed.",
            "count(min by (job, namespace, pod) (dbhealth_up{@db}) == 0) or vector(0)",
            width=4,
            thresholds={1: "red"},
        ),
        number(
            "Pods short of connections",
            "Pods whose application's pool is exhausted or wedged while the database is well.",
            'sum(max by (job, namespace, pod) (dbhealth_verdict{@db, verdict=~"app_pool_.+"}))',
            width=4,
            thresholds={1: "red"},
        ),
        number(
            "Longest without an answer",
            "Time since the last successful probe, of the pod and database where it is longest.",
            'max(time() - dbhealth_probe_last_success_timestamp_seconds{@db, path="pooled"})',
            width=4,
            unit="s",
            thresholds={30: "yellow", 60: "red"},
            decimals=0,
        ),
        with_names(
            states(
                "Verdict by database",
                (
                    "The worst verdict that any pod gives of the database, over time. Beside it: how many pods see it "
                    "so."
                ),
                "@worst",
                legend="{{namespace}} / {{database}}",
                width=12,
                runbook="README",
            ),
            verdict_names(),
        ),
        _with_verdict_colors(
            stacked(
                "Pods by verdict",
                (
                    "How many pods give which verdict. One pod in trouble has a trouble of its own; "
                    "all of them share one."
                ),
                {
                    "{{verdict}}": "sum by (verdict) (dbhealth_verdict{@db})",
                },
                width=12,
                runbook="README",
            )
        ),
        _with_cells(
            rows(
                "Databases",
                (
                    "Each database now: how many pods watch it, how many can use it, the worst verdict, and the time "
                    "since any pod last used it."
                ),
                [
                    "count by (namespace, database) (dbhealth_up{@db})",
                    "sum by (namespace, database) (dbhealth_up{@db})",
                    "@worst",
                    (
                        "time() - max by (namespace, database) (dbhealth_probe_last_success_timestamp_seconds{@db, "
                        'path="pooled"})'
                    ),
                ],
                {
                    "namespace": "Namespace",
                    "database": "Database",
                    "Value #A": "Pods",
                    "Value #B": "Pods that can use it",
                    "Value #C": "Worst verdict",
                    "Value #D": "Since the last answer",
                },
                width=24,
                height=6,
            )
        ),
    ]


def _with_verdict_colors(panel: timeseries.Panel) -> timeseries.Panel:
    """Give each series of a verdict its text and color."""
    for verdict, text, color in VERDICTS:
        panel.override_by_name(
            verdict,
            [
                DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color}),
                DynamicConfigValue("displayName", text),
            ],
        )
    return panel


def _with_cells(panel: table.Panel) -> table.Panel:
    """Show verdicts as colored texts that link to the runbooks, and ages in seconds."""
    mapping, thresholds = name_values(verdict_names())
    return panel.override_by_name(
        "Worst verdict",
        [
            DynamicConfigValue("mappings", [mapping]),
            DynamicConfigValue("thresholds", thresholds.build()),
            DynamicConfigValue("custom.cellOptions", {"type": "color-background"}),
            DynamicConfigValue("links", [style.link("Runbooks", f"{style.RUNBOOKS}/README.md").build()]),
        ],
    ).override_by_name("Since the last answer", [DynamicConfigValue("unit", "s"), DynamicConfigValue("decimals", 0)])
