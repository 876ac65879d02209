"""Names and texts in the form that the exporter accepts."""

from __future__ import annotations

_MAX_NAME = 64
_RESERVED = "sidecar"  # the exporter's own pool


def to_label(text: str | None) -> str:
    """Turn any text into a name for a pool or database."""
    name = to_printable(text or "")[:_MAX_NAME] or "default"
    return f"{_RESERVED}-app" if name == _RESERVED else name


def to_printable(text: str) -> str:
    """Replace each character that a metric's label cannot hold."""
    return "".join(char if char.isprintable() else "?" for char in text)
