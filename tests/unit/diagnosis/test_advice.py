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
def test_each_verdict_has_documented_advice(verdict: Verdict) -> None:
    """Each verdict has advice of its own, the same as in the documentation."""
    found = advise(verdict, None)

    assert found.sentence.endswith(".")
    assert found.next_step.endswith(".")
    assert row(verdict, found) in DOCUMENT


@pytest.mark.parametrize("outcome", DOWN)
def test_database_down_has_advice_for_each_outcome(outcome: Outcome) -> None:
    """Each outcome of `database_down` has advice of its own, none a general phrase."""
    found = advise(Verdict.DATABASE_DOWN, outcome)

    assert found != advise(Verdict.DATABASE_DOWN, Outcome.SUCCESS)
    assert row(outcome, found) in DOCUMENT


@pytest.mark.parametrize("outcome", [Outcome.POOL_EXHAUSTED, Outcome.ERROR])
def test_unknown_is_called_unknown(outcome: Outcome) -> None:
    """The advice for `unknown` says that nothing is known; for `error`, that the exporter has failed."""
    assert advise(Verdict.UNKNOWN, outcome) != advise(Verdict.UNKNOWN, None)


def test_every_combination_has_advice() -> None:
    """No combination of verdict and outcome is without advice."""
    for verdict in Verdict:
        for outcome in (None, *Outcome):
            found = advise(verdict, outcome)
            assert found.sentence
            assert found.next_step


@pytest.mark.parametrize(("verdict", "reason"), advice._BY_REASON)
def test_each_reason_has_documented_advice(verdict: Verdict, reason: Reason) -> None:
    """Each reason has advice of its own, the same as in the documentation."""
    found = advise(verdict, Outcome.ERROR, reason, "{detail}")

    assert found != advise(verdict, Outcome.ERROR)
    assert f"| {found.sentence} | {found.next_step} |" in DOCUMENT


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [(Verdict.MISCONFIGURED, Outcome.MISCONFIGURED), (Verdict.DATABASE_DOWN, Outcome.REJECTED)],
)
def test_the_error_is_quoted(verdict: Verdict, outcome: Outcome) -> None:
    """Where only the error says what to change, the sentence quotes it; without an error it is still complete."""
    assert advise(verdict, outcome, None, "no servers left").sentence.endswith(": no servers left.")
    assert advise(verdict, outcome, None, "no servers left.").sentence.endswith(": no servers left.")
    assert advise(verdict, outcome).sentence == advise(verdict, outcome, None, "x").sentence.replace(": x.", ".")


@pytest.mark.parametrize("verdict", [Verdict.APP_POOL_EXHAUSTED, Verdict.APP_POOL_WEDGED])
def test_advice_names_the_candidates_of_a_pool(verdict: Verdict) -> None:
    """Where a pool may belong to several databases, the advice says so, and how to make it clear."""
    found = advise_on(verdict, None, one_of=("primary", "replica"))

    assert found.sentence.startswith(advise(verdict, None).sentence)
    assert "one of these databases: primary, replica." in found.sentence
    assert "DBHEALTH_DATABASE" in found.next_step


def test_a_silent_worker_is_named_beside_a_healthy_database() -> None:
    """Beside a healthy database the advice names a hanging process."""
    found = advise_on(Verdict.HEALTHY, None, silent=["worker 1 of pool orders"])

    assert "worker 1 of pool orders" in found.sentence
    assert found.next_step != advise(Verdict.HEALTHY, None).next_step


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.HEALTHY])
def test_trouble_comes_before_silence(verdict: Verdict) -> None:
    """A worker may be silent because the database is down: then the advice is about the database."""
    assert advise_on(verdict, None, silent=["worker 1"]) == advise_on(verdict, None)


def test_no_advice_is_unused() -> None:
    """Every piece of advice belongs to a verdict."""
    always_misconfigured = {Reason.SETTING}  # the verdict's own advice is enough
    assert {reason for _, reason in advice._BY_REASON} == set(Reason) - always_misconfigured
    assert set(advice._DOWN) <= set(DOWN)
