"""The dashboard as a whole: identity, variables, links and rows."""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from tools.dashboard import app_pools, exporters, health, probes, server, style, workers
from tools.dashboard.queries import expand

FILE = Path(__file__).parents[2] / "helm/db-health-exporter/files/dashboards/db-health-exporter.json"

# `.+` for the job, which every series has; `.*` also takes series without the label: outside Kubernetes there are no
# namespaces and pods.
_VARIABLES = (
    ("job", "dbhealth_build_info", ".+"),
    ("namespace", 'dbhealth_build_info{job=~"$job"}', ".*"),
    ("pod", 'dbhealth_build_info{job=~"$job", namespace=~"$namespace"}', ".*"),
    ("database", "dbhealth_up{@pod}", ".*"),
    ("pool", 'dbhealth_pool_timeouts_total{@db, pool!="sidecar"}', ".*"),
)
_DOCUMENTATION = f"{style.REPOSITORY}/docs/observability.md"
_ROWS = (health, probes, server, app_pools, workers, exporters)
_COLLAPSED = (workers,)


def text() -> str:
    """Return the dashboard as the file holds it."""
    return json.dumps(build(), indent=1, cls=JSONEncoder, sort_keys=True) + "\n"


def build() -> models.Dashboard:
    """Return the whole dashboard, its panels numbered from 1."""
    board = (
        dashboard.Dashboard("Database health")
        .uid("db-health-exporter")
        .description("Can the applications use their database, and if not, whose fault is it?")
        .tags(["database", "db-health-exporter", "postgresql", "sqlalchemy"])
        .version(1)
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .refresh("30s")
        .time("now-1h", "now")
        .timezone("")
        .links([_link("Runbooks", f"{style.RUNBOOKS}/README.md"), _link("Documentation", _DOCUMENTATION)])
        .variables([_datasource(), *(_label(*variable) for variable in _VARIABLES)])
    )
    for row in _ROWS:
        heading = dashboard.Row(row.TITLE)
        if row in _COLLAPSED:
            for panel in row.panels():
                heading.with_panel(panel)
            board.with_row(heading)
        else:
            board.with_row(heading)
            for panel in row.panels():
                board.with_panel(panel)
    return _number(board.build())


def _number(board: models.Dashboard) -> models.Dashboard:
    """Number the panels: the SDK leaves that to Grafana, which would do it anew at each start."""
    board.schema_version = 39  # the SDK says 36, before cells of tables had the options that we use
    number = 0
    for row in board.panels or []:
        for panel in [row, *(row.panels if isinstance(row, models.RowPanel) else [])]:
            number += 1
            panel.id_val = number
    return board


def _link(title: str, url: str) -> dashboard.DashboardLink:
    return style.link(title, url).type(models.DashboardLinkType.LINK).icon("doc")


def _datasource() -> dashboard.DatasourceVariable:
    """Let people choose which Prometheus is asked."""
    return dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus").regex("")


def _label(name: str, series: str, all_value: str) -> dashboard.QueryVariable:
    """Let people choose values of a label, asked for anew whenever the time range changes."""
    query = f"label_values({expand(series)}, {name})"
    return (
        dashboard.QueryVariable(name)
        .label(name)
        .datasource(style.DATASOURCE)
        .query({"query": query, "refId": f"variable-{name}"})
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(all_value)
        .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )
