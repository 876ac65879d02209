"""Both values.schema.json, from tools/chart/schema.yaml, the comments of values.yaml and the exporter's settings."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import yaml

from tools.chart.settings import setting_schemas
from tools.chart.values import SHARED

SOURCE = Path(__file__).with_name("schema.yaml")
DRAFT = "http://json-schema.org/draft-07/schema#"  # the newest that every Helm 3 and every editor reads
_REFERENCE = re.compile(r'"#/\$defs/([^"/]+)')


def schemas(described: dict[str, str]) -> tuple[str, str]:
    """The chart's schema and the library's, as JSON; `described` holds the descriptions by path.

    Raises:
        ValueError: a value has no description.
    """
    source: dict[str, Any] = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    settings = source["properties"]["exporter"]["properties"]["settings"]
    settings |= {
        "properties": setting_schemas(),
        "additionalProperties": {
            "type": ["string", "number", "boolean"],
            "description": "Refused by name, with the names that exist, when the chart is rendered.",
        },
    }
    _describe(source, described, "")
    properties = source["properties"]
    shared = {name: properties[name] for name in (*SHARED, "global")}
    library = source | {"required": ["exporter"], "properties": shared}
    chart = copy.deepcopy(source)
    _drop_required(chart)
    return _text("db-health-exporter", chart), _text("db-health-exporter-lib", library)


def required(values: str) -> str:
    """The chart's template of the values that its templates need, with their defaults: null takes them away."""
    source = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    needed = yaml.safe_dump(_required(source, yaml.safe_load(values)), sort_keys=False)
    return (
        "{{/* `make generate` makes this of values.yaml and of what tools/chart/schema.yaml requires. */}}\n\n"
        f'{{{{- define "db-health-exporter.required" -}}}}\n{needed}{{{{- end }}}}\n'
    )


def _required(schema: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, inner in schema.get("properties", {}).items():
        below = _required(inner, defaults.get(name) or {}) if "properties" in inner else {}
        if below:
            found[name] = below
        elif name in schema.get("required", ()):
            found[name] = defaults[name]
    return found


def _drop_required(schema: dict[str, Any]) -> None:
    """Require nothing of the chart's own values: its templates fill them in."""
    schema.pop("required", None)
    for inner in schema.get("properties", {}).values():
        _drop_required(inner)


def _describe(schema: dict[str, Any], described: dict[str, str], path: str) -> None:
    """Give each property its description, where it has none of its own."""
    for name, inner in schema.get("properties", {}).items():
        at = f"{path}.{name}".removeprefix(".")
        if "description" not in inner:
            if at not in described:
                raise ValueError(f"{at} has no description: comment it in values.yaml, or describe it in {SOURCE.name}")
            inner["description"] = described[at]
        _describe(inner, described, at)


def _text(title: str, schema: dict[str, Any]) -> str:
    """The schema as JSON, with those definitions alone that it refers to."""
    wanted: set[str] = set()
    pending = json.dumps(schema["properties"])
    while names := set(_REFERENCE.findall(pending)) - wanted:
        wanted |= names
        pending = json.dumps([schema["$defs"][name] for name in names])
    definitions = {name: definition for name, definition in schema["$defs"].items() if name in wanted}
    whole = {"$schema": DRAFT, "title": title} | schema | {"$defs": definitions}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
