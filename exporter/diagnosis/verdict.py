"""The verdict: a pure function of facts about the probes, the server and the application's pools."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from exporter.model.outcome import Outcome


class Verdict(StrEnum):
    """Where the fault is: the value of the label `verdict` and the word in answers."""

    HEALTHY = "healthy"
    DATABASE_DOWN = "database_down"
    DATABASE_SLOW = "database_slow"
    SERVER_FULL = "server_full"
    CREDENTIALS_REJECTED = "credentials_rejected"
    WRONG_ROLE = "wrong_role"
    WRITES_BLOCKED = "writes_blocked"
    APP_POOL_EXHAUSTED = "app_pool_exhausted"
    APP_POOL_WEDGED = "app_pool_wedged"
    MISCONFIGURED = "misconfigured"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that a verdict depends on.

    Args:
        pooled: the outcome of the pooled probe; None before the first one.
        fresh: the outcome of the fresh probe; None while it is off or has not run since `pooled` last changed.
        write: the same of the write probe.
        slow: the pooled probe passed, but took more than half of its time-out.
        answered_late: the pooled probe timed out, and the answer arrived afterwards.
        in_recovery: whether the server is a replica; None if unknown.
        app_exhausted: a pool of the application is full, and requests wait.
        app_wedged: a pool of the application is full, and no connection is returned.
    """

    pooled: Outcome | None = None
    fresh: Outcome | None = None
    write: Outcome | None = None
    slow: bool = False
    answered_late: bool = False
    in_recovery: bool | None = None
    app_exhausted: bool = False
    app_wedged: bool = False


_TIMED_OUT = {Outcome.CONNECT_TIMEOUT, Outcome.QUERY_TIMEOUT}
_CREDENTIALS = {Outcome.AUTH, Outcome.TLS}
_OWN_FAULT = {Outcome.POOL_EXHAUSTED, Outcome.ERROR}


def diagnose(facts: Facts) -> Verdict:
    """Return the verdict of the first rule that holds, in the order of `docs/verdicts.md`."""
    if facts.pooled is None:
        return Verdict.UNKNOWN
    if Outcome.MISCONFIGURED in {facts.pooled, facts.fresh, facts.write}:
        return Verdict.MISCONFIGURED
    either = {facts.pooled, facts.fresh}
    if either & _CREDENTIALS:
        return Verdict.CREDENTIALS_REJECTED
    if Outcome.TOO_MANY_CONNECTIONS in either:
        return Verdict.SERVER_FULL
    if Outcome.READ_ONLY in either:
        return Verdict.WRONG_ROLE
    if facts.pooled is not Outcome.SUCCESS:
        return _when_pooled_fails(facts)
    return _when_pooled_passes(facts)


def _when_pooled_fails(facts: Facts) -> Verdict:
    if facts.pooled in _OWN_FAULT:
        return Verdict.UNKNOWN
    if facts.pooled in _TIMED_OUT and facts.answered_late:
        return Verdict.DATABASE_SLOW
    return Verdict.DATABASE_DOWN


def _when_pooled_passes(facts: Facts) -> Verdict:
    if facts.fresh in _TIMED_OUT:
        return Verdict.DATABASE_SLOW
    if facts.fresh in _OWN_FAULT:
        return Verdict.UNKNOWN  # without proof that the database is fine, the application is not blamed
    if facts.fresh not in {None, Outcome.SUCCESS}:
        return Verdict.DATABASE_DOWN  # open connections work, but no new one can be made
    if facts.write is Outcome.READ_ONLY and facts.in_recovery:
        return Verdict.WRONG_ROLE
    if facts.write not in {None, Outcome.SUCCESS}:
        return Verdict.WRITES_BLOCKED
    if facts.app_wedged:
        return Verdict.APP_POOL_WEDGED
    if facts.app_exhausted:
        return Verdict.APP_POOL_EXHAUSTED
    return Verdict.DATABASE_SLOW if facts.slow else Verdict.HEALTHY
