"""The server: connections, role, and the sessions of these pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.dashboard.panels import lines, stacked, states, with_names

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Panel

TITLE = "Server"


def panels() -> list[Builder[Panel]]:
    """Return the panels from left to right and top to bottom."""
    return [
        lines(
            "Connections",
            (
                "Connections of the whole server, from all clients, and the number that it allows. Each pod sees"
                " the same server: the highest is shown, not the sum."
            ),
            {
                "{{namespace}} / {{database}}": "max by (namespace, database) (dbhealth_server_connections{@db})",
                "{{namespace}} / {{database}} limit": (
                    "max by (namespace, database) (dbhealth_server_max_connections{@db})"
                ),
            },
            width=12,
        ),
        lines(
            "Share of the server's connections in use",
            "At 100 % the server refuses every new connection; open connections go on.",
            {
                "{{namespace}} / {{database}}": (
                    "max by (namespace, database) (dbhealth_server_connections{@db} / "
                    "dbhealth_server_max_connections{@db})"
                ),
            },
            width=12,
            unit="percentunit",
            thresholds={0.85: "orange", 0.95: "red"},
            maximum=1,
            runbook="DatabaseServerNearlyFull",
        ),
        with_names(
            states(
                "Role",
                (
                    'Primary or replica, as the connections of the pods see it; "both" is a failover that some pods did'
                    " not follow."
                ),
                (
                    "max by (namespace, database) (dbhealth_server_in_recovery{@db}) + (max by (namespace, database) "
                    "(dbhealth_server_in_recovery{@db}) != bool min by (namespace, database) "
                    "(dbhealth_server_in_recovery{@db}))"
                ),
                legend="{{namespace}} / {{database}}",
                width=8,
                runbook="DatabaseWrongRole",
            ),
            [("primary", "green"), ("replica", "yellow"), ("both", "red")],
        ),
        stacked(
            "Sessions of these pods, by state",
            (
                "What the server knows of the sessions that come from the chosen pods. Empty where the server does "
                "not see the pods' own addresses (a pooler, address translation, host networking) or POD_IP is not "
                "set."
            ),
            {
                "{{state}}": "sum by (state) (dbhealth_pod_sessions{@db})",
            },
            width=8,
        ),
        lines(
            "Longest idle in transaction",
            (
                "The ten pods with the oldest session that is idle inside a transaction: it holds its locks and "
                "keeps vacuum from cleaning up. Empty where the server does not see the pods' own addresses."
            ),
            {
                "{{namespace}} / {{pod}} / {{database}}": (
                    "topk(10, max by (namespace, pod, database) (dbhealth_pod_oldest_idle_in_transaction_seconds{@db}))"
                ),
            },
            width=8,
            unit="s",
            thresholds={60: "yellow", 300: "red"},
            runbook="AppConnectionLeaked",
        ),
    ]
