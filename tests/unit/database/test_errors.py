"""Errors become outcomes by type and SQLSTATE, anywhere in the chain of causes, and never by their text."""

import errno
import socket
import ssl
from typing import Any

import asyncpg
import psycopg
import pytest
import sqlalchemy.exc
from asyncpg.exceptions import _base

from exporter.database.attempt import ConnectAttempt, Phase
from exporter.database.errors import WrongRoleError, classify, classify_timeout, find_reason, sqlstate
from exporter.dsn import DsnError
from exporter.model.outcome import Outcome, Reason
from exporter.model.role import ExpectedRole

MISLEADING_TEXT = "timeout: password authentication failed, too many connections, could not resolve host, read-only"

BY_SQLSTATE = {
    "28000": "auth",
    "28P01": "auth",
    "28999": "auth",  # a code of this class that no version has yet
    "42501": "auth",
    "3D000": "no_such_database",
    "53300": "too_many_connections",
    "57P03": "starting_up",
    "57P02": "starting_up",
    "57P01": "shutting_down",
    "25006": "read_only",
    "53100": "disk_full",
    "57014": "query_timeout",
    "55P03": "query_timeout",
    "08P01": "protocol",
    "08003": "protocol",
    "08006": "protocol",
    "08001": "rejected",  # a pooler's: it cannot reach its server
    "08004": "rejected",
    "53200": "rejected",
    "55000": "rejected",  # the database allows no connections
    "57P04": "no_such_database",
    "58000": "rejected",  # pgcat: "AllServersDown"
    "58030": "rejected",
    "99999": "rejected",  # no version has it yet
    "XX000": "rejected",
    "42P01": "error",
    "42601": "error",  # a statement of the exporter's own is wrong
}
BY_SYSTEM = [
    (socket.gaierror(socket.EAI_NONAME, MISLEADING_TEXT), "dns"),
    (socket.gaierror(socket.EAI_AGAIN, MISLEADING_TEXT), "dns"),
    (ConnectionRefusedError(errno.ECONNREFUSED, MISLEADING_TEXT), "refused"),
    (FileNotFoundError(errno.ENOENT, MISLEADING_TEXT), "refused"),  # the socket's file is not there
    (OSError(errno.EHOSTUNREACH, MISLEADING_TEXT), "unreachable"),
    (OSError(errno.ENETUNREACH, MISLEADING_TEXT), "unreachable"),
    (OSError(errno.EHOSTDOWN, MISLEADING_TEXT), "unreachable"),
    (OSError(errno.ENETDOWN, MISLEADING_TEXT), "unreachable"),
    (OSError(errno.EADDRNOTAVAIL, MISLEADING_TEXT), "unreachable"),
    (TimeoutError(errno.ETIMEDOUT, MISLEADING_TEXT), "connect_timeout"),
    (ssl.SSLError(1, MISLEADING_TEXT), "tls"),
    (ssl.SSLCertVerificationError(1, MISLEADING_TEXT), "tls"),
    (ConnectionResetError(errno.ECONNRESET, MISLEADING_TEXT), "protocol"),
    (BrokenPipeError(errno.EPIPE, MISLEADING_TEXT), "protocol"),
    (EOFError(MISLEADING_TEXT), "protocol"),
    (DsnError(MISLEADING_TEXT), "misconfigured"),
    (asyncpg.InternalClientError(MISLEADING_TEXT), "protocol"),
    (asyncpg.exceptions.TargetServerAttributeNotMatched(MISLEADING_TEXT), "read_only"),
    (asyncpg.InterfaceError(MISLEADING_TEXT), "error"),
    (ValueError(MISLEADING_TEXT), "error"),
    (OSError(errno.EIO, MISLEADING_TEXT), "error"),
]
TIMED_OUT = {
    Phase.POOL: "pool_exhausted",
    Phase.RESOLVING: "dns",
    Phase.CONNECTING: "connect_timeout",
    Phase.QUERYING: "query_timeout",
}


class ServerError(Exception):
    """A driver's exception for an error from the server."""

    def __init__(self, state: str | None) -> None:
        """Carry an SQLSTATE, and a misleading text."""
        super().__init__(MISLEADING_TEXT)
        self.sqlstate = state
        self.server_source_function: str | None = None


def outcome_of(error: BaseException, **attempt: Any) -> str:
    """Classify an error under an attempt with these fields."""
    return classify(error, ConnectAttempt(**attempt)).value


def raised(outer: Exception, cause: BaseException, *, explicit: bool = True) -> Exception:
    """`outer` as it is after `raise outer from cause`, or raised while `cause` was handled."""
    if explicit:
        outer.__cause__ = cause
    else:
        outer.__context__ = cause
    return outer


def test_outcomes_are_the_contracts() -> None:
    """The outcomes are exactly those of the contract."""
    assert [outcome.value for outcome in Outcome] == [
        "success",
        "dns",
        "refused",
        "unreachable",
        "connect_timeout",
        "query_timeout",
        "tls",
        "auth",
        "no_such_database",
        "too_many_connections",
        "starting_up",
        "shutting_down",
        "read_only",
        "pool_exhausted",
        "disk_full",
        "protocol",
        "rejected",
        "misconfigured",
        "error",
    ]


@pytest.mark.parametrize(("state", "outcome"), BY_SQLSTATE.items())
def test_sqlstate_decides(state: str, outcome: str) -> None:
    """The SQLSTATE decides, whether bare, wrapped by SQLAlchemy or deep in a chain, whatever the text says."""
    error = ServerError(state)
    wrapped = sqlalchemy.exc.DBAPIError("select 1", None, error)

    assert outcome_of(error) == outcome
    assert outcome_of(wrapped) == outcome
    assert (
        outcome_of(raised(RuntimeError(MISLEADING_TEXT), raised(KeyError(MISLEADING_TEXT), error), explicit=False))
        == outcome
    )


@pytest.mark.parametrize("state", [state for state in BY_SQLSTATE if not state.endswith("999")])
def test_both_drivers_give_one_outcome(state: str) -> None:
    """An SQLSTATE has one outcome, whichever driver raises it."""
    by_asyncpg = _base.PostgresMessage._get_error_class({"C": state})(MISLEADING_TEXT)
    by_asyncpg.sqlstate = state
    by_psycopg = psycopg.errors.lookup(state)(MISLEADING_TEXT)

    assert sqlstate(by_asyncpg) == sqlstate(by_psycopg) == state
    assert outcome_of(by_asyncpg) == outcome_of(by_psycopg) == BY_SQLSTATE[state]


@pytest.mark.parametrize(("error", "outcome"), BY_SYSTEM, ids=lambda value: f"{value!r}"[:40])
def test_error_of_the_system_counts_by_type_and_errno(error: Exception, outcome: str) -> None:
    """The operating system's errors count by type and errno, also when wrapped in a driver's error."""
    assert outcome_of(error) == outcome
    assert outcome_of(raised(RuntimeError(MISLEADING_TEXT), error)) == outcome


@pytest.mark.parametrize(("phase", "outcome"), TIMED_OUT.items(), ids=str)
def test_time_out_depends_on_the_phase(phase: Phase, outcome: str) -> None:
    """The outcome of a time-out depends on the phase."""
    assert classify_timeout(ConnectAttempt(phase)).value == outcome
    assert outcome_of(TimeoutError(), phase=phase) == outcome
    assert set(Phase) == set(TIMED_OUT)


def test_sqlalchemys_time_out_is_pool_exhausted() -> None:
    """SQLAlchemy's own time-out is the pool's, whatever the phase."""
    assert outcome_of(sqlalchemy.exc.TimeoutError(MISLEADING_TEXT), phase=Phase.QUERYING) == "pool_exhausted"


@pytest.mark.parametrize(("required", "outcome"), [(True, "tls"), (False, "protocol")])
def test_sslmode_tells_refused_tls_from_no_postgres(required: bool, outcome: str) -> None:
    """Refused TLS and a peer that is no PostgreSQL raise the same bare error: sslmode tells them apart."""
    assert outcome_of(ConnectionError(MISLEADING_TEXT), tls_required=required) == outcome
    assert outcome_of(ConnectionResetError(errno.ECONNRESET, MISLEADING_TEXT), tls_required=required) == "protocol"


def test_wrong_role_is_read_only() -> None:
    """The wrong role is `read_only`, and the error names the role that was found."""
    error = WrongRoleError(ExpectedRole.PRIMARY, in_recovery=True)

    assert outcome_of(error) == "read_only"
    assert "replica" in str(error)
    assert error.in_recovery


@pytest.mark.parametrize(
    ("sqlstate_of_server", "outcome"), [("57P01", "shutting_down"), ("53300", "too_many_connections")]
)
def test_lost_connection_ranks_last(sqlstate_of_server: str, outcome: str) -> None:
    """A lost connection counts only where the chain has no cause of the loss."""
    lost, ended = ServerError("08003"), ServerError(sqlstate_of_server)

    assert outcome_of(raised(lost, ended)) == outcome_of(raised(ended, lost)) == outcome


def test_network_error_noted_by_the_attempt_counts() -> None:
    """Where asyncio or libpq drop the errno, the attempt's own note of it counts."""
    refused = ConnectionRefusedError(errno.ECONNREFUSED, MISLEADING_TEXT)

    assert outcome_of(OSError("Multiple exceptions: ..."), network_error=refused) == "refused"
    assert outcome_of(ServerError("28P01"), network_error=refused) == "auth"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOPROTOOPT])
def test_forbidden_connect_is_unreachable(number: int) -> None:
    """A connect that this machine forbids is `unreachable`; the same errno from another call is `error`."""
    forbidden = OSError(number, MISLEADING_TEXT)

    assert outcome_of(forbidden, network_error=forbidden) == "unreachable"
    assert outcome_of(forbidden) == "error"


def test_circular_chain_ends() -> None:
    """A circular chain of causes ends."""
    first, second = RuntimeError(MISLEADING_TEXT), RuntimeError(MISLEADING_TEXT)
    first.__cause__, second.__cause__ = second, first

    assert outcome_of(first) == "error"


def test_sqlstate_of_none_is_none() -> None:
    """An `sqlstate` of None counts as no SQLSTATE."""
    assert sqlstate(ServerError(None)) is None
    assert outcome_of(ServerError(None)) == "error"


@pytest.mark.parametrize(
    ("state", "function", "attempt", "reason"),
    [
        ("53300", "InitializeSessionUserId", ConnectAttempt(), Reason.LIMIT_ROLE),
        ("53300", "CheckMyDatabase", ConnectAttempt(), Reason.LIMIT_DATABASE),
        ("53300", "InitProcess", ConnectAttempt(), Reason.LIMIT_SERVER),
        ("53300", None, ConnectAttempt(), None),  # a pooler
        ("28000", "ClientAuthentication", ConnectAttempt(tls_disabled=True), Reason.NO_TLS),
        ("28000", "ClientAuthentication", ConnectAttempt(), None),
        ("28000", "InitializeSessionUserId", ConnectAttempt(tls_disabled=True), None),
        ("08P01", None, ConnectAttempt(), Reason.POOLER),
        ("42P01", "parserOpenTable", ConnectAttempt(), Reason.NO_TABLE),
        ("57P03", None, ConnectAttempt(), None),
    ],
)
def test_reason_follows_from_sqlstate_and_function(
    state: str, function: str | None, attempt: ConnectAttempt, reason: Reason | None
) -> None:
    """The reason follows from SQLSTATE and the server's function, anywhere in the chain, never from the text."""
    error = ServerError(state)
    error.server_source_function = function

    assert find_reason(error, attempt) is reason
    assert find_reason(raised(RuntimeError(MISLEADING_TEXT), error), attempt) is reason
