"""The page's HTML: complete, safe with any name and message, and true to its content security policy."""

import base64
import hashlib
import re
from html import unescape

import pytest

from exporter.app_pools.assessment import Assessment, Checkout
from exporter.database.server_stats import ServerStats
from exporter.diagnosis.advice import advise
from exporter.diagnosis.verdict import Verdict
from exporter.model.outcome import Outcome
from exporter.model.pool import PoolState
from exporter.model.result import ProbePath
from exporter.probing.status import DatabaseStatus
from exporter.web.page.markup import MAX_TEXT
from exporter.web.page.render import render_page
from tests.unit.web.statuses import LEAKING, NOW, make_status, path_status

HOSTILE = "<script>alert('x')</script>\"&"


def status(verdict: Verdict, outcome: Outcome | None, detail: str = "", name: str = "app") -> DatabaseStatus:
    """A status with this verdict, independent of its probes."""
    return DatabaseStatus(
        name=name,
        slow_after=0.4,
        paths={path: path_status(outcome, detail) for path in ProbePath},
        server_stats=ServerStats(90, 100, oldest_idle_in_transaction=400.0) if outcome else None,
        assessment=Assessment(
            oldest_checkout=Checkout(HOSTILE, "1", HOSTILE, None, 40.0),
            leaks=(Checkout(HOSTILE, HOSTILE, HOSTILE, HOSTILE, 35.0),),
        ),
        verdict=verdict,
        advice=advise(verdict, outcome),
    )


def render(*statuses: DatabaseStatus, pools: tuple[PoolState, ...] = ()) -> str:
    """The page's text."""
    text, _ = render_page(statuses, pools, now=NOW)
    return text


@pytest.mark.extended
def test_everything_is_shown() -> None:
    """No database and no pool is left out, however many there are."""
    names = [f"database-{number:03}" for number in range(100)]
    pools = tuple(
        PoolState(names[0], f"pool{number % 16}", str(number), 5, 15, 0, 10, 15.0, 7, 99.0, "path/" * 10)
        for number in range(16 * 64)
    )

    text = render(*(status(Verdict.DATABASE_DOWN, Outcome.DNS, name=name) for name in names), pools=pools)

    assert [name for name in names if f"{name}: database down</h2>" not in text] == []
    assert text.count("(worker ") == len(pools)


def test_long_messages_are_cut_off() -> None:
    """A driver's message or a place in code takes at most two lines."""
    pools = (PoolState("app", "orders", "1", 5, 5, 0, 0, 5.0, 1, 9.0, "p" * 5000),)

    text = render(status(Verdict.DATABASE_DOWN, Outcome.ERROR, "m" * 5000), pools=pools)

    assert max(map(len, re.findall("m+", text))) == MAX_TEXT
    assert max(map(len, re.findall("p+", text))) == MAX_TEXT


def test_names_and_messages_stay_text() -> None:
    """A name or a message is escaped: it cannot become markup."""
    pools = (PoolState(HOSTILE, HOSTILE, HOSTILE, 5, 5, 0, 0, 5.0, 1, 9.0, HOSTILE),)

    text = render(status(Verdict.APP_POOL_WEDGED, Outcome.ERROR, HOSTILE, name=HOSTILE), pools=pools)

    assert text.count("<script>") == 1
    assert HOSTILE not in text


def test_each_leak_is_named() -> None:
    """Every leak is shown once, with its place and age, the oldest first."""
    text = unescape(render(make_status(assessment=LEAKING)))

    assert "<p>Oldest checkout: pool orders, worker 1, at <b>shop/export.py:8 in export</b>, out for 75 s</p>" in text
    assert "<p>Leak: pool orders, worker 2, at <b>shop/views.py:9 in cart</b>, out for 31 s; now: shop/views.py" in text
    assert text.count("shop/export.py:8") == 1


def test_every_verdict_has_words_a_shape_and_a_next_step() -> None:
    """A verdict is never shown by its colour alone, and always with advice."""
    for verdict in Verdict:
        text = render(status(verdict, Outcome.REFUSED))

        assert re.search(r'<header class="card headline (good|warn|bad|none)"', text)
        assert re.search(r"<b>Next:</b> \w+", text)
        assert re.search(r"Verdict: [a-z' ]+\.", unescape(text))


def test_before_the_first_probe_there_is_a_page() -> None:
    """The page is complete in the first second after the start."""
    text = render(status(Verdict.UNKNOWN, None))

    assert "not asked yet" in text


def test_the_policy_admits_only_the_page_s_own_style_and_script() -> None:
    """Their hashes are in it, and no attribute needs more."""
    text, policy = render_page([status(Verdict.HEALTHY, Outcome.SUCCESS)], [], now=NOW)
    for element in ("style", "script"):
        content = re.search(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        assert content
        digest = base64.b64encode(hashlib.sha256(content[1].encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy

    assert "unsafe" not in policy
    assert not re.search(r"\b(style|on[a-z]+)=", text[text.index("<main>") : text.index("</main>")])
    assert not re.search(r'(src|href)="(https?:)?//(?!github\.com/db-health-exporter/)', text)
