"""The schemas, the values and the exporter's settings agree."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import tools.chart.__main__ as generate
from exporter.settings.model import Settings
from tests.chart.tools import CHART, LIBRARY
from tools.chart.settings import ELSEWHERE, settings

CHARTS = pytest.mark.parametrize("chart", [CHART, LIBRARY], ids=["chart", "library"])
SHARED = ("database", "databases", "exporter", "nameOverride", "fullnameOverride", "commonLabels", "global")


def schema_of(chart: Any) -> dict[str, Any]:
    """A chart's schema, each reference replaced by what it refers to."""
    whole: dict[str, Any] = json.loads((chart / "values.schema.json").read_text())

    def resolve(node: Any) -> Any:
        if isinstance(node, list):
            return [resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        found: Any = whole
        for step in node.get("$ref", "").split("/")[1:]:
            found = found[step]
        beside = {name: inner for name, inner in node.items() if name != "$ref"}
        return {name: resolve(inner) for name, inner in ({**found, **beside} if "$ref" in node else node).items()}

    resolved: dict[str, Any] = resolve({name: inner for name, inner in whole.items() if name != "$defs"})
    return resolved


def values_of(chart: Any) -> dict[str, Any]:
    """A chart's default values."""
    found: dict[str, Any] = yaml.safe_load((chart / "values.yaml").read_text())
    return found


def properties(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every described key of a schema with its path."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}.{name}", inner
        yield from properties(inner, f"{path}.{name}")
    for nested in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(nested, dict):
            yield from properties(nested, f"{path}[]")


@CHARTS
def test_the_schema_is_one_of_draft_7_and_takes_the_defaults(chart: Any) -> None:
    """Helm's validators agree on draft-07."""
    schema = schema_of(chart)

    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    as_it_is = json.loads((chart / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(as_it_is)
    jsonschema.Draft7Validator(as_it_is).validate(values_of(chart))


@CHARTS
def test_every_key_is_described(chart: Any) -> None:
    """An editor shows what a value is for."""
    assert [path for path, inner in properties(schema_of(chart)) if not inner.get("description")] == []


@CHARTS
def test_every_object_with_known_keys_refuses_others(chart: Any) -> None:
    """A typing error is found; `global`, settings (checked later) and raw maps are open."""
    open_ones = {".global", ".exporter.settings", ".exporter.container", ".app.container"}
    objects = {path: inner for path, inner in properties(schema_of(chart)) if "properties" in inner}

    assert {path for path, inner in objects.items() if inner.get("additionalProperties") is not False} <= open_ones


@CHARTS
def test_the_schema_knows_the_keys_of_the_values_and_no_others(chart: Any) -> None:
    """A value that is not in values.yaml would not be documented."""

    def paths(values: dict[str, Any], schema: dict[str, Any], at: str = "") -> Iterator[str]:
        known = schema.get("properties")
        of_kubernetes = (".resources", ".container", "Probe", ".securityContext", "Selector")
        if known is None or at.endswith((".settings", *of_kubernetes)):
            return
        for name in known.keys() ^ values.keys():
            yield f"{at}.{name}"
        for name in known.keys() & values.keys():
            if isinstance(values[name], dict):
                yield from paths(values[name], known[name], f"{at}.{name}")

    missing = set(paths(values_of(chart), schema_of(chart)))
    assert missing <= {".db-health-exporter-lib", ".global"}


def without_required(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, requiring nothing: the chart's templates give back what an umbrella's null took away."""
    found = {key: value for key, value in schema.items() if key != "required"}
    if "properties" in found:
        found["properties"] = {name: without_required(inner) for name, inner in found["properties"].items()}
    return found


def test_chart_and_library_share_values_and_schema() -> None:
    """The library's defaults are the chart's."""
    chart, library = values_of(CHART), values_of(LIBRARY)

    assert {name: chart[name] for name in library} == library
    for name in SHARED:
        assert schema_of(CHART)["properties"][name] == without_required(schema_of(LIBRARY)["properties"][name])


def test_generated_files_are_up_to_date() -> None:
    """Schemas, the table of settings and the chart's copy of its library; the message names the command."""
    assert generate.main(["--check"]) == 0


def test_a_stale_file_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message names the command to run after a change of a setting."""
    shutil.copytree(CHART.parent, tmp_path / "helm")
    monkeypatch.setattr(generate, "HELM", tmp_path / "helm")
    for name in ("CHART", "LIBRARY", "COPY"):
        monkeypatch.setattr(generate, name, tmp_path / "helm" / getattr(generate, name).relative_to(CHART.parent))
    (generate.COPY / "templates/_env.tpl").write_text("stale")
    schema = generate.CHART / "values.schema.json"
    schema.write_text(schema.read_text().replace("604800", "604801"))
    said = generate.main(["--check"])

    assert said == (
        "run: make generate (it changes helm/db-health-exporter/values.schema.json, "
        "helm/db-health-exporter/charts/db-health-exporter-lib/templates/_env.tpl)"
    )
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_each_setting_of_the_exporter_has_its_place() -> None:
    """Each setting can be set in the chart, or the chart names the value that sets it."""
    of_exporter = {name.upper() for name in Settings.model_fields}
    in_schema = set(schema_of(CHART)["properties"]["exporter"]["properties"]["settings"]["properties"])

    assert in_schema | ELSEWHERE.keys() == of_exporter
    assert not in_schema & ELSEWHERE.keys()


def test_a_setting_of_an_unknown_type_stops_the_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the schema would accept every value."""
    field = Settings.model_fields["listen_port"]
    monkeypatch.setattr(field, "json_schema_extra", {"allowed": "a moon phase"})

    with pytest.raises(ValueError, match="knows no type of setting for LISTEN_PORT: a moon phase"):
        settings()


def test_all_versions_agree() -> None:
    """The image's default tag is the release that the charts belong to."""
    charts = [yaml.safe_load((chart / "Chart.yaml").read_text()) for chart in (CHART, LIBRARY)]
    [version] = re.findall(
        r'define "db-health-exporter.version" -}}([^{]+)',
        (LIBRARY / "templates/_names.tpl").read_text(),
    )

    assert {chart["appVersion"] for chart in charts} == {version}
    assert charts[0]["dependencies"][0]["version"] == charts[1]["version"]
    assert {chart["kubeVersion"] for chart in charts} == {">=1.29.0-0"}


def test_every_value_is_set_in_an_example() -> None:
    """A value without an example is tested neither by the lint nor by an API server."""

    def leaves(values: dict[str, Any], at: str = "") -> Iterator[str]:
        for name, value in values.items():
            if isinstance(value, dict) and value:
                yield from leaves(value, f"{at}.{name}")
            else:
                yield f"{at}.{name}"

    given = {path for example in (CHART / "ci").glob("*.yaml") for path in leaves(yaml.safe_load(example.read_text()))}
    # For a map with free keys, any key counts.
    assert [path for path in leaves(values_of(CHART)) if not any(one.startswith(path) for one in given)] == []


@pytest.mark.parametrize(
    ("path", "wrong", "right"),
    [
        ("app.securityContext.runAsNonRoot", "true", True),
        ("app.securityContext.capabilities.drop", "ALL", ["ALL"]),
        ("app.securityContext.runAsuser", 1, None),
        (
            "app.readinessProbe",
            {"httpGet": {"path": "/"}},
            {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 5},
        ),
        ("app.livenessProbe", {"exec": {"command": "true"}}, {"exec": {"command": ["true"]}}),
        ("app.startupProbe", {"tcpSocket": {"port": 80}, "failureThreshhold": 3}, {"grpc": {"port": 80}}),
        ("monitoring.podMonitor.interval", "30", "30s"),
        ("monitoring.serviceMonitor.interval", "every minute", "1m30s"),
        ("monitoring.rules.namespace", "Monitoring", "monitoring"),
        ("monitoring.grafanaDashboard.instanceSelector", {"dashboards": "grafana"}, {"matchLabels": {"a": "b"}}),
        ("injection.namespaceSelector", {"matchLabels": {"a": True}}, {"matchLabels": {"a": "true"}}),
        (
            "injection.namespaceSelector.matchExpressions",
            [{"key": "a", "operator": "in"}],
            [{"key": "a", "operator": "In"}],
        ),
        ("priorityClassName", "High", "high"),
    ],
)
def test_what_the_api_server_would_refuse_is_refused(path: str, wrong: object, right: object) -> None:
    """Numbers and booleans as texts, misspelled fields, and names that are none."""
    validator = jsonschema.Draft7Validator(json.loads((CHART / "values.schema.json").read_text()))

    for value, is_right in ((wrong, False), (right, True)):
        if value is None:
            continue
        values = values_of(CHART)
        *parents, last = path.split(".")
        inner = values
        for parent in parents:
            inner = inner[parent]
        inner[last] = value
        assert validator.is_valid(values) is is_right, (path, value)
