"""The chart's values, from its schema and the defaults in values.yaml."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tools.reference.page import NOTHING, table

CHART = Path(__file__).parents[2] / "helm/db-health-exporter"
HIDDEN = "db-health-exporter-lib"  # Helm's own place for the library's values, which reads none
SETTINGS = "exporter.settings"  # docs/reference/settings.md has them


def tables() -> str:
    """One section for each part of the values."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    plain, sections = [], []
    for name, inner in schema["properties"].items():
        if name == HIDDEN:
            continue
        rows = list(_rows(name, inner, defaults.get(name), schema))
        if len(rows) == 1:
            plain += rows
        else:
            sections.append(f"## {name}\n\n{inner['description']}\n\n{_table(rows[1:])}")
    return "\n\n".join([*sections, f"## The rest\n\n{_table(plain)}"])


def _table(rows: list[tuple[str, str, str, str]]) -> str:
    return table(("value", "type", "default", "meaning"), rows)


def _rows(path: str, schema: dict[str, Any], default: Any, root: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """The value itself, then those below it; what Kubernetes defines (a reference in the schema) is one row."""
    whole = _resolved(schema, root)
    below = {} if "$ref" in schema or path == SETTINGS else whole.get("properties", {})
    meaning = schema.get("description") or whole.get("description", "")
    yield f"`{path}`", _type(whole), "below" if below else _default(default), meaning
    for name, inner in below.items():
        own = default.get(name) if isinstance(default, dict) else None
        yield from _rows(f"{path}.{name}", inner, own, root)


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found = root
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"`{value}`" if value != "" else '`""`' for value in schema["enum"])
    kinds = schema.get("type", "any")
    listed = [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"]
    words = {"array": "list", "boolean": "true or false", "integer": "whole number", "string": "text"}
    return " or ".join(words.get(kind, kind) for kind in listed)


def _default(value: Any) -> str:
    return NOTHING if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"
