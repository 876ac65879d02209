"""What the queries of all panels share: matchers for the dashboard's variables, and the verdicts by rank."""

from __future__ import annotations

_POD = 'job=~"$job", namespace=~"$namespace", pod=~"$pod"'
_DB = f'{_POD}, database=~"$database"'
_APP = f'{_DB}, pool=~"$pool", pool!="sidecar"'

VERDICTS = (
    ("healthy", "healthy", "green"),
    ("unknown", "not known", "text"),
    ("misconfigured", "misconfigured", "text"),
    ("database_slow", "database slow", "yellow"),
    ("app_pool_exhausted", "application's pool exhausted", "yellow"),
    ("server_full", "server full", "orange"),
    ("wrong_role", "wrong role", "orange"),
    ("writes_blocked", "writes blocked", "red"),
    ("app_pool_wedged", "application's pool wedged", "dark-red"),
    ("credentials_rejected", "credentials rejected", "red"),
    ("database_down", "database down", "dark-red"),
)
"""Label value, text and color, from the best to the worst: the index is the number on a timeline."""

_RANKS = [f'dbhealth_verdict{{@db, verdict="{verdict}"}} * {rank}' for rank, (verdict, _, _) in enumerate(VERDICTS)]
_SHORT = {
    "@worst": f"max by (namespace, database) ({' or '.join(_RANKS)})",
    "@pod": _POD,
    "@db": _DB,
    "@app": _APP,
}


def expand(text: str) -> str:
    """Replace `@pod`, `@db` and `@app` by matchers, `@worst` by the rank of the worst verdict of any pod."""
    for short, long in _SHORT.items():
        text = text.replace(short, long)
    return text
