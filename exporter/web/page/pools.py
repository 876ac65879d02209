"""The page's lists: every pool as a bar, as many as there is room for."""

from __future__ import annotations

import math
from html import escape
from itertools import accumulate
from typing import TYPE_CHECKING

from exporter.web.page.shapes import bar, mark

if TYPE_CHECKING:
    from exporter.model.pool import PoolState

ROOM = 5_000  # characters
TEXT = 200  # characters of a driver's message or of a place in code


def pool_list(pools: list[PoolState]) -> str:
    """Every pool as a bar, the fullest first."""
    ordered = sorted(pools, key=lambda pool: (-(pool.pending or 0), -_share(pool), pool.pool, pool.worker))
    lines, left = fit([_pool(pool) for pool in ordered], ROOM)
    hint = ""
    if all(pool.pool == "sidecar" for pool in pools):
        hint = '<p class="faint">No application reports its pool here (db-health-reporter does that).</p>'
    return f"<h3>Pools</h3><ul>{lines}</ul>{more(left)}{hint}"


def _pool(pool: PoolState) -> str:
    whose = "this exporter's own" if pool.pool == "sidecar" else f"worker {escape(pool.worker)}"
    used, limit = pool.checked_out or 0, pool.max_connections or math.inf
    kind = filling(_share(pool))
    if pool.pending and kind == "good":
        kind = "warn"
    words = [f"{used} of {limit:g} in use" if limit < math.inf else f"{used} in use, no limit"]
    if pool.pending:
        words.append(f"<b>{pool.pending} waiting</b>")
    if (pool.oldest_checkout_seconds or 0) >= 1:
        held = duration(pool.oldest_checkout_seconds or 0)
        place = f" at {escape(pool.oldest_location[:TEXT])}" if pool.oldest_location else ""
        words.append(f"oldest out for {held}{place}")
    return (
        f"<li>{mark(kind)}{escape(pool.pool)} ({whose}): {', '.join(words)}"
        f"{bar(used, limit, kind) if limit < math.inf else ''}</li>"
    )


def fit(parts: list[str], room: int) -> tuple[str, int]:
    """Join the parts that fit, the first in any case, and say how many are left out."""
    ends = list(accumulate(map(len, parts)))
    fitting = max(1, sum(end <= room for end in ends))
    return "".join(parts[:fitting]), max(0, len(parts) - fitting)


def more(left: int) -> str:
    """Say how many were left out."""
    return f'<p class="faint">and {left} more in /metrics</p>' if left else ""


def _share(pool: PoolState) -> float:
    return (pool.checked_out or 0) / (pool.max_connections or math.inf)


def filling(share: float) -> str:
    """Name the mark for how much of a limit is used."""
    return next(kind for limit, kind in ((1.0, "bad"), (0.85, "warn"), (0.0, "good")) if share >= limit)


def duration(seconds: float) -> str:
    """Say how long, roughly."""
    units = ((86400, "d"), (3600, "h"), (60, "min"))
    return next((f"{seconds / size:.0f} {unit}" for size, unit in units if seconds >= 2 * size), f"{seconds:.0f} s")
