"""Outcomes, verdicts and reasons: from their enums, the rules and the sentences that people read."""

from exporter.app_pools.report import Rejection
from exporter.database import errors
from exporter.diagnosis import advice
from exporter.diagnosis.verdict import Facts, Verdict, diagnose
from exporter.model.outcome import Outcome, Reason
from tools.reference.page import table

OF_REJECTIONS = {
    Rejection.OVERSIZED: "The datagram is longer than the format allows.",
    Rejection.MALFORMED: "It is not a JSON object in UTF-8.",
    Rejection.VERSION: "Its field `v` is not a version that this exporter knows.",
    Rejection.FIELD: "A field has the wrong type, sign or size, or a required one is missing.",
    Rejection.WORKERS: "There are as many workers as are kept.",
    Rejection.POOLS: "There are as many pools as are kept.",
    Rejection.SOURCE: "It came from an address that `APP_POOL_SOURCES` does not name.",
}


def _said(verdict: Verdict, outcome: Outcome | None = None, reason: Reason | None = None) -> tuple[str, str]:
    found = advice.advise(verdict, outcome, reason)
    return found.sentence, found.next_step


def verdicts() -> str:
    """Each verdict with its sentences."""
    shown = [each for each in Verdict if each is not Verdict.DATABASE_DOWN]
    down = ("`database_down`", "By the failing probe's outcome, below.", "")
    rows = [(f"`{each}`", *_said(each)) for each in shown]
    return table(("verdict", "what it says", "what to do first"), [rows[0], down, *rows[1:]])


def outcomes() -> str:
    """Each outcome, the verdict where the pooled probe ends with it, and the sentences of that pair."""
    rows = []
    for outcome in Outcome:
        verdict = diagnose(Facts(pooled=outcome))
        rows.append((f"`{outcome}`", f"`{verdict}`", *_said(verdict, outcome)))
    return table(("outcome", "verdict where the pooled probe has it", "what it says", "what to do first"), rows)


def reasons() -> str:
    """Each reason with the verdict that it explains."""
    rows = []
    for reason in Reason:
        verdict = advice._VERDICT_OF_REASON[reason]  # noqa: SLF001  the table that the advice itself reads
        rows.append((f"`{reason}`", f"`{verdict}`", *_said(verdict, None, reason)))
    return table(("reason", "of the verdict", "what it says", "what to do first"), rows)


def sqlstates() -> str:
    """Which SQLSTATE is which outcome."""
    codes = errors._BY_SQLSTATE | {f"{start}xxx": found for start, found in errors._BY_SQLSTATE_CLASS.items()}  # noqa: SLF001
    rows = [(f"`{code}`", f"`{outcome}`") for code, outcome in sorted(codes.items())]
    return table(("SQLSTATE", "outcome"), [*rows, ("any other", f"`{Outcome.REJECTED}`")])


def rejections() -> str:
    """Why a report of a pool is dropped."""
    return table(("`reason`", "because"), [(f"`{each}`", OF_REJECTIONS[each]) for each in Rejection])
