"""The applications' pools, all workers together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.dashboard.panels import lines, rows

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Panel

TITLE = "Application pools"


def panels() -> list[Builder[Panel]]:
    """Return the panels from left to right and top to bottom."""
    return [
        lines(
            "Connections in use",
            (
                "Connections that the applications hold, all workers together, and the most that they may. Empty "
                "where no application reports its pool."
            ),
            {
                "{{pool}} in use": "sum by (pool) (dbhealth_pool_checked_out_connections{@app})",
                "{{pool}} limit": "sum by (pool) (dbhealth_pool_max_connections{@app} < +Inf)",
            },
            width=8,
        ),
        lines(
            "Share of the limit in use, over workers",
            (
                "Half of the workers use less than the median; the busiest is at the highest. Empty where no "
                "application reports its pool."
            ),
            {
                "{{pool}} median": (
                    "quantile by (pool) (0.5, dbhealth_pool_checked_out_connections{@app} / "
                    "dbhealth_pool_max_connections{@app})"
                ),
                "{{pool}} 90 %": (
                    "quantile by (pool) (0.9, dbhealth_pool_checked_out_connections{@app} / "
                    "dbhealth_pool_max_connections{@app})"
                ),
                "{{pool}} busiest": (
                    "max by (pool) (dbhealth_pool_checked_out_connections{@app} / dbhealth_pool_max_connections{@app})"
                ),
            },
            width=8,
            unit="percentunit",
            thresholds={0.85: "orange", 1: "red"},
            runbook="AppPoolNearlyExhausted",
        ),
        lines(
            "Requests that wait for a connection",
            (
                "More than none for long: the pool is too small, or something holds its connections. Empty where no"
                " application reports its pool."
            ),
            {
                "{{pool}}": "sum by (pool) (dbhealth_pool_pending_requests{@app})",
            },
            width=8,
            thresholds={1: "orange"},
            runbook="AppPoolExhausted",
        ),
        lines(
            "Wait for a connection",
            "From asking the pool to getting a connection. Empty where no application reports its pool.",
            {
                "{{pool}} median": (
                    "histogram_quantile(0.5, sum by (le, pool) "
                    "(rate(dbhealth_pool_wait_seconds_bucket{@app}[$__rate_interval])))"
                ),
                "{{pool}} 99 %": (
                    "histogram_quantile(0.99, sum by (le, pool) "
                    "(rate(dbhealth_pool_wait_seconds_bucket{@app}[$__rate_interval])))"
                ),
            },
            width=8,
            unit="s",
            thresholds={0.1: "yellow", 1: "red"},
        ),
        lines(
            "Time that connections are held",
            (
                "From taking a connection to giving it back: transactions, and whatever is done within them. Empty "
                "where no application reports its pool."
            ),
            {
                "{{pool}} median": (
                    "histogram_quantile(0.5, sum by (le, pool) "
                    "(rate(dbhealth_pool_use_seconds_bucket{@app}[$__rate_interval])))"
                ),
                "{{pool}} 99 %": (
                    "histogram_quantile(0.99, sum by (le, pool) "
                    "(rate(dbhealth_pool_use_seconds_bucket{@app}[$__rate_interval])))"
                ),
            },
            width=8,
            unit="s",
            thresholds={10: "yellow", 60: "red"},
        ),
        lines(
            "Time to open a connection",
            (
                "Name resolution, TCP, TLS and authentication together, as the application meets them. Empty while "
                "no application opens a connection."
            ),
            {
                "{{pool}} median": (
                    "histogram_quantile(0.5, sum by (le, pool) "
                    "(rate(dbhealth_pool_create_seconds_bucket{@app}[$__rate_interval])))"
                ),
                "{{pool}} 99 %": (
                    "histogram_quantile(0.99, sum by (le, pool) "
                    "(rate(dbhealth_pool_create_seconds_bucket{@app}[$__rate_interval])))"
                ),
            },
            width=8,
            unit="s",
            thresholds={0.1: "yellow", 1: "red"},
        ),
        lines(
            "Events",
            (
                "Per second: requests that gave up waiting, connections opened, connections thrown away as broken. "
                "Empty where no application reports its pool."
            ),
            {
                "{{pool}} timed out": "sum by (pool) (rate(dbhealth_pool_timeouts_total{@app}[$__rate_interval]))",
                "{{pool}} opened": "sum by (pool) (rate(dbhealth_pool_connects_total{@app}[$__rate_interval]))",
                "{{pool}} invalidated": (
                    "sum by (pool) (rate(dbhealth_pool_invalidations_total{@app}[$__rate_interval]))"
                ),
            },
            width=8,
            unit="ops",
            runbook="AppPoolExhausted",
        ),
        lines(
            "Longest held connection",
            (
                "The ten pods and pools whose oldest checkout is longest ago. Empty where no application reports "
                "its pool."
            ),
            {
                "{{namespace}} / {{pod}} / {{pool}}": (
                    "topk(10, max by (namespace, pod, pool) (dbhealth_pool_oldest_checkout_seconds{@app}))"
                ),
            },
            width=8,
            unit="s",
            thresholds={60: "yellow", 600: "red"},
            runbook="AppConnectionLeaked",
        ),
        lines(
            "Silent workers",
            (
                "Application processes that live and have stopped reporting: their event loop or interpreter hangs."
                " Empty where no application reports its pool."
            ),
            {
                "{{namespace}} / {{pool}}": "sum by (namespace, pool) (dbhealth_app_worker_silent{@app})",
            },
            width=8,
            thresholds={1: "red"},
            runbook="AppPoolWedged",
        ),
        lines(
            "Delay of the applications' event loops",
            (
                "How late the loop that uses the pool came back to its report: a loop that is blocked gives no "
                "connection back. Empty where no asynchronous application reports its pool."
            ),
            {
                "{{pool}} median": "quantile by (pool) (0.5, dbhealth_app_event_loop_lag_seconds{@app})",
                "{{pool}} highest": "max by (pool) (dbhealth_app_event_loop_lag_seconds{@app})",
            },
            width=8,
            unit="s",
            thresholds={0.1: "yellow", 1: "red"},
            runbook="AppPoolWedged",
        ),
        rows(
            "Where the oldest connections were taken",
            (
                "The places in the applications' code that hold a connection for longest, in seconds. Empty while "
                "no connection has been out for long."
            ),
            [
                (
                    "topk(10, max by (namespace, pod, database, pool, location) ( "
                    "dbhealth_pool_oldest_checkout_info{@app} * on (job, namespace, pod, database, pool) group_left () "
                    "max by (job, namespace, pod, database, pool) (dbhealth_pool_oldest_checkout_seconds{@app})))"
                ),
            ],
            {
                "namespace": "Namespace",
                "pod": "Pod",
                "database": "Database",
                "pool": "Pool",
                "location": "Taken at",
                "Value": "Held for",
            },
            width=16,
            unit="s",
            thresholds={60: "yellow", 600: "red"},
            runbook="AppConnectionLeaked",
        ),
    ]
