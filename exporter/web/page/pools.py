"""The page's list of connection pools: the application's and the exporter's own, each as a bar."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from exporter.web.page.markup import EMPTY, Html, html, join, shorten
from exporter.web.page.svg import bar, mark
from exporter.web.page.words import duration, kind_of_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model.pool import PoolState

SIDECAR = "sidecar"


def pool_list(pools: Sequence[PoolState]) -> Html:
    """List every pool, those with waiting requests first, then the fullest."""
    ordered = sorted(pools, key=lambda pool: (-(pool.pending or 0), -_share(pool), pool.pool, pool.worker))
    hint = EMPTY
    if all(pool.pool == SIDECAR for pool in pools):
        hint = Html('<p class="faint">No application reports its pool here (db-health-reporter does that).</p>')
    return html("<h3>Pools</h3><ul>$pools</ul>$hint", pools=join(map(_pool, ordered)), hint=hint)


def _pool(pool: PoolState) -> Html:
    used, limit = pool.checked_out or 0, pool.max_connections or math.inf
    limited = limit < math.inf
    kind = kind_of_share(_share(pool))
    if pool.pending and kind == "good":
        kind = "warn"
    return html(
        "<li>$mark$pool ($owner): $usage$pending$oldest$bar</li>",
        mark=mark(kind),
        pool=pool.pool,
        owner="this exporter's own" if pool.pool == SIDECAR else f"worker {pool.worker}",
        usage=f"{used} of {limit:g} in use" if limited else f"{used} in use, no limit",
        pending=html(", <b>$count waiting</b>", count=pool.pending) if pool.pending else EMPTY,
        oldest=_oldest_checkout(pool),
        bar=bar(used, limit, kind) if limited else EMPTY,
    )


def _oldest_checkout(pool: PoolState) -> str:
    seconds = pool.oldest_checkout_seconds or 0.0
    if seconds < 1:
        return ""
    place = f" at {shorten(pool.oldest_location)}" if pool.oldest_location else ""
    return f", oldest out for {duration(seconds)}{place}"


def _share(pool: PoolState) -> float:
    return (pool.checked_out or 0) / (pool.max_connections or math.inf)
