"""Makes the Grafana dashboard from `dashboard.yaml`, always the same: `python -m tools.dashboard`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tools import grafana

if TYPE_CHECKING:
    from tools.grafana import Json

FILE = Path(__file__).parent.parent / "helm/db-health-exporter/files/dashboards/db-health-exporter.json"
SOURCE = Path(__file__).with_suffix(".yaml")
REPOSITORY = "https://github.com/db-health-exporter/db-health-exporter/blob/main"
RUNBOOKS = f"{REPOSITORY}/docs/runbooks"

_POD = 'job=~"$job", namespace=~"$namespace", pod=~"$pod"'
_DB = f'{_POD}, database=~"$database"'
_APP = f'{_DB}, pool=~"$pool", pool!="sidecar"'

# From the least to the worst; the place in this list is the number on a timeline.
VERDICTS = (
    ("healthy", "healthy", "green"),
    ("unknown", "not known", "text"),
    ("database_slow", "database slow", "yellow"),
    ("app_pool_exhausted", "application's pool exhausted", "yellow"),
    ("server_full", "server full", "orange"),
    ("wrong_role", "wrong role", "orange"),
    ("writes_blocked", "writes blocked", "red"),
    ("app_pool_wedged", "application's pool wedged", "dark-red"),
    ("credentials_rejected", "credentials rejected", "red"),
    ("database_down", "database down", "dark-red"),
)
_RANKS = [f'dbhealth_verdict{{@db, verdict="{verdict}"}} * {rank}' for rank, (verdict, _, _) in enumerate(VERDICTS)]
_SHORT = {
    "@worst": f"max by (namespace, database) ({' or '.join(_RANKS)})",
    "@pod": _POD,
    "@db": _DB,
    "@app": _APP,
}
_VERDICT_NAMES = grafana.value_names({rank: (words, color) for rank, (_, words, color) in enumerate(VERDICTS)})
_VERDICT_STEPS = grafana.steps([(rank or None, color) for rank, (_, _, color) in enumerate(VERDICTS)])

# `.+` for the job, which every series has; `.*` also takes series without the label: there are none of these
# labels outside Kubernetes.
_VARIABLES = (
    ("job", "dbhealth_build_info", ".+"),
    ("namespace", 'dbhealth_build_info{job=~"$job"}', ".*"),
    ("pod", 'dbhealth_build_info{job=~"$job", namespace=~"$namespace"}', ".*"),
    ("database", "dbhealth_up{@pod}", ".*"),
    ("pool", 'dbhealth_pool_timeouts_total{@db, pool!="sidecar"}', ".*"),
)


def expand(text: str) -> str:
    """Write out what `@worst`, `@pod`, `@db` and `@app` are short for."""
    for short, long in _SHORT.items():
        text = text.replace(short, long)
    return text


def dashboard() -> Json:
    """Return the whole dashboard."""
    rows = yaml.safe_load(SOURCE.read_text())
    variables = [
        grafana.label_variable(name, f"label_values({expand(series)}, {name})", all_value=all_value)
        for name, series, all_value in _VARIABLES
    ]
    return {
        "uid": "db-health-exporter",
        "title": "Database health",
        "description": "Can the applications use their database, and if not, whose fault is it?",
        "tags": ["database", "db-health-exporter", "postgresql", "sqlalchemy"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timepicker": {},
        "timezone": "",
        "annotations": {"list": []},
        "links": [
            grafana.dashboard_link("Runbooks", f"{RUNBOOKS}/README.md"),
            grafana.dashboard_link("Documentation", f"{REPOSITORY}/docs/observability.md"),
        ],
        "templating": {"list": [grafana.datasource_variable(), *variables]},
        "panels": grafana.lay_out([_row(row) for row in rows]),
    }


def text() -> str:
    """Return the dashboard as the file holds it."""
    return json.dumps(dashboard(), indent=1) + "\n"


def _row(described: Json) -> Json:
    panels = [_panel(panel) for panel in described["panels"]]
    return grafana.row(described["row"], panels, collapsed=described.get("collapsed", False))


def _panel(described: Json) -> Json:
    kind = next(iter(described))
    panel = _kind(kind, described)
    custom = panel.pop("custom")
    return panel | {
        "title": described[kind],
        "description": described["description"],
        "datasource": grafana.DATASOURCE,
        "targets": _targets(kind, described),
        "fieldConfig": {
            "defaults": _defaults(described) | {"custom": custom},
            "overrides": _overrides(kind, described),
        },
        "links": [grafana.link(name, f"{RUNBOOKS}/{name}.md") for name in [described.get("runbook")] if name],
        "gridPos": {
            "w": described.get("width", 12),
            "h": described.get("height", 4 if kind == "stat" else 8),
        },
    }


def _kind(kind: str, described: Json) -> Json:
    match kind:
        case "lines":
            return grafana.lines(dashed="thresholds" in described)
        case "table":
            return grafana.table(described["columns"])
        case "stat":
            return grafana.stat()
        case "stacked":
            return grafana.stacked()
        case "states":
            return grafana.states()
        case "heat":
            return grafana.heat()
    raise ValueError(kind)


def _targets(kind: str, described: Json) -> list[Json]:
    queries = described.get("queries") or {described.get("legend", "{{le}}"): described["expr"]}
    pairs = queries.items() if isinstance(queries, dict) else [("", expr) for expr in queries]
    instant = kind in {"stat", "table"}
    return [
        {
            "datasource": grafana.DATASOURCE,
            "editorMode": "code",
            "expr": expand(expr),
            "format": {"table": "table", "heat": "heatmap"}.get(kind, "time_series"),
            "instant": instant,
            "range": not instant,
            "legendFormat": legend,
            "refId": chr(ord("A") + index),
        }
        for index, (legend, expr) in enumerate(pairs)
    ]


def _defaults(described: Json) -> Json:
    thresholds = described.get("thresholds")
    steps: list[tuple[float | None, str]] = [
        (None, "green" if thresholds else "blue"),
        *(thresholds or {}).items(),
    ]
    defaults: Json = {
        "unit": described.get("unit", "short"),
        "mappings": [],
        "thresholds": grafana.steps(steps),
    }
    if described.get("verdicts"):
        defaults |= {"mappings": [_VERDICT_NAMES], "thresholds": _VERDICT_STEPS}
    if names := described.get("names"):
        colors: list[tuple[float | None, str]] = [(value or None, color) for value, (_, color) in names.items()]
        defaults |= {"mappings": [grafana.value_names(names)], "thresholds": grafana.steps(colors)}
    limits: dict[str, Any] = {"max": described.get("maximum"), "decimals": described.get("decimals")}
    if "lines" in described or "stacked" in described:
        limits["min"] = 0
    return defaults | {name: limit for name, limit in limits.items() if limit is not None}


def _overrides(kind: str, described: Json) -> list[Json]:
    """Verdicts look the same wherever they are, as series and as cells of a table."""
    if kind == "stacked" and "{{verdict}}" in described["queries"]:
        return [
            grafana.override(verdict, {"color": {"mode": "fixed", "fixedColor": color}, "displayName": words})
            for verdict, words, color in VERDICTS
        ]
    cells: dict[str, Json] = {
        "verdict": {
            "mappings": [_VERDICT_NAMES],
            "thresholds": _VERDICT_STEPS,
            "custom.cellOptions": {"type": "color-background"},
            "links": [grafana.link("Runbooks", f"{RUNBOOKS}/README.md")],
        },
        "since": {"unit": "s", "decimals": 0},
    }
    return [grafana.override(name, cells[cell]) for name, cell in described.get("cells", {}).items()]


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text())
