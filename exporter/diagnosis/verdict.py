"""The diagnosis: a pure function of what the probes, the server and the application's pools have shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from exporter.model.outcome import Outcome


class Verdict(StrEnum):
    """Whose fault it is: at once the label's value and the text of an answer."""

    HEALTHY = "healthy"
    DATABASE_DOWN = "database_down"
    DATABASE_SLOW = "database_slow"
    SERVER_FULL = "server_full"
    CREDENTIALS_REJECTED = "credentials_rejected"
    WRONG_ROLE = "wrong_role"
    WRITES_BLOCKED = "writes_blocked"
    APP_POOL_EXHAUSTED = "app_pool_exhausted"
    APP_POOL_WEDGED = "app_pool_wedged"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a verdict is drawn from; None is what has not been asked yet, or never will be.

    `slow`: the pooled probe passed, but took most of its time. `answered_late`: it failed by time,
    and the answer came after all.
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
_REJECTED = {Outcome.AUTH, Outcome.TLS}
_OWN_FAULT = {Outcome.POOL_EXHAUSTED, Outcome.ERROR}


def diagnose(facts: Facts) -> Verdict:
    """Return the one verdict that the facts support; the first rule that holds counts."""
    if facts.pooled is None:
        return Verdict.UNKNOWN
    both = {facts.pooled, facts.fresh}
    if both & _REJECTED:
        return Verdict.CREDENTIALS_REJECTED
    if Outcome.TOO_MANY_CONNECTIONS in both:
        return Verdict.SERVER_FULL
    if Outcome.READ_ONLY in both:
        return Verdict.WRONG_ROLE
    if facts.pooled is not Outcome.SUCCESS:
        return _without_connection(facts)
    return _with_connection(facts)


def _without_connection(facts: Facts) -> Verdict:
    if facts.pooled in _OWN_FAULT:
        return Verdict.UNKNOWN
    if facts.pooled in _TIMED_OUT and facts.answered_late:
        return Verdict.DATABASE_SLOW
    return Verdict.DATABASE_DOWN


def _with_connection(facts: Facts) -> Verdict:
    """The pooled probe passes: what else is wrong?"""
    if facts.fresh in _TIMED_OUT:
        return Verdict.DATABASE_SLOW
    if facts.fresh in _OWN_FAULT:
        return Verdict.UNKNOWN  # nobody can say that the database is fine, so the application is not blamed either
    if facts.fresh not in {None, Outcome.SUCCESS}:
        return Verdict.DATABASE_DOWN  # what is connected still works, and nothing new can connect
    if facts.write is Outcome.READ_ONLY and facts.in_recovery:
        return Verdict.WRONG_ROLE
    if facts.write not in {None, Outcome.SUCCESS}:
        return Verdict.WRITES_BLOCKED
    if facts.app_wedged:
        return Verdict.APP_POOL_WEDGED
    if facts.app_exhausted:
        return Verdict.APP_POOL_EXHAUSTED
    return Verdict.DATABASE_SLOW if facts.slow else Verdict.HEALTHY
