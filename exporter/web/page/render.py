"""The page for people: what is wrong, whose fault it is, and what to do first."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING

from exporter.diagnosis.verdict import Verdict
from exporter.model.result import ProbePath
from exporter.web.page.assets import POLICY, SCRIPT, STYLE
from exporter.web.page.pools import TEXT, duration, filling, fit, more, pool_list
from exporter.web.page.shapes import bar, icon, mark, marks, sparkline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exporter.model.pool import PoolState
    from exporter.probing.monitor import Watch
    from exporter.probing.probe import Probe
    from exporter.web.health import HealthService

RUNBOOKS = "https://github.com/db-health-exporter/db-health-exporter/blob/main/docs/runbooks"
ROOM = {"databases": 15_000, "others": 3_000}  # characters; what does not fit is counted

# From the best to the worst, with the kind of mark, the words, and the runbook.
_WORDS: dict[Verdict, tuple[str, str, str]] = {
    Verdict.HEALTHY: ("good", "healthy", "README"),
    Verdict.UNKNOWN: ("none", "not known", "README"),
    Verdict.DATABASE_SLOW: ("warn", "database slow", "DatabaseProbeSlow"),
    Verdict.APP_POOL_EXHAUSTED: ("warn", "application's pool exhausted", "AppPoolExhausted"),
    Verdict.SERVER_FULL: ("bad", "server full", "DatabaseServerNearlyFull"),
    Verdict.MISCONFIGURED: ("bad", "misconfigured", "README"),
    Verdict.WRONG_ROLE: ("bad", "wrong role", "DatabaseWrongRole"),
    Verdict.WRITES_BLOCKED: ("bad", "writes blocked", "DatabaseWritesBlocked"),
    Verdict.APP_POOL_WEDGED: ("bad", "application's pool wedged", "AppPoolWedged"),
    Verdict.CREDENTIALS_REJECTED: ("bad", "credentials rejected", "DatabaseCredentialsRejected"),
    Verdict.DATABASE_DOWN: ("bad", "database down", "DatabaseUnreachable"),
}
_PATHS = {ProbePath.POOLED: "open connection", ProbePath.FRESH: "new connection", ProbePath.WRITE: "writes a row"}
_RANKS = {verdict: rank for rank, verdict in enumerate(_WORDS)}
_LINKS = ("healthz?verbose", "readyz?verbose", "livez?verbose", "app/livez?verbose", "metrics")


def render(service: HealthService, *, clock: Callable[[], float] = time.monotonic) -> tuple[str, str]:
    """Return the page and its content security policy.

    Args:
        service: the facts; nothing is asked of any database.
        clock: the one that the readings were taken by.
    """
    watches = sorted(service.watches.items(), key=lambda each: -_RANKS[each[1].verdict()])
    name, worst = watches[0]
    kind, words, _ = _WORDS[worst.verdict()]
    pools = _pools(service)
    shown, left = fit([_database(each, watch, pools, clock()) for each, watch in watches], ROOM["databases"])
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(words)} - {escape(name)}</title>"
        f'<link rel="icon" href="{icon(kind)}"><style>{STYLE}</style>'
        '<noscript><meta http-equiv="refresh" content="5"></noscript></head>'
        f'<body><p id="lost" role="alert" hidden></p>{marks()}<main>{_head(service, name, worst)}<div id="rest">{shown}'
        f"{_others(watches[len(watches) - left :])}{_foot()}</div></main><script>{SCRIPT}</script></body></html>"
    )
    return page, POLICY


def _head(service: HealthService, name: str, worst: Watch) -> str:
    """The verdict in a sentence, and the next step, first of all."""
    verdict, advice, count = worst.verdict(), worst.advice(), len(service.watches)
    kind, words, runbook = _WORDS[verdict]
    which = f"{escape(name)}: " if count > 1 or verdict is not Verdict.HEALTHY else ""
    more = f"; the worst of {count} databases" if count > 1 else ""
    link = "" if verdict is Verdict.HEALTHY else f' <a href="{RUNBOOKS}/{runbook}.md">Runbook</a>'
    return (
        f'<header class="card head {kind}" aria-live="polite"><h1>{mark(kind)}<span>{which}'
        f'{escape(advice.sentence)}</span></h1><p class="next"><b>Next:</b> {escape(advice.next_step)}{link}</p>'
        f'{_culprit(service, name)}<p class="faint">Verdict: {escape(words)}{more}.</p></header>'
    )


def _culprit(service: HealthService, name: str) -> str:
    """Where in the application the connections are that do not come back, also while others still do."""
    if service.app_pools is None:
        return ""
    facts = service.app_pools.facts(name, well_since=service.watches[name].well_since)
    if facts.culprit_location is None:
        return ""
    whose = f"pool {escape(facts.culprit_pool or '')}, worker {escape(facts.culprit_worker or '')}"
    doing = f"; now: {escape(facts.culprit_doing[:TEXT])}" if facts.culprit_doing else ""
    return f"<p>Oldest checkout: {whose}, at <b>{escape(facts.culprit_location[:TEXT])}</b>{doing}</p>"


def _database(name: str, watch: Watch, pools: Sequence[PoolState], now: float) -> str:
    kind, words, _ = _WORDS[watch.verdict()]
    optional = "" if watch.plan.required else " (not required)"
    pooled = watch.probes[ProbePath.POOLED]
    drawing, words_of_drawing = sparkline(tuple(pooled.recent))
    mine = [pool for pool in pools if pool.database == name]
    probes = "".join(_probe(path, probe, now) for path, probe in watch.probes.items())
    return (
        f'<section class="card"><h2>{mark(kind)}{escape(name)}: {escape(words)}{optional}</h2>'
        f"<h3>Probes</h3><ul>{probes}</ul>{drawing}"
        f'<p class="faint">Pooled probes, the newest on the right: {words_of_drawing}.</p>'
        f"{_server(watch)}{pool_list(mine)}</section>"
    )


def _probe(path: ProbePath, probe: Probe, now: float) -> str:
    name = f"<b>{path}</b> ({_PATHS[path]})"
    last, success = probe.last, probe.last_success
    if last is None:
        return f"<li>{mark('none')}{name}: not asked yet</li>"
    when = f"{duration(now - last.taken_at)} ago"
    if last.passed:
        return f"<li>{mark('good')}{name}: passed in {last.seconds * 1000:.1f} ms, {when}</li>"
    since = f"; last passed {duration(now - success.taken_at)} ago" if success else "; has never passed"
    detail = f'<br><span class="faint">{escape(last.detail[:TEXT])}</span>' if last.detail else ""
    return f"<li>{mark('bad')}{name}: failed ({last.outcome}), {when}{since}{detail}</li>"


def _server(watch: Watch) -> str:
    role = {True: "replica", False: "primary", None: "role not known"}[watch.seen.in_recovery]
    facts = watch.facts
    if facts is None:
        return f"<h3>Server</h3><p>{role}; connections not known</p>"
    share = facts.connections / facts.max_connections
    kind = filling(share)
    idle = facts.oldest_idle_in_transaction
    waiting = f"; idle in a transaction for {duration(idle)}" if idle else ""
    return (
        f"<h3>Server</h3><p>{mark(kind)}{role}; {facts.connections} of {facts.max_connections} connections{waiting}</p>"
        f"{bar(facts.connections, facts.max_connections, kind)}"
    )


def _others(watches: list[tuple[str, Watch]]) -> str:
    if not watches:
        return ""
    lines, left = fit([_line(name, watch) for name, watch in watches], ROOM["others"])
    return f'<section class="card"><h2>Other databases</h2><ul>{lines}</ul>{more(left)}</section>'


def _line(name: str, watch: Watch) -> str:
    kind, words, _ = _WORDS[watch.verdict()]
    return f"<li>{mark(kind)}{escape(name)}: {escape(words)}</li>"


def _foot() -> str:
    links = "".join(f'<a href="{link}">/{link}</a>' for link in _LINKS)
    now = time.strftime("%H:%M:%S UTC", time.gmtime())
    nav = f'<nav aria-label="For programs">{links}<a href="{RUNBOOKS}/README.md">runbooks</a></nav>'
    return f'{nav}<p class="faint">As of {now}.</p>'


def _pools(service: HealthService) -> tuple[PoolState, ...]:
    own = (pool.state() for pool in service.pools)
    apps = service.app_pools.states() if service.app_pools is not None else ()
    return (*apps, *(state for state in own if state is not None))
