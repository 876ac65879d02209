"""The sentence for people that goes with each verdict, and the next step: on the page, in logs, in answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.diagnosis.verdict import Verdict
from exporter.model.outcome import Outcome, Reason

if TYPE_CHECKING:
    from exporter.model.result import ProbeResult


@dataclass(frozen=True, slots=True)
class Advice:
    """What is wrong, in a sentence, and what to do about it first."""

    sentence: str
    next_step: str


_VERDICTS = {
    Verdict.HEALTHY: Advice("The database answers and nothing is in the way.", "Nothing to do."),
    Verdict.DATABASE_SLOW: Advice(
        "The database answers, but too slowly.",
        "Look at the server's load and at the network's latency; pg_stat_activity shows what it is busy with.",
    ),
    Verdict.SERVER_FULL: Advice(
        "The server has no connection left: what is connected works, nothing new can connect.",
        "Find who holds the connections in pg_stat_activity; shrink pools before raising max_connections.",
    ),
    Verdict.CREDENTIALS_REJECTED: Advice(
        "The server refuses this identity: password, role, certificate or TLS trust.",
        "Compare the Secret with the server's role; check that certificates are not expired and match the host name.",
    ),
    Verdict.WRONG_ROLE: Advice(
        "The server is in the wrong role: a failover has left this pod on the other side.",
        "Check which server is the primary, and where the host name or the pooler points.",
    ),
    Verdict.WRITES_BLOCKED: Advice(
        "Reads work, but a write does not commit.",
        "Check the disk, the synchronous standbys, locks, and default_transaction_read_only on the server.",
    ),
    Verdict.APP_POOL_EXHAUSTED: Advice(
        "The database is fine; the application's pool is full and requests wait for a connection.",
        "Look for slow queries and long transactions in the application, or raise its pool size.",
    ),
    Verdict.APP_POOL_WEDGED: Advice(
        "The database is fine; the application's pool is full and no connection comes back.",
        "Look at where the oldest checkout was made; restart the application to recover.",
    ),
    Verdict.UNKNOWN: Advice("Not known yet.", "Wait for the first probe; then read the exporter's log."),
}
_DOWN = {
    Outcome.DNS: Advice(
        "The database's name cannot be resolved.",
        "Check the host name, the cluster's DNS and the pod's DNS policy.",
    ),
    Outcome.REFUSED: Advice(
        "Nothing listens at the database's address.",
        "Check that the server runs, and the port in the URL.",
    ),
    Outcome.UNREACHABLE: Advice(
        "There is no route to the database.",
        "Check routes, network policies and the address that the name has.",
    ),
    Outcome.CONNECT_TIMEOUT: Advice(
        "The database does not answer to new connections.",
        "Check firewalls and network policies; then whether the server is frozen or overloaded.",
    ),
    Outcome.QUERY_TIMEOUT: Advice(
        "The database has stopped answering.",
        "Check whether the server is frozen, its disk stuck, or packets are dropped on the way.",
    ),
    Outcome.STARTING_UP: Advice(
        "The database is starting up or recovering.",
        "Wait; the server's log tells how far recovery has come.",
    ),
    Outcome.SHUTTING_DOWN: Advice(
        "The database is shutting down.",
        "Find out who stopped it; expect a restart or a failover.",
    ),
    Outcome.NO_SUCH_DATABASE: Advice(
        "The server has no database of this name.",
        "Check the database's name in the URL, and that it was created.",
    ),
    Outcome.PROTOCOL: Advice(
        "What listens at the address does not speak PostgreSQL, or breaks off in the middle.",
        "Check the address and the port, and any proxy on the way (a pooler reports a lost server like this).",
    ),
}
_UNKNOWN = {
    Outcome.POOL_EXHAUSTED: Advice(
        "The exporter's own pool has no connection free.",
        "Raise DATABASE_POOL_SIZE or DATABASE_MAX_OVERFLOW.",
    ),
    Outcome.ERROR: Advice(
        "The check failed in a way that has no name.",
        "Read the detail, and the exporter's log at LOG_LEVEL=debug.",
    ),
}
_REASONS = {
    (Verdict.DATABASE_DOWN, Reason.PEER): Advice(
        "What answers speaks PostgreSQL and refuses to serve: most likely a pooler such as PgBouncer.",
        "Check password, database name and start-up parameters in the URL, then whether the pooler is full or has lost "
        "its server: it says all of these with one code, and its log tells which.",
    ),
    (Verdict.UNKNOWN, Reason.SETTING): Advice(
        "The exporter cannot use its own settings any more: {detail}.",
        "Mend that setting or the file that it names; the next connection reads it anew, without a restart.",
    ),
    (Verdict.WRITES_BLOCKED, Reason.NO_TABLE): Advice(
        "The write probe has no table to write to.",
        "Run db-health-exporter init-db once, with the same settings.",
    ),
}


def advise_on(verdict: Verdict, culprit: ProbeResult | None) -> Advice:
    """Return the sentence and the next step for a verdict and the reading that led to it."""
    if culprit is None:
        return advise(verdict, None)
    return advise(verdict, culprit.outcome, culprit.reason, culprit.detail)


def advise(verdict: Verdict, outcome: Outcome | None, reason: Reason | None = None, detail: str = "") -> Advice:
    """Return the sentence and the next step.

    Args:
        verdict: the diagnosis.
        outcome: the failing path's; it makes `database_down` concrete.
        reason: what is known beyond it; it counts before both.
        detail: the error in words.
    """
    if reason is not None and (verdict, reason) in _REASONS:
        found = _REASONS[verdict, reason]
        return replace(found, sentence=found.sentence.replace("{detail}", detail))
    if outcome is not None:
        if verdict is Verdict.DATABASE_DOWN:
            return _DOWN.get(outcome, Advice("The database is down.", "Read the detail of the failing probe."))
        if verdict is Verdict.UNKNOWN:
            return _UNKNOWN.get(outcome, _VERDICTS[verdict])
    return _VERDICTS[verdict]
