"""Single workers of the applications; the row is collapsed, because a fleet would draw too many lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.dashboard.panels import lines, stacked

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Panel

TITLE = "Single workers (choose a pod first: at most fifty lines are drawn)"


def panels() -> list[Builder[Panel]]:
    """Return the panels from left to right and top to bottom."""
    return [
        lines(
            "Connections in use by worker",
            "One line for each process of the application. Empty where no application reports its pool.",
            {
                "{{pod}} / {{pool}} / {{worker}}": "topk(50, dbhealth_pool_checked_out_connections{@app})",
            },
            width=8,
        ),
        lines(
            "Waiting requests by worker",
            "One line for each process of the application. Empty where no application reports its pool.",
            {
                "{{pod}} / {{pool}} / {{worker}}": "topk(50, dbhealth_pool_pending_requests{@app})",
            },
            width=8,
            thresholds={1: "orange"},
        ),
        lines(
            "Oldest checkout by worker",
            "One line for each process of the application. Empty where no application reports its pool.",
            {
                "{{pod}} / {{pool}} / {{worker}}": "topk(50, dbhealth_pool_oldest_checkout_seconds{@app})",
            },
            width=8,
            unit="s",
            thresholds={60: "yellow", 600: "red"},
        ),
        stacked(
            "Open connections by worker",
            (
                "In the pool, ready for use, beside those in use and those beyond the pool's size. Empty where no "
                "application reports its pool."
            ),
            {
                "{{pod}} / {{pool}} / {{worker}} ready": "topk(50, dbhealth_pool_checked_in_connections{@app})",
                "{{pod}} / {{pool}} / {{worker}} in use": "topk(50, dbhealth_pool_checked_out_connections{@app})",
            },
            width=12,
        ),
        lines(
            "Overflow by worker",
            (
                "Connections beyond the pool's size, opened for a peak and closed after it, and that size. Empty "
                "where no application reports its pool."
            ),
            {
                "{{pod}} / {{pool}} / {{worker}}": "topk(50, dbhealth_pool_overflow_connections{@app})",
                "{{pod}} / {{pool}} / {{worker}} size": "topk(50, dbhealth_pool_size{@app})",
            },
            width=12,
        ),
    ]
