"""The rules that Grafana's dashboard linter documents, as functions from the dashboard to objections."""

import re
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]
Rule = Callable[[Json], Iterator[str]]

UNITS = {"short", "percentunit", "s", "ops", "bytes", "none", "string"}
"""Those of Grafana's units that fit what we show; a new one is added here after a look at Grafana's list."""
WITH_QUERIES = {"stat", "timeseries", "table", "heatmap", "state-timeline", "gauge", "bargauge"}
WITH_UNITS = {"stat", "timeseries", "table", "gauge"}
SELECTOR = re.compile(r"\b([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}(\[[^\]]*\])?")
RANGE = re.compile(r"\b(rate|irate|increase)\((?:[^()\[\]]*)\[([^\]]*)\]\)")
COUNTER_USE = re.compile(r"(\w*)\(?\s*\b(\w+_total)\{[^}]*\}(\[[^\]]*\])?")


def panels(dashboard: Json) -> Iterator[Json]:
    """Every panel with queries, also those of collapsed rows."""
    for panel in dashboard["panels"]:
        for each in [panel, *panel.get("panels", [])]:
            if each["type"] != "row":
                yield each


def targets(dashboard: Json) -> Iterator[tuple[str, str]]:
    """Every query, with the title of its panel."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def variables(dashboard: Json, kind: str) -> dict[str, Json]:
    """The variables of a type, by name."""
    return {each["name"]: each for each in dashboard["templating"]["list"] if each["type"] == kind}


def template_datasource(dashboard: Json) -> Iterator[str]:
    """There is one variable for the data source, with Grafana's usual name and label."""
    found = variables(dashboard, "datasource")
    if list(found) != ["datasource"]:
        yield f"data source variables: {list(found)}"
    elif (found["datasource"]["query"], found["datasource"]["label"]) != ("prometheus", "Data source"):
        yield "the data source variable is not Prometheus's, or labelled otherwise"


def _template(dashboard: Json, name: str) -> Iterator[str]:
    variable = variables(dashboard, "query").get(name)
    if variable is None:
        yield f"no variable {name}"
        return
    wanted: Json = {"label": name, "multi": True, "allValue": ".+"}
    yield from (f"{key} is {variable[key]!r}" for key, value in wanted.items() if variable[key] != value)
    if variable["datasource"]["uid"] not in {"$datasource", "${datasource}"}:
        yield "does not use the data source variable"


def template_job(dashboard: Json) -> Iterator[str]:
    """There is a variable for the job."""
    yield from _template(dashboard, "job")


def template_instance(dashboard: Json) -> Iterator[str]:
    """There is a variable for the instance."""
    yield from _template(dashboard, "instance")


def template_label_promql(dashboard: Json) -> Iterator[str]:
    """Variables of labels query `label_values` of a series and a label."""
    for name, variable in variables(dashboard, "query").items():
        if not re.fullmatch(r"label_values\([a-z_]+(\{.*\})?, [a-z]+\)", variable["query"]["query"]):
            yield f"{name}: {variable['query']['query']}"


def template_on_time_change_reload(dashboard: Json) -> Iterator[str]:
    """Variables are queried again when the time range changes."""
    yield from (name for name, variable in variables(dashboard, "query").items() if variable["refresh"] != 2)


def panel_datasource(dashboard: Json) -> Iterator[str]:
    """Every panel uses the data source variable."""
    for panel in panels(dashboard):
        if any(each["datasource"]["uid"] != "$datasource" for each in [panel, *panel["targets"]]):
            yield panel["title"]


def panel_title_description(dashboard: Json) -> Iterator[str]:
    """Every panel has a title and a description."""
    yield from (str(p["id"]) for p in panels(dashboard) if not p["title"] or not p["description"])


def panel_units(dashboard: Json) -> Iterator[str]:
    """Every panel has a unit that Grafana knows."""
    for panel in panels(dashboard):
        if panel["type"] in WITH_UNITS and panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
            yield panel["title"]


def panel_no_targets(dashboard: Json) -> Iterator[str]:
    """Every panel has queries."""
    yield from (p["title"] for p in panels(dashboard) if p["type"] in WITH_QUERIES and not p["targets"])


def target_logql(dashboard: Json) -> Iterator[str]:
    """Queries for logs are valid: there are none."""
    yield from (name for name, each in variables(dashboard, "datasource").items() if each["query"] == "loki")


def target_promql(dashboard: Json) -> Iterator[str]:
    """Brackets are balanced; Prometheus itself parses the query in a test of its own."""
    for title, expr in targets(dashboard):
        if any(expr.count(left) != expr.count(right) for left, right in ("()", "[]", "{}")) or "@" in expr:
            yield f"{title}: {expr}"


def target_rate_interval(dashboard: Json) -> Iterator[str]:
    """Rates are taken over the interval that fits the screen and the scrapes."""
    for title, expr in targets(dashboard):
        if any(window != "$__rate_interval" for _, window in RANGE.findall(expr)):
            yield f"{title}: {expr}"


def _matcher(dashboard: Json, matcher: str) -> Iterator[str]:
    for title, expr in targets(dashboard):
        for metric, matchers, _ in SELECTOR.findall(expr):
            if matcher not in matchers:
                yield f"{title}: {metric}"
        if re.search(r"\b(dbhealth|process)_\w+(?![\w{])", expr):
            yield f"{title}: a metric without matchers"


def target_job(dashboard: Json) -> Iterator[str]:
    """Every query selects the chosen jobs."""
    yield from _matcher(dashboard, 'job=~"$job"')


def target_instance(dashboard: Json) -> Iterator[str]:
    """Every query selects the chosen instances."""
    yield from _matcher(dashboard, 'instance=~"$instance"')


def target_pod(dashboard: Json) -> Iterator[str]:
    """Every query selects the chosen namespaces and pods, which replace instances here."""
    yield from _matcher(dashboard, 'namespace=~"$namespace", pod=~"$pod"')


def target_counter_agg(dashboard: Json) -> Iterator[str]:
    """Counters are shown as rates or increases."""
    for title, expr in targets(dashboard):
        for function, metric, window in COUNTER_USE.findall(expr):
            if function not in {"rate", "irate", "increase"} or not window:
                yield f"{title}: {metric}"


def uneditable_dashboard(dashboard: Json) -> Iterator[str]:
    """The dashboard is not edited in place: the next release would overwrite it."""
    if dashboard["editable"]:
        yield "editable"


RULES: dict[str, Rule] = {
    "template-datasource-rule": template_datasource,
    "template-job-rule": template_job,
    "template-instance-rule": template_instance,
    "template-label-promql-rule": template_label_promql,
    "template-on-time-change-reload-rule": template_on_time_change_reload,
    "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_title_description,
    "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_no_targets,
    "target-logql-rule": target_logql,
    "target-logql-auto-rule": target_logql,
    "target-promql-rule": target_promql,
    "target-rate-interval-rule": target_rate_interval,
    "target-job-rule": target_job,
    "target-instance-rule": target_instance,
    "target-counter-agg-rule": target_counter_agg,
    "uneditable-dashboard": uneditable_dashboard,
}
EXCEPTIONS = {
    "template-instance-rule": "people know pods, not addresses: `namespace` and `pod` stand for it",
    "target-instance-rule": "the same; target_pod holds every query to them instead",
}
