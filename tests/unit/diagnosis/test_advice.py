"""Every verdict comes with a sentence and a next step, and the documentation has the same ones."""

from pathlib import Path

import pytest

from exporter.diagnosis import advice
from exporter.diagnosis.advice import Advice, advise, advise_on
from exporter.diagnosis.verdict import Facts, Verdict, diagnose
from exporter.model.outcome import Outcome, Reason

DOCUMENT = (Path(__file__).parents[3] / "docs" / "verdicts.md").read_text()
DOWN = [
    outcome
    for outcome in Outcome
    if diagnose(Facts(pooled=outcome)) is Verdict.DATABASE_DOWN and outcome is not Outcome.DISK_FULL  # only writes
]


def row(name: str, found: Advice) -> str:
    """A row of the document's tables."""
    return f"| `{name}` | {found.sentence} | {found.next_step} |"


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.DATABASE_DOWN])
def test_each_verdict(verdict: Verdict) -> None:
    """A verdict alone says enough, and says the same in the documentation."""
    found = advise(verdict, None)

    assert found.sentence.endswith(".")
    assert found.next_step.endswith(".")
    assert row(verdict, found) in DOCUMENT


@pytest.mark.parametrize("outcome", DOWN)
def test_database_down(outcome: Outcome) -> None:
    """That the database is down is said by what is wrong with it, and nothing is left to a general phrase."""
    found = advise(Verdict.DATABASE_DOWN, outcome)

    assert found != advise(Verdict.DATABASE_DOWN, Outcome.SUCCESS)
    assert row(outcome, found) in DOCUMENT


@pytest.mark.parametrize("outcome", [Outcome.POOL_EXHAUSTED, Outcome.ERROR])
def test_unknown(outcome: Outcome) -> None:
    """What is not known is said to be so; the exporter's own trouble is called that."""
    assert advise(Verdict.UNKNOWN, outcome) != advise(Verdict.UNKNOWN, None)


def test_every_combination_has_words() -> None:
    """Whatever is found, somebody can read it."""
    for verdict in Verdict:
        for outcome in (None, *Outcome):
            found = advise(verdict, outcome)
            assert found.sentence
            assert found.next_step


@pytest.mark.parametrize(("verdict", "reason"), advice._BY_REASON)
def test_reason(verdict: Verdict, reason: Reason) -> None:
    """What is known beyond the outcome has words of its own, of which the documentation has the same."""
    found = advise(verdict, Outcome.ERROR, reason, "{detail}")

    assert found != advise(verdict, Outcome.ERROR)
    assert f"| {found.sentence} | {found.next_step} |" in DOCUMENT


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [(Verdict.MISCONFIGURED, Outcome.MISCONFIGURED), (Verdict.DATABASE_DOWN, Outcome.REJECTED)],
)
def test_the_error_is_quoted(verdict: Verdict, outcome: Outcome) -> None:
    """Where only the error says what to change, the sentence ends with it; without one it still reads well."""
    assert advise(verdict, outcome, None, "no servers left").sentence.endswith(": no servers left.")
    assert advise(verdict, outcome, None, "no servers left.").sentence.endswith(": no servers left.")
    assert advise(verdict, outcome).sentence == advise(verdict, outcome, None, "x").sentence.replace(": x.", ".")


@pytest.mark.parametrize("verdict", [Verdict.APP_POOL_EXHAUSTED, Verdict.APP_POOL_WEDGED])
def test_one_of_several_databases(verdict: Verdict) -> None:
    """Where it is not known whose pool it is, the advice says so and how to tell."""
    found = advise_on(verdict, None, one_of=("primary", "replica"))

    assert found.sentence.startswith(advise(verdict, None).sentence)
    assert "one of these databases: primary, replica." in found.sentence
    assert "DBHEALTH_DATABASE" in found.next_step


def test_a_silent_worker_is_not_nothing_to_do() -> None:
    """The database is healthy, and a hanging process beside it is named all the same."""
    found = advise_on(Verdict.HEALTHY, None, silent=["worker 1 of pool orders"])

    assert "worker 1 of pool orders" in found.sentence
    assert found.next_step != advise(Verdict.HEALTHY, None).next_step


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.HEALTHY])
def test_trouble_comes_before_silence(verdict: Verdict) -> None:
    """A worker may be silent because the database is down: then the database is what is said."""
    assert advise_on(verdict, None, silent=["worker 1"]) == advise_on(verdict, None)


def test_no_word_too_many() -> None:
    """Advice that no verdict leads to is not kept."""
    always_misconfigured = {Reason.SETTING}  # the verdict's own advice is enough
    assert {reason for _, reason in advice._BY_REASON} == set(Reason) - always_misconfigured
    assert set(advice._DOWN) <= set(DOWN)
