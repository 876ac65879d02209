"""Advice for people: a sentence and a next step for each verdict, shown on the page, in logs and in answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.diagnosis.verdict import Verdict
from exporter.model.outcome import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        "The server takes no more connections from here: open ones work, no new one can be made.",
        "Find what holds the connections in pg_stat_activity; shrink pools before raising a limit.",
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
    Verdict.MISCONFIGURED: Advice(
        "The exporter cannot use the address of the database that it was given: {detail}.",
        "Correct that setting, or the file that it names: files are read again at each probe, without a restart.",
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
        "The peer at the address is no PostgreSQL server, or it breaks the connection off.",
        "Check the address and the port, and any proxy on the way (a pooler reports a lost server like this).",
    ),
    Outcome.REJECTED: Advice(
        "The server, or a pooler before it, answers and refuses to serve: {detail}.",
        "Look up that answer in the log of the server or of the pooler; a pooler may have lost its servers.",
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
_OF_APP_POOLS = {Verdict.APP_POOL_EXHAUSTED, Verdict.APP_POOL_WEDGED}
_SILENT = "the application's {} has stopped reporting, or its event loop stands still"
_VERDICT_OF_REASON = {
    Reason.LIMIT_ROLE: Verdict.SERVER_FULL,
    Reason.LIMIT_DATABASE: Verdict.SERVER_FULL,
    Reason.LIMIT_SERVER: Verdict.SERVER_FULL,
    Reason.NO_TLS: Verdict.CREDENTIALS_REJECTED,
    Reason.SETTING: Verdict.MISCONFIGURED,
    Reason.NO_TABLE: Verdict.WRITES_BLOCKED,
    Reason.POOLER: Verdict.DATABASE_DOWN,
}
_BY_REASON = {
    (Verdict.SERVER_FULL, Reason.LIMIT_ROLE): Advice(
        "The role has as many connections as it may have; the server itself may have room.",
        "Find what holds the role's connections in pg_stat_activity; shrink pools, or raise the limit with ALTER ROLE "
        "... CONNECTION LIMIT.",
    ),
    (Verdict.SERVER_FULL, Reason.LIMIT_DATABASE): Advice(
        "The database has as many connections as it may have; the server itself may have room.",
        "Find what holds the database's connections in pg_stat_activity; shrink pools, or raise the limit with ALTER "
        "DATABASE ... CONNECTION LIMIT.",
    ),
    (Verdict.SERVER_FULL, Reason.LIMIT_SERVER): Advice(
        "The server has reached max_connections: open connections work, no new one can be made.",
        "Find what holds the connections in pg_stat_activity; shrink pools before raising max_connections.",
    ),
    (Verdict.CREDENTIALS_REJECTED, Reason.NO_TLS): Advice(
        "The server accepts this client over TLS only, and the connection was made without.",
        "Set sslmode=require or a stricter mode in the URL.",
    ),
    (Verdict.DATABASE_DOWN, Reason.POOLER): Advice(
        "The peer uses PostgreSQL's protocol and refuses to serve: most likely a pooler such as PgBouncer.",
        "Check password, database name and start-up parameters in the URL, then whether the pooler is full or has lost "
        "its server: it says all of these with one code, and its log tells which.",
    ),
    (Verdict.WRITES_BLOCKED, Reason.NO_TABLE): Advice(
        "The write probe has no table to write to.",
        "Run db-health-exporter init-db once, with the same settings.",
    ),
}


def advise_on(
    verdict: Verdict,
    failure: ProbeResult | None,
    *,
    one_of: Sequence[str] = (),
    silent: Sequence[str] = (),
) -> Advice:
    """Return the sentence and the next step for a verdict.

    Args:
        verdict: the diagnosis.
        failure: the failed probe that led to it.
        one_of: the databases to one of which the application's pool belongs; empty if the database is known.
        silent: the names of the application's silent workers.
    """
    if verdict in _OF_APP_POOLS and one_of:
        found, names = _VERDICTS[verdict], ", ".join(one_of)
        return Advice(
            f"{found.sentence} It is a pool of one of these databases: {names}.",
            f"{found.next_step} DBHEALTH_DATABASE in the application says which database it is.",
        )
    if verdict is Verdict.HEALTHY and silent:
        return Advice(
            f"The database answers, but {_SILENT.format(', '.join(silent))}.",
            "Look whether that process hangs; one that has ended without a goodbye is forgotten by itself "
            "(APP_POOL_TTL, APP_POOL_WEDGED_AFTER).",
        )
    if failure is None:
        return advise(verdict, None)
    return advise(verdict, failure.outcome, failure.reason, failure.detail)


def reason_of(verdict: Verdict, failure: ProbeResult | None) -> Reason | None:
    """Return the reason of a verdict: that of the failed probe, where this verdict can have it."""
    reason = failure.reason if failure is not None else None
    return reason if reason is not None and _VERDICT_OF_REASON[reason] is verdict else None


def advise(verdict: Verdict, outcome: Outcome | None, reason: Reason | None = None, detail: str = "") -> Advice:
    """Return the sentence and the next step.

    Args:
        verdict: the diagnosis.
        outcome: of the failing path; `database_down` has advice for each.
        reason: of the outcome; its advice replaces that of verdict and outcome.
        detail: the error's text, for advice that quotes it.
    """
    found = _advice(verdict, outcome, reason)
    quoted = found.sentence.replace(": {detail}.", f": {detail.rstrip('.')}." if detail else ".")
    return replace(found, sentence=quoted)


def _advice(verdict: Verdict, outcome: Outcome | None, reason: Reason | None) -> Advice:
    if reason is not None and (verdict, reason) in _BY_REASON:
        return _BY_REASON[verdict, reason]
    if verdict is Verdict.DATABASE_DOWN:
        unnamed = Advice("The database is down.", "Read the detail of the failing probe.")
        return unnamed if outcome is None else _DOWN.get(outcome, unnamed)
    if outcome is not None and verdict is Verdict.UNKNOWN:
        return _UNKNOWN.get(outcome, _VERDICTS[verdict])
    return _VERDICTS[verdict]
