"""The page as a text: complete, safe whatever names and messages say, and true to its policy."""

import base64
import hashlib
import re
from html import unescape
from types import SimpleNamespace
from typing import Any

from exporter.app_pools.assessment import Assessment, OldestCheckout
from exporter.database.server_stats import ServerStats
from exporter.diagnosis.advice import advise
from exporter.diagnosis.verdict import Verdict
from exporter.model.outcome import Outcome
from exporter.model.pool import PoolState
from exporter.model.result import ProbePath, ProbeResult
from exporter.probing.status import DatabaseStatus, PathStatus
from exporter.web.page import render as page
from exporter.web.page.markup import MAX_TEXT

HOSTILE = "<script>alert('x')</script>\"&"
NOW = 1000.0


def path_status(outcome: Outcome | None, detail: str = "") -> PathStatus:
    """What a path knows that has found the same sixty times, or nothing yet."""
    if outcome is None:
        return PathStatus()
    latest = ProbeResult(outcome, 0.123456, NOW - 3, 0.0, detail)
    return PathStatus(latest, latest if latest.passed else None, (latest,) * 60)


def watch(verdict: Verdict, outcome: Outcome | None, detail: str = "", name: str = "app") -> Any:
    """One database of which this is known."""
    status = DatabaseStatus(
        name=name,
        slow_after=0.4,
        paths={path: path_status(outcome, detail) for path in ProbePath},
        server_stats=ServerStats(90, 100, oldest_idle_in_transaction=400.0) if outcome else None,
        assessment=Assessment(oldest_checkout=OldestCheckout(HOSTILE, "1", HOSTILE, None, 40.0)),
        verdict=verdict,
        advice=advise(verdict, outcome),
    )
    return SimpleNamespace(status=status, pool=SimpleNamespace(state=lambda: None))


def service(watches: dict[str, Any], pools: tuple[PoolState, ...] = ()) -> Any:
    """All that the page reads."""
    return SimpleNamespace(watches=watches, app_pools=SimpleNamespace(states=lambda: pools))


def render(facts: Any) -> str:
    """The page's text."""
    text, _ = page.render(facts, clock=lambda: NOW)
    return text


def test_everything_is_shown() -> None:
    """No database and no pool is left out, however many there are."""
    names = [f"database-{number:03}" for number in range(100)]
    pools = tuple(
        PoolState(names[0], f"pool{number % 16}", str(number), 5, 15, 0, 10, 15.0, 7, 99.0, "path/" * 10)
        for number in range(16 * 64)
    )

    text = render(service({name: watch(Verdict.DATABASE_DOWN, Outcome.DNS) for name in names}, pools))

    assert [name for name in names if f"{name}: database down</h2>" not in text] == []
    assert text.count("(worker ") == len(pools)


def test_long_messages_are_cut_off() -> None:
    """A driver's message or a place in code takes a line or two, however long it is."""
    pools = (PoolState("app", "orders", "1", 5, 5, 0, 0, 5.0, 1, 9.0, "p" * 5000),)

    text = render(service({"app": watch(Verdict.DATABASE_DOWN, Outcome.ERROR, "m" * 5000)}, pools))

    assert max(map(len, re.findall("m+", text))) == MAX_TEXT
    assert max(map(len, re.findall("p+", text))) == MAX_TEXT


def test_names_and_messages_stay_text() -> None:
    """What an application or a driver says cannot become part of the page."""
    pools = (PoolState(HOSTILE, HOSTILE, HOSTILE, 5, 5, 0, 0, 5.0, 1, 9.0, HOSTILE),)

    text = render(service({HOSTILE: watch(Verdict.APP_POOL_WEDGED, Outcome.ERROR, HOSTILE)}, pools))

    assert text.count("<script>") == 1
    assert HOSTILE not in text


def test_every_verdict_has_words_a_shape_and_a_next_step() -> None:
    """Nothing is told by color alone, and nobody is left without advice."""
    for verdict in Verdict:
        text = render(service({"app": watch(verdict, Outcome.REFUSED)}))

        assert re.search(r'<header class="card headline (good|warn|bad|none)"', text)
        assert re.search(r"<b>Next:</b> \w+", text)
        assert re.search(r"Verdict: [a-z' ]+\.", unescape(text))


def test_before_the_first_probe_there_is_a_page() -> None:
    """The first second after the start."""
    text = render(service({"app": watch(Verdict.UNKNOWN, None)}))

    assert "not asked yet" in text


def test_the_policy_admits_the_page_s_own_parts_only() -> None:
    """The hashes are those of the style and the script; no attribute needs more."""
    text, policy = page.render(service({"app": watch(Verdict.HEALTHY, Outcome.SUCCESS)}), clock=lambda: NOW)
    for element in ("style", "script"):
        content = re.search(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        assert content
        digest = base64.b64encode(hashlib.sha256(content[1].encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy

    assert "unsafe" not in policy
    assert not re.search(r"\b(style|on[a-z]+)=", text[text.index("<main>") : text.index("</main>")])
    assert not re.search(r'(src|href)="(https?:)?//(?!github\.com/db-health-exporter/)', text)
