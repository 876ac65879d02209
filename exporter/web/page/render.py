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
    from collections.abc import Callable, Sequence

    from exporter.model.pool import PoolState
    from exporter.model.result import ProbePath
    from exporter.probing.monitor import Monitor
    from exporter.probing.status import DatabaseStatus, PathStatus
    from exporter.web.health import HealthService

RUNBOOKS = "https://github.com/db-health-exporter/db-health-exporter/blob/main/docs/runbooks"
ENDPOINTS = ("healthz?verbose", "readyz?verbose", "livez?verbose", "app/livez?verbose", "metrics")


def render(service: HealthService, *, clock: Callable[[], float] = time.monotonic) -> tuple[str, str]:
    """Return the page and its content security policy; asks no database.

    Args:
        service: holds the facts.
        clock: the one that the probes are timed by.
    """
    assets = load_assets()
    watches = sorted(service.watches.items(), key=lambda each: -SEVERITY[each[1].status.verdict])
    name, worst = watches[0]
    shown = VERDICTS[worst.status.verdict]
    pools = _pools(service)
    databases = (_database(each, watch, pools, clock()) for each, watch in watches)
    page = html(
        assets.template,
        title=f"{shown.words} - {name}",
        icon=icon(shown.kind),
        style=assets.style,
        symbols=symbols(),
        headline=_headline(service, name, worst),
        rest=join((*databases, _footer())),
        script=assets.script,
    )
    return page, assets.policy


def _headline(service: HealthService, name: str, worst: Monitor) -> Html:
    """Show the worst verdict in a sentence, and the next step."""
    verdict, advice, count = worst.status.verdict, worst.status.advice, len(service.watches)
    kind, words, runbook = VERDICTS[verdict]
    healthy = verdict is Verdict.HEALTHY
    return html(
        '<header class="card headline $kind" aria-live="polite"><h1>$mark<span>$database$sentence</span></h1>'
        '<p class="next"><b>Next:</b> $next_step$link</p>$oldest'
        '<p class="faint">Verdict: $words$worst_of.</p></header>',
        kind=kind,
        mark=mark(kind),
        database="" if healthy and count == 1 else f"{name}: ",
        sentence=advice.sentence,
        next_step=advice.next_step,
        link=EMPTY if healthy else html(' <a href="$runbooks/$name.md">Runbook</a>', runbooks=RUNBOOKS, name=runbook),
        oldest=_oldest_checkout(worst.status),
        words=words,
        worst_of=f"; the worst of {count} databases" if count > 1 else "",
    )


def _oldest_checkout(status: DatabaseStatus) -> Html:
    """Show where in the application the connection was taken that is missing for longest."""
    oldest = status.assessment.oldest_checkout
    if oldest is None or oldest.location is None:
        return EMPTY
    return html(
        "<p>Oldest checkout: pool $pool, worker $worker, at <b>$location</b>$doing</p>",
        pool=oldest.pool,
        worker=oldest.worker,
        location=shorten(oldest.location),
        doing=f"; now: {shorten(oldest.doing)}" if oldest.doing else "",
    )


def _database(name: str, watch: Monitor, pools: Sequence[PoolState], now: float) -> Html:
    kind, words, _ = VERDICTS[watch.status.verdict]
    drawing, drawing_in_words = sparkline(watch.status.pooled.recent)
    return html(
        '<section class="card"><h2>$mark$name: $words$optional</h2>'
        "<h3>Probes</h3><ul>$probes</ul>$drawing"
        '<p class="faint">Pooled probes, the newest on the right: $drawing_in_words.</p>'
        "$server$pools</section>",
        mark=mark(kind),
        name=name,
        words=words,
        optional="" if watch.status.required else " (not required)",
        probes=join(_probe(path, found, now) for path, found in watch.status.paths.items()),
        drawing=drawing,
        drawing_in_words=drawing_in_words,
        server=_server(watch.status),
        pools=pool_list([pool for pool in pools if pool.database == name]),
    )


def _probe(path: ProbePath, found: PathStatus, now: float) -> Html:
    last, success = found.latest, found.last_success
    name = html("<b>$path</b> ($meaning)", path=path, meaning=PATHS[path])
    if last is None:
        return html("<li>$mark$name: not asked yet</li>", mark=mark("none"), name=name)
    ago = duration(now - last.taken_at)
    if last.passed:
        took = f"{last.seconds * 1000:.1f} ms"
        return html("<li>$mark$name: passed in $took, $ago ago</li>", mark=mark("good"), name=name, took=took, ago=ago)
    return html(
        "<li>$mark$name: failed ($outcome), $ago ago; $passed$detail</li>",
        mark=mark("bad"),
        name=name,
        outcome=last.outcome,
        ago=ago,
        passed=f"last passed {duration(now - success.taken_at)} ago" if success else "has never passed",
        detail=html('<br><span class="faint">$text</span>', text=shorten(last.detail)) if last.detail else EMPTY,
    )


def _server(status: DatabaseStatus) -> Html:
    role, facts = ROLES[status.in_recovery], status.server_stats
    if facts is None:
        return html("<h3>Server</h3><p>$role; connections not known</p>", role=role)
    kind = kind_of_share(facts.connections / facts.max_connections)
    idle = facts.oldest_idle_in_transaction
    return html(
        "<h3>Server</h3><p>$mark$role; $used of $limit connections$idle</p>$bar",
        mark=mark(kind),
        role=role,
        used=facts.connections,
        limit=facts.max_connections,
        idle=f"; idle in a transaction for {duration(idle)}" if idle else "",
        bar=bar(facts.connections, facts.max_connections, kind),
    )


def _footer() -> Html:
    return html(
        '<nav aria-label="For programs">$links<a href="$runbooks/README.md">runbooks</a></nav>'
        '<p class="faint">As of $now.</p>',
        links=join(html('<a href="$path">/$path</a>', path=path) for path in ENDPOINTS),
        runbooks=RUNBOOKS,
        now=time.strftime("%H:%M:%S UTC", time.gmtime()),
    )


def _pools(service: HealthService) -> tuple[PoolState, ...]:
    own = (each.pool.state() for each in service.watches.values())
    apps = service.app_pools.states() if service.app_pools is not None else ()
    return (*apps, *(state for state in own if state is not None))
