"""The page for people: what is wrong, whose fault it is, and what to do first."""

from __future__ import annotations

import math
import time
from html import escape
from typing import TYPE_CHECKING

from exporter.page_look import POLICY, SCRIPT, STYLE
from exporter.page_shapes import bar, icon, mark, sparkline
from exporter.probe import Path
from exporter.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exporter.pool_state import PoolState
    from exporter.probe import Probe
    from exporter.service import Service
    from exporter.watch import Watch

RUNBOOKS = "https://github.com/db-health-exporter/db-health-exporter/blob/main/docs/runbooks"
FULLY_SHOWN = 8  # databases; the worst first, the rest in one line each
LISTED = 60
POOLS_SHOWN = 24
TEXT = 300  # characters of a driver's message or of a place in code

# From the best to the worst, with the kind of mark, the words, and the runbook.
_WORDS: dict[Verdict, tuple[str, str, str]] = {
    Verdict.HEALTHY: ("good", "healthy", "README"),
    Verdict.UNKNOWN: ("none", "not known", "README"),
    Verdict.DATABASE_SLOW: ("warn", "database slow", "DatabaseProbeSlow"),
    Verdict.APP_POOL_EXHAUSTED: ("warn", "application's pool exhausted", "AppPoolExhausted"),
    Verdict.SERVER_FULL: ("bad", "server full", "DatabaseServerNearlyFull"),
    Verdict.WRONG_ROLE: ("bad", "wrong role", "DatabaseWrongRole"),
    Verdict.WRITES_BLOCKED: ("bad", "writes blocked", "DatabaseWritesBlocked"),
    Verdict.APP_POOL_WEDGED: ("bad", "application's pool wedged", "AppPoolWedged"),
    Verdict.CREDENTIALS_REJECTED: ("bad", "credentials rejected", "DatabaseCredentialsRejected"),
    Verdict.DATABASE_DOWN: ("bad", "database down", "DatabaseUnreachable"),
}
_RANKS = {verdict: rank for rank, verdict in enumerate(_WORDS)}
_LINKS = ("healthz?verbose", "readyz?verbose", "livez?verbose", "app/livez?verbose", "metrics")


def render(service: Service, *, clock: Callable[[], float] = time.monotonic) -> tuple[str, str]:
    """Return the page and its content security policy.

    Args:
        service: the facts; nothing is asked of any database.
        clock: the one that the readings were taken by.
    """
    watches = sorted(service.watches.items(), key=lambda each: -_RANKS[each[1].verdict()])
    name, worst = watches[0]
    kind, words, _ = _WORDS[worst.verdict()]
    pools = _pools(service)
    shown = "".join(_database(each, watch, pools, clock()) for each, watch in watches[:FULLY_SHOWN])
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(words)} - {escape(name)}</title>"
        f'<link rel="icon" href="{icon(kind)}"><style>{STYLE}</style>'
        '<noscript><meta http-equiv="refresh" content="5"></noscript></head>'
        f'<body><p id="lost" role="alert" hidden></p><main>{_head(name, worst, len(watches))}{shown}'
        f"{_rest(watches[FULLY_SHOWN:])}{_foot()}</main><script>{SCRIPT}</script></body></html>"
    )
    return page, POLICY


def _head(name: str, worst: Watch, count: int) -> str:
    """The verdict in a sentence, and the next step, first of all."""
    verdict, advice = worst.verdict(), worst.advice()
    kind, words, runbook = _WORDS[verdict]
    which = f"{escape(name)}: " if count > 1 or verdict is not Verdict.HEALTHY else ""
    more = f"; the worst of {count} databases" if count > 1 else ""
    link = "" if verdict is Verdict.HEALTHY else f' <a href="{RUNBOOKS}/{runbook}.md">Runbook</a>'
    return (
        f'<header class="card head {kind}" aria-live="polite"><h1>{mark(kind)}<span>{which}'
        f'{escape(advice.sentence)}</span></h1><p class="next"><b>Next:</b> {escape(advice.next_step)}{link}</p>'
        f'<p class="faint">Verdict: {escape(words)}{more}.</p></header>'
    )


def _database(name: str, watch: Watch, pools: Sequence[PoolState], now: float) -> str:
    kind, words, _ = _WORDS[watch.verdict()]
    optional = "" if watch.plan.required else " (not required)"
    pooled = watch.probes[Path.POOLED]
    recent = tuple(getattr(pooled, "recent", ()))
    mine = [pool for pool in pools if pool.database == name]
    probes = "".join(_probe(path, probe, now) for path, probe in watch.probes.items())
    return (
        f'<section class="card"><h2>{mark(kind)}{escape(name)}: {escape(words)}{optional}</h2>'
        f"<h3>Probes</h3><ul>{probes}</ul>{sparkline(recent, limit=watch.plan.limits.timeout)}"
        f'<p class="faint">Recent pooled probes; full height is the time-out of {watch.plan.limits.timeout:g} s.</p>'
        f"{_server(watch)}{_pool_list(mine)}</section>"
    )


def _probe(path: Path, probe: Probe, now: float) -> str:
    last, success = probe.last, probe.last_success
    if last is None:
        return f"<li>{mark('none')}{path}: not asked yet</li>"
    when = f"{_time(now - last.taken_at)} ago"
    if last.passed:
        return f"<li>{mark('good')}{path}: passed in {last.seconds * 1000:.1f} ms, {when}</li>"
    since = f"; last passed {_time(now - success.taken_at)} ago" if success else "; has never passed"
    detail = f'<br><span class="faint">{escape(last.detail[:TEXT])}</span>' if last.detail else ""
    return f"<li>{mark('bad')}{path}: failed ({last.outcome}), {when}{since}{detail}</li>"


def _server(watch: Watch) -> str:
    role = {True: "replica", False: "primary", None: "role not known"}[watch.seen.in_recovery]
    facts = watch.facts
    if facts is None:
        return f'<h3>Server</h3><p>{role}; <span class="faint">its connections are not known</span></p>'
    share = facts.connections / facts.max_connections
    kind = _filling(share)
    idle = facts.oldest_idle_in_transaction
    waiting = f"; idle in a transaction for {_time(idle)}" if idle else ""
    return (
        f"<h3>Server</h3><p>{role}; {facts.connections} of {facts.max_connections} connections{waiting}</p>"
        f"{bar(facts.connections, facts.max_connections, kind)}"
    )


def _pool_list(pools: list[PoolState]) -> str:
    """Every pool as a bar, the fullest first."""
    ordered = sorted(pools, key=lambda pool: (-(pool.pending or 0), -_share(pool), pool.pool, pool.worker))
    lines = "".join(_pool(pool) for pool in ordered[:POOLS_SHOWN])
    more = f'<p class="faint">and {len(pools) - POOLS_SHOWN} more in /metrics</p>' if len(pools) > POOLS_SHOWN else ""
    hint = ""
    if all(pool.pool == "sidecar" for pool in pools):
        hint = '<p class="faint">No application reports its pool here (db-health-reporter does that).</p>'
    return f"<h3>Pools</h3><ul>{lines}</ul>{more}{hint}"


def _pool(pool: PoolState) -> str:
    whose = "this exporter's own" if pool.pool == "sidecar" else f"worker {escape(pool.worker)}"
    used, limit = pool.checked_out or 0, pool.max_connections or math.inf
    kind = "warn" if pool.pending else _filling(_share(pool))
    words = [f"{used} of {limit:g} in use" if limit < math.inf else f"{used} in use, no limit"]
    if pool.pending:
        words.append(f"<b>{pool.pending} waiting</b>")
    if pool.oldest_checkout_seconds:
        place = f" at {escape(pool.oldest_location[:TEXT])}" if pool.oldest_location else ""
        words.append(f"oldest out for {_time(pool.oldest_checkout_seconds)}{place}")
    return (
        f"<li>{mark(kind)}{escape(pool.pool)} ({whose}): {', '.join(words)}"
        f"{bar(used, limit, kind) if limit < math.inf else ''}</li>"
    )


def _rest(watches: list[tuple[str, Watch]]) -> str:
    if not watches:
        return ""
    lines = "".join(_line(name, watch) for name, watch in watches[:LISTED])
    more = f'<p class="faint">and {len(watches) - LISTED} more in /metrics</p>' if len(watches) > LISTED else ""
    return f'<section class="card"><h2>Other databases</h2><ul>{lines}</ul>{more}</section>'


def _line(name: str, watch: Watch) -> str:
    kind, words, _ = _WORDS[watch.verdict()]
    return f"<li>{mark(kind)}{escape(name)}: {escape(words)}</li>"


def _foot() -> str:
    links = "".join(f'<a href="{link}">/{link}</a>' for link in _LINKS)
    now = time.strftime("%H:%M:%S UTC", time.gmtime())
    nav = f'<nav aria-label="For programs">{links}<a href="{RUNBOOKS}/README.md">runbooks</a></nav>'
    return f'{nav}<p class="faint">As of {now}.</p>'


def _pools(service: Service) -> tuple[PoolState, ...]:
    own = (pool.state() for pool in getattr(service, "pools", ()))
    apps = service.app_pools.states() if service.app_pools is not None else ()
    return (*apps, *(state for state in own if state is not None))


def _share(pool: PoolState) -> float:
    return (pool.checked_out or 0) / (pool.max_connections or math.inf)


def _filling(share: float) -> str:
    return next(kind for limit, kind in ((1.0, "bad"), (0.85, "warn"), (0.0, "good")) if share >= limit)


def _time(seconds: float) -> str:
    units = ((86400, "d"), (3600, "h"), (60, "min"))
    return next((f"{seconds / size:.0f} {unit}" for size, unit in units if seconds >= 2 * size), f"{seconds:.0f} s")
