"""The page's words: verdicts, probe paths, durations, and how full something is."""

from __future__ import annotations

from typing import NamedTuple

from exporter.diagnosis.verdict import Verdict
from exporter.model.result import ProbePath


class VerdictWords(NamedTuple):
    """How the page shows a verdict: the kind of its mark, its words, and the name of its runbook."""

    kind: str
    words: str
    runbook: str


# From the best verdict to the worst.
VERDICTS: dict[Verdict, VerdictWords] = {
    Verdict.HEALTHY: VerdictWords("good", "healthy", "README"),
    Verdict.UNKNOWN: VerdictWords("none", "not known", "README"),
    Verdict.DATABASE_SLOW: VerdictWords("warn", "database slow", "DatabaseProbeSlow"),
    Verdict.APP_POOL_EXHAUSTED: VerdictWords("warn", "application's pool exhausted", "AppPoolExhausted"),
    Verdict.SERVER_FULL: VerdictWords("bad", "server full", "DatabaseServerNearlyFull"),
    Verdict.MISCONFIGURED: VerdictWords("bad", "misconfigured", "DatabaseHealthMisconfigured"),
    Verdict.WRONG_ROLE: VerdictWords("bad", "wrong role", "DatabaseWrongRole"),
    Verdict.WRITES_BLOCKED: VerdictWords("bad", "writes blocked", "DatabaseWritesBlocked"),
    Verdict.APP_POOL_WEDGED: VerdictWords("bad", "application's pool wedged", "AppPoolWedged"),
    Verdict.CREDENTIALS_REJECTED: VerdictWords("bad", "credentials rejected", "DatabaseCredentialsRejected"),
    Verdict.DATABASE_DOWN: VerdictWords("bad", "database down", "DatabaseUnreachable"),
}
SEVERITY = {verdict: rank for rank, verdict in enumerate(VERDICTS)}
PATHS = {ProbePath.POOLED: "open connection", ProbePath.FRESH: "new connection", ProbePath.WRITE: "writes a row"}
ROLES = {True: "replica", False: "primary", None: "role not known"}  # by `in_recovery`


def kind_of_share(share: float) -> str:
    """Return the kind of mark for a share of a limit that is in use."""
    return next(kind for least, kind in ((1.0, "bad"), (0.85, "warn"), (0.0, "good")) if share >= least)


def duration(seconds: float) -> str:
    """Return a duration in words, roughly: in the largest unit of which there are at least two."""
    units = ((86400, "d"), (3600, "h"), (60, "min"))
    return next((f"{seconds / size:.0f} {unit}" for size, unit in units if seconds >= 2 * size), f"{seconds:.0f} s")
