"""The diagnosis matches the table in docs/verdicts.md, for every possible combination of facts."""

import itertools
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from exporter.diagnosis.verdict import Facts, Verdict, diagnose
from exporter.model.outcome import Outcome

DOCUMENT = Path(__file__).parents[3] / "docs" / "verdicts.md"
OUTCOMES: tuple[Outcome | None, ...] = (None, *Outcome)
SUCCESS, TIMED_OUT = Outcome.SUCCESS, Outcome.QUERY_TIMEOUT

Row = tuple[list[frozenset[Outcome | None]], Callable[[Facts], bool], Verdict]

CONDITIONS: dict[str, Callable[[Facts], bool]] = {
    "": lambda _: True,
    "the answer came late": lambda facts: facts.answered_late,
    "the server is a replica": lambda facts: bool(facts.in_recovery),
    "a pool of the application's is wedged": lambda facts: facts.app_wedged,
    "a pool of the application's is exhausted": lambda facts: facts.app_exhausted,
    "the pooled probe took more than half of its time": lambda facts: facts.slow,
}


def cell(text: str) -> frozenset[Outcome | None]:
    """The outcomes that match a cell of the table."""
    named = {None if word == "none" else Outcome(word) for word in re.findall(r"`(\w+)`", text)}
    if not text:
        return frozenset(OUTCOMES)
    return frozenset(OUTCOMES) - named if text.startswith("all but") else frozenset(named)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """The document's table."""
    text = DOCUMENT.read_text().split("| pooled | fresh | write | and | verdict |")[1].split("\n\n")[0]
    found: list[Row] = []
    for line in text.splitlines()[2:]:
        *paths, condition, verdict = (part.strip() for part in line.strip("|").split("|"))
        found.append(([cell(path) for path in paths], CONDITIONS[condition], Verdict(verdict.strip("`"))))
    return found


def test_verdicts_are_the_contracts() -> None:
    """The verdicts are those that dashboards and alerts know."""
    assert [verdict.value for verdict in Verdict] == [
        "healthy",
        "database_down",
        "database_slow",
        "server_full",
        "credentials_rejected",
        "wrong_role",
        "writes_blocked",
        "app_pool_exhausted",
        "app_pool_wedged",
        "misconfigured",
        "unknown",
    ]


def first_row(rows: list[Row], facts: Facts) -> int:
    """The number of the first row that matches."""
    found = (facts.pooled, facts.fresh, facts.write)
    return next(
        number
        for number, (cells, condition, _) in enumerate(rows)
        if all(outcome in each for outcome, each in zip(found, cells, strict=True)) and condition(facts)
    )


# The outcomes of the write path that rules tell apart.
WRITES = (None, SUCCESS, Outcome.READ_ONLY, Outcome.MISCONFIGURED, Outcome.QUERY_TIMEOUT)


@pytest.mark.extended
def test_every_combination_is_documented(rows: list[Row]) -> None:
    """Every combination of three paths has the documented verdict, and every row is reached."""
    reached = set()
    flags = list(itertools.product((False, True), repeat=5))
    for pooled, fresh, write in itertools.product(OUTCOMES, OUTCOMES, WRITES):
        make = partial(Facts, pooled=pooled, fresh=fresh, write=write)
        for slow, late, replica, exhausted, wedged in (
            flags if pooled in {SUCCESS, Outcome.QUERY_TIMEOUT} else flags[:4]
        ):
            facts = make(slow=slow, answered_late=late, in_recovery=replica, app_exhausted=exhausted, app_wedged=wedged)
            row = first_row(rows, facts)
            assert diagnose(facts) is rows[row][2], facts
            reached.add(row)
    assert reached == set(range(len(rows)))


STORIES = [
    ("nothing asked yet", Facts(), "unknown"),
    ("nothing asked yet, the application's pool full", Facts(app_wedged=True), "unknown"),
    ("all is well", Facts(pooled=SUCCESS, fresh=SUCCESS, write=SUCCESS), "healthy"),
    ("only pooled is on", Facts(pooled=SUCCESS), "healthy"),
    ("a full server under a warm pool", Facts(pooled=SUCCESS, fresh=Outcome.TOO_MANY_CONNECTIONS), "server_full"),
    ("a password changed under a warm pool", Facts(pooled=SUCCESS, fresh=Outcome.AUTH), "credentials_rejected"),
    ("an expired certificate under a warm pool", Facts(pooled=SUCCESS, fresh=Outcome.TLS), "credentials_rejected"),
    ("an address that cannot be used", Facts(pooled=Outcome.MISCONFIGURED), "misconfigured"),
    ("a file gone under a warm pool", Facts(pooled=SUCCESS, fresh=Outcome.MISCONFIGURED), "misconfigured"),
    ("a pooler without servers", Facts(pooled=Outcome.REJECTED), "database_down"),
    ("no new connections taken", Facts(pooled=SUCCESS, fresh=Outcome.REJECTED, app_wedged=True), "database_down"),
    ("frozen", Facts(pooled=TIMED_OUT, fresh=Outcome.CONNECT_TIMEOUT), "database_down"),
    ("slow beyond the deadline", Facts(pooled=TIMED_OUT, answered_late=True), "database_slow"),
    ("slow within the deadline", Facts(pooled=SUCCESS, slow=True), "database_slow"),
    ("new connections fail without a name", Facts(pooled=SUCCESS, fresh=Outcome.ERROR), "unknown"),
    ("demoted under a pool", Facts(pooled=SUCCESS, write=Outcome.READ_ONLY, in_recovery=True), "wrong_role"),
    ("read-only primary", Facts(pooled=SUCCESS, write=Outcome.READ_ONLY, in_recovery=False), "writes_blocked"),
    ("full disk", Facts(pooled=SUCCESS, write=Outcome.DISK_FULL), "writes_blocked"),
    ("the application's pool is stuck", Facts(pooled=SUCCESS, fresh=SUCCESS, app_wedged=True), "app_pool_wedged"),
    ("stuck, and full", Facts(pooled=SUCCESS, app_wedged=True, app_exhausted=True), "app_pool_wedged"),
    ("the application's pool is busy", Facts(pooled=SUCCESS, app_exhausted=True), "app_pool_exhausted"),
    ("stuck because the database is", Facts(pooled=TIMED_OUT, app_wedged=True), "database_down"),
    ("stuck, and new connections fail", Facts(pooled=SUCCESS, fresh=Outcome.REFUSED, app_wedged=True), "database_down"),
    ("stuck, nobody knows why", Facts(pooled=SUCCESS, fresh=Outcome.ERROR, app_wedged=True), "unknown"),
]


@pytest.mark.parametrize(("facts", "verdict"), [story[1:] for story in STORIES], ids=[story[0] for story in STORIES])
def test_each_case_on_call_has_its_verdict(facts: Facts, verdict: str) -> None:
    """Cases in the words of somebody on call; only a stuck pool asks for a restart."""
    assert diagnose(facts).value == verdict
