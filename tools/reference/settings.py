"""The exporter's settings: one row each."""

from typing import Any

from exporter.settings.model import Settings
from tools.reference.page import table as markdown


def table() -> str:
    """Variable, default, meaning and what is allowed."""
    rows = []
    for name, field in Settings.model_fields.items():
        extra: Any = field.json_schema_extra
        rows.append((f"`{name.upper()}`", str(extra["shown"]), str(field.description), str(extra["allowed"])))
    return markdown(("variable", "default", "meaning", "allowed"), rows)
