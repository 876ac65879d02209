"""Grafana's words for each kind of panel and variable, as functions that return plain JSON values."""

from __future__ import annotations

from itertools import count
from typing import Any

Json = dict[str, Any]

_WIDTH = 24
DATASOURCE: Json = {"type": "prometheus", "uid": "$datasource"}
_LINES: Json = {
    "drawStyle": "line",
    "lineWidth": 1,
    "fillOpacity": 8,
    "showPoints": "never",
    "spanNulls": False,
    "stacking": {"mode": "none", "group": "A"},
    "thresholdsStyle": {"mode": "off"},
}


def stat() -> Json:
    """One big number, colored by its thresholds."""
    options = {
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "center",
        "textMode": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return {"type": "stat", "options": options, "custom": {}}


def lines(*, dashed: bool) -> Json:
    """Lines over time, with the thresholds as dashed lines."""
    legend = {
        "displayMode": "table",
        "placement": "bottom",
        "showLegend": True,
        "calcs": ["lastNotNull", "max"],
    }
    options = {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}
    style = {"thresholdsStyle": {"mode": "dashed"}} if dashed else {}
    return {"type": "timeseries", "options": options, "custom": _LINES | style}


def stacked() -> Json:
    """Areas on top of each other: parts of a whole over time."""
    areas = {"fillOpacity": 70, "lineWidth": 0, "stacking": {"mode": "normal", "group": "A"}}
    panel = lines(dashed=False)
    return panel | {"custom": panel["custom"] | areas}


def states() -> Json:
    """A band per series whose color and words change with the state."""
    options = {
        "mergeValues": True,
        "showValue": "auto",
        "alignValue": "left",
        "rowHeight": 0.85,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return {"type": "state-timeline", "options": options, "custom": {"fillOpacity": 80, "lineWidth": 0}}


def heat() -> Json:
    """How often each duration came, over time."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5, "reverse": False},
        "yAxis": {"unit": "s", "axisPlacement": "left"},
        "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": False},
    }
    return {"type": "heatmap", "options": options, "custom": {}}


def table(names: dict[str, str]) -> Json:
    """One line per series, the values of all queries side by side, under these names in their order."""
    organize = {
        "excludeByName": {"Time": True},
        "indexByName": {name: index for index, name in enumerate(names)},
        "renameByName": names,
    }
    return {
        "type": "table",
        "options": {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}},
        "custom": {},
        "transformations": [{"id": "merge", "options": {}}, {"id": "organize", "options": organize}],
    }


def steps(pairs: list[tuple[float | None, str]]) -> Json:
    """Write thresholds: each color holds from its value on."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in pairs]}


def value_names(names: dict[int, tuple[str, str]]) -> Json:
    """Show words and a color instead of a number."""
    options = {
        str(value): {"text": text, "color": color, "index": index}
        for index, (value, (text, color)) in enumerate(names.items())
    }
    return {"type": "value", "options": options}


def override(name: str, properties: Json) -> Json:
    """Write what one series or column does otherwise than the rest."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def link(title: str, url: str) -> Json:
    """Write a link in the corner of a panel."""
    return {"title": title, "url": url, "targetBlank": True}


def dashboard_link(title: str, url: str) -> Json:
    """Write a link at the top of the dashboard."""
    plain = {"asDropdown": False, "includeVars": False, "keepTime": False, "tags": [], "tooltip": ""}
    return {"type": "link", "icon": "doc", **link(title, url), **plain}


def row(title: str, panels: list[Json], *, collapsed: bool) -> Json:
    """Write a heading with its panels."""
    return {"type": "row", "title": title, "collapsed": collapsed, "panels": panels}


def lay_out(rows: list[Json]) -> list[Json]:
    """Number the panels and let them flow from left to right; a collapsed row keeps its panels within it."""
    placed: list[Json] = []
    numbers, y = count(1), 0
    for heading in rows:
        panels, place = heading["panels"], {"h": 1, "w": _WIDTH, "x": 0, "y": y}
        placed.append(heading | {"id": next(numbers), "gridPos": place, "panels": []})
        x, y, line = 0, y + 1, 0
        for panel in panels:
            place = panel["gridPos"]
            if x + place["w"] > _WIDTH:
                x, y, line = 0, y + line, 0
            panel |= {"id": next(numbers), "gridPos": place | {"x": x, "y": y}}
            x, line = x + place["w"], max(line, place["h"])
        if heading["collapsed"]:
            placed[-1]["panels"] = panels
        else:
            placed.extend(panels)
            y += line
    return placed


def datasource_variable() -> Json:
    """Let the person choose which Prometheus is asked."""
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "regex": "",
        "hide": 0,
        "refresh": 1,
        "multi": False,
        "includeAll": False,
        "options": [],
        "current": {},
    }


def label_variable(name: str, query: str, *, all_value: str) -> Json:
    """Let the person choose values of a label, anew whenever the time range changes."""
    return {
        "name": name,
        "label": name,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": f"variable-{name}"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": all_value,
        "hide": 0,
        "regex": "",
        "options": [],
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }
