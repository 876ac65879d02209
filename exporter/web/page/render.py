"""The page for people: what is wrong, whose fault it is, and what to do first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from exporter.diagnosis.verdict import Verdict
from exporter.web.page.assets import load_assets
from exporter.web.page.markup import EMPTY, Html, html, join, shorten
from exporter.web.page.pools import pool_list
from exporter.web.page.svg import bar, icon, mark, sparkline, symbols
from exporter.web.page.words import PATHS, ROLES, SEVERITY, VERDICTS, duration, kind_of_share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.app_pools.assessment import Assessment, Checkout
    from exporter.model.pool import PoolState
    from exporter.model.result import ProbePath
    from exporter.probing.status import DatabaseStatus, PathStatus

RUNBOOKS = "https://github.com/db-health-exporter/db-health-exporter/blob/main/docs/runbooks"
ENDPOINTS = ("healthz?verbose", "readyz?verbose", "livez?verbose", "app/livez?verbose", "metrics")


def render_page(
    statuses: Iterable[DatabaseStatus], pools: Sequence[PoolState], *, now: float, problem: str = ""
) -> tuple[str, str]:
    """Return the page and its content security policy.

    Args:
        statuses: of every database; the worst is shown first.
        pools: of the application and of the exporter.
        now: seconds on the clock that the probes are timed by.
        problem: a sentence about the exporter itself; empty where there is none.
    """
    assets = load_assets()
    ordered = sorted(statuses, key=lambda status: -SEVERITY[status.verdict])
    worst = ordered[0]
    kind, words, _ = VERDICTS[worst.verdict]
    databases = (_database(status, [pool for pool in pools if pool.database == status.name], now) for status in ordered)
    page = html(
        assets.template,
        title=f"{words} - {worst.name}",
        icon=icon(kind),
        style=assets.style,
        symbols=symbols(),
        headline=_headline(worst, count=len(ordered)),
        rest=join((_problem(problem), *databases, _footer())),
        script=assets.script,
    )
    return page, assets.policy


def _headline(status: DatabaseStatus, *, count: int) -> Html:
    """Show the worst verdict of all databases in a sentence, and the next step."""
    kind, words, runbook = VERDICTS[status.verdict]
    healthy = status.verdict is Verdict.HEALTHY
    return html(
        '<header class="card headline $kind" aria-live="polite"><h1>$mark<span>$database$sentence</span></h1>'
        '<p class="next"><b>Next:</b> $next_step$link</p>$oldest'
        '<p class="faint">Verdict: $words$worst_of.</p></header>',
        kind=kind,
        mark=mark(kind),
        database="" if healthy and count == 1 else f"{status.name}: ",
        sentence=status.advice.sentence,
        next_step=status.advice.next_step,
        link=EMPTY if healthy else html(' <a href="$runbooks/$name.md">Runbook</a>', runbooks=RUNBOOKS, name=runbook),
        oldest=_checkouts(status.assessment),
        words=words,
        worst_of=f"; the worst of {count} databases" if count > 1 else "",
    )


def _problem(sentence: str) -> Html:
    """Show what is wrong with the exporter itself."""
    if not sentence:
        return EMPTY
    return html(
        '<section class="card"><h2>${mark}The exporter itself</h2><p>$sentence</p></section>',
        mark=mark("warn"),
        sentence=sentence,
    )


def _checkouts(assessment: Assessment) -> Html:
    """Show where in the application the connection was taken that is missing for longest, and every other leak."""
    others = (_checkout("Leak", leak) for leak in assessment.other_leaks)
    return join((_checkout("Oldest checkout", assessment.oldest_checkout), *others))


def _checkout(words: str, found: Checkout | None) -> Html:
    if found is None or found.location is None:
        return EMPTY
    return html(
        "<p>$words: pool $pool, worker $worker, at <b>$location</b>, out for $age$doing</p>",
        words=words,
        pool=found.pool,
        worker=found.worker,
        location=shorten(found.location),
        age=duration(found.seconds or 0.0),
        doing=f"; now: {shorten(found.doing)}" if found.doing else "",
    )


def _database(status: DatabaseStatus, pools: Sequence[PoolState], now: float) -> Html:
    kind, words, _ = VERDICTS[status.verdict]
    drawing, drawing_in_words = sparkline(status.pooled.recent)
    return html(
        '<section class="card"><h2>$mark$name: $words$optional</h2>'
        "<h3>Probes</h3><ul>$probes</ul>$drawing"
        '<p class="faint">Pooled probes, the newest on the right: $drawing_in_words.</p>'
        "$server$pools</section>",
        mark=mark(kind),
        name=status.name,
        words=words,
        optional="" if status.required else " (not required)",
        probes=join(_probe(path, found, now) for path, found in status.paths.items()),
        drawing=drawing,
        drawing_in_words=drawing_in_words,
        server=_server(status),
        pools=pool_list(pools),
    )


def _probe(path: ProbePath, found: PathStatus, now: float) -> Html:
    latest, success = found.latest, found.last_success
    name = html("<b>$path</b> ($meaning)", path=path, meaning=PATHS[path])
    if latest is None:
        return html("<li>$mark$name: not asked yet</li>", mark=mark("none"), name=name)
    ago = duration(now - latest.taken_at)
    if latest.passed:
        took = f"{latest.seconds * 1000:.1f} ms"
        return html("<li>$mark$name: passed in $took, $ago ago</li>", mark=mark("good"), name=name, took=took, ago=ago)
    return html(
        "<li>$mark$name: failed ($outcome), $ago ago; $passed$detail</li>",
        mark=mark("bad"),
        name=name,
        outcome=latest.outcome,
        ago=ago,
        passed=f"last passed {duration(now - success.taken_at)} ago" if success else "has never passed",
        detail=html('<br><span class="faint">$text</span>', text=shorten(latest.detail)) if latest.detail else EMPTY,
    )


def _server(status: DatabaseStatus) -> Html:
    role, stats = ROLES[status.in_recovery], status.server_stats
    if stats is None:
        return html("<h3>Server</h3><p>$role; connections not known</p>", role=role)
    kind = kind_of_share(stats.connections / stats.max_connections)
    idle = stats.oldest_idle_in_transaction
    return html(
        "<h3>Server</h3><p>$mark$role; $used of $limit connections$idle</p>$bar",
        mark=mark(kind),
        role=role,
        used=stats.connections,
        limit=stats.max_connections,
        idle=f"; idle in a transaction for {duration(idle)}" if idle else "",
        bar=bar(stats.connections, stats.max_connections, kind),
    )


def _footer() -> Html:
    return html(
        '<nav aria-label="For programs">$links<a href="$runbooks/README.md">runbooks</a></nav>'
        '<p class="faint">As of $now.</p>',
        links=join(html('<a href="$path">/$path</a>', path=path) for path in ENDPOINTS),
        runbooks=RUNBOOKS,
        now=time.strftime("%H:%M:%S UTC", time.gmtime()),
    )
