"""The page for people: what is wrong, whose fault it is, and what to do first."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.service import Service

POLICY = "default-src 'none'"


def render(service: Service) -> tuple[str, str]:
    """Return the page and its content security policy."""
    parts = ["<!doctype html><title>db-health-exporter</title><h1>Database health</h1>"]
    for name, watch in service.watches.items():
        advice = watch.advice()
        parts.append(
            f"<h2>{escape(name)}: {watch.verdict()}</h2><p>{escape(advice.sentence)} {escape(advice.next_step)}</p>"
        )
    return "".join(parts), POLICY
