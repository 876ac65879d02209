"""The dashboard: generated, by the rules of Grafana's linter, in PromQL that Prometheus parses."""

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability import dashboard_lint as lint
from tests.observability import places
from tools.dashboard import build

DASHBOARD = json.loads(places.DASHBOARD.read_text())


def test_the_file_is_what_the_generator_makes() -> None:
    """The JSON is not edited by hand: the generator would undo it."""
    assert places.DASHBOARD.read_text() == build.text(), "run `make dashboard`"


@pytest.mark.parametrize("name", [name for name in lint.RULES if name not in lint.EXCEPTIONS])
def test_grafana_s_linter_has_no_objections(name: str) -> None:
    """The dashboard keeps each rule of Grafana's linter."""
    assert list(lint.RULES[name](DASHBOARD)) == []


def test_exceptions_are_needed_and_reasoned() -> None:
    """No exception is unused; all of them are about pods in place of instances."""
    for name, reason in lint.EXCEPTIONS.items():
        assert reason
        assert list(lint.RULES[name](DASHBOARD))
    assert list(lint.target_pod(DASHBOARD)) == []


def test_there_are_seventeen_rules() -> None:
    """Grafana's linter has as many."""
    assert len(lint.RULES) == 17


BREAKAGES: dict[str, Any] = {
    "template-datasource-rule": lambda d: d["templating"]["list"][0].update(name="prometheus"),
    "template-job-rule": lambda d: d["templating"]["list"][1].update(allValue=".*"),
    "template-label-promql-rule": lambda d: d["templating"]["list"][2]["query"].update(query="up"),
    "template-on-time-change-reload-rule": lambda d: d["templating"]["list"][2].update(refresh=1),
    "panel-datasource-rule": lambda d: d["panels"][1].update(datasource={"uid": "mine"}),
    "panel-title-description-rule": lambda d: d["panels"][1].update(description=""),
    "panel-units-rule": lambda d: d["panels"][1]["fieldConfig"]["defaults"].pop("unit"),
    "panel-no-targets-rule": lambda d: d["panels"][1].update(targets=[]),
    "target-logql-rule": lambda d: d["templating"]["list"][0].update(query="loki"),
    "target-logql-auto-rule": lambda d: d["templating"]["list"][0].update(query="loki"),
    "target-promql-rule": lambda d: d["panels"][1]["targets"][0].update(expr="sum(up"),
    "target-rate-interval-rule": lambda d: d["panels"][1]["targets"][0].update(expr='rate(x{job=~"$job"}[5m])'),
    "target-job-rule": lambda d: d["panels"][1]["targets"][0].update(expr='dbhealth_up{pod="a"}'),
    "target-counter-agg-rule": lambda d: d["panels"][1]["targets"][0].update(expr='sum(x_total{job=~"$job"})'),
    "uneditable-dashboard": lambda d: d.update(editable=True),
}


@pytest.mark.parametrize("name", list(BREAKAGES))
def test_each_rule_finds_what_it_is_for(name: str) -> None:
    """A dashboard that breaks the rule is reported."""
    broken = copy.deepcopy(DASHBOARD)
    BREAKAGES[name](broken)

    assert list(lint.RULES[name](broken))


@pytest.mark.parametrize("generation", ["2", "3"])
def test_prometheus_parses_every_query(generation: str, tmp_path: Path) -> None:
    """Every expression is PromQL, in Prometheus 2.42 and 3."""
    queries = [expr.replace("$__rate_interval", "1m") for _, expr in lint.targets(DASHBOARD)]
    rules = [{"record": f"query:{index}", "expr": expr} for index, expr in enumerate(queries)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))

    done = subprocess.run(
        [places.promtool(generation), "check", "rules", file],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_a_fleet_is_never_one_line_for_each_pod() -> None:
    """By default at most ten lines name a pod; only the collapsed row draws single workers."""
    single = {panel["title"] for row in DASHBOARD["panels"] for panel in row.get("panels", [])}
    for title, expr in lint.targets(DASHBOARD):
        outer = re.match(r"(\w+)\b", expr)
        assert outer, expr
        assert outer[1] in {"max", "sum", "count", "quantile", "histogram_quantile", "topk", "time"}, (
            title,
            expr,
        )
        if re.match(r"topk\(50", expr):
            assert title in single
        elif re.search(r"by \([^)]*\bpod\b[^)]*\)", expr) and not re.match(r"(count|sum|max)\((min|max)", expr):
            assert expr.startswith("topk(10"), (title, expr)


def test_every_panel_is_complete_and_in_place() -> None:
    """Thresholds everywhere, numbers once, no two panels on the same spot, runbooks that exist."""
    seen: set[tuple[int, int]] = set()
    numbers = [panel["id"] for panel in lint.panels(DASHBOARD)]
    assert len(numbers) == len(set(numbers))
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        spots = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not spots & seen, panel["title"]
        assert max(x for x, _ in spots) < 24
        seen |= spots
    for panel in lint.panels(DASHBOARD):
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        for link in panel["links"]:
            assert (places.RUNBOOKS / link["url"].rpartition("/")[2]).exists(), link["url"]


def test_uid_and_variables_are_the_contract_s() -> None:
    """Links and provisioning rely on the uid and on the variables' names."""
    names = [variable["name"] for variable in DASHBOARD["templating"]["list"]]

    assert DASHBOARD["uid"] == "db-health-exporter"
    assert names == ["datasource", "job", "namespace", "pod", "database", "pool"]
