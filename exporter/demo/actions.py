"""What can be done to the cast, by which key: one table for the terminal, the control page and the tour."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """One key, one button, one thing that happens."""

    key: str
    name: str
    label: str
    story: str
    expect: str  # what to watch for


ACTIONS = (
    Action("l", "leak", "leak connection", "a request forgets to close its session", "the pool loses one"),
    Action("w", "wedge", "wedge pool", "every session waits for a reply that never comes", "app_pool_wedged"),
    Action("b", "block", "block the loop", "a call that does not yield, with the pool full", "app_pool_wedged"),
    Action("f", "freeze", "freeze database", "SIGSTOP to every process of PostgreSQL", "database_down"),
    Action("t", "thaw", "thaw", "SIGCONT to every process of PostgreSQL", "healthy"),
    Action("m", "fill", "fill server", "others take every connection up to max_connections", "server_full"),
    Action("p", "password", "rotate password", "ALTER ROLE with a word nobody was told", "credentials_rejected"),
    Action("o", "readonly", "read-only", "default_transaction_read_only for everybody", "writes_blocked"),
    Action("h", "heal", "heal all", "everything is undone; the application is restarted if need be", "healthy"),
)
BY_NAME = {action.name: action for action in ACTIONS}
BY_KEY = {action.key: action for action in ACTIONS}
