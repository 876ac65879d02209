"""Errors become outcomes by type and SQLSTATE, wherever in the chain these are, and never by their text."""

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
from exporter.database.errors import WrongRoleError, classify, classify_timeout, sqlstate
from exporter.model.outcome import Outcome
from exporter.model.role import ExpectedRole

LIES = "timeout: password authentication failed, too many connections, could not resolve host, read-only"

BY_SQLSTATE = {
    "28000": "auth",
    "28P01": "auth",
    "28999": "auth",  # a code of the class that no version has yet
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
    "42P01": "error",
    "XX000": "error",
}
BY_SYSTEM = [
    (socket.gaierror(socket.EAI_NONAME, LIES), "dns"),
    (socket.gaierror(socket.EAI_AGAIN, LIES), "dns"),
    (ConnectionRefusedError(errno.ECONNREFUSED, LIES), "refused"),
    (FileNotFoundError(errno.ENOENT, LIES), "refused"),  # the socket's file is not there
    (OSError(errno.EHOSTUNREACH, LIES), "unreachable"),
    (OSError(errno.ENETUNREACH, LIES), "unreachable"),
    (OSError(errno.EHOSTDOWN, LIES), "unreachable"),
    (OSError(errno.ENETDOWN, LIES), "unreachable"),
    (OSError(errno.EADDRNOTAVAIL, LIES), "unreachable"),
    (TimeoutError(errno.ETIMEDOUT, LIES), "connect_timeout"),
    (ssl.SSLError(1, LIES), "tls"),
    (ssl.SSLCertVerificationError(1, LIES), "tls"),
    (ConnectionResetError(errno.ECONNRESET, LIES), "protocol"),
    (BrokenPipeError(errno.EPIPE, LIES), "protocol"),
    (EOFError(LIES), "protocol"),
    (asyncpg.InternalClientError(LIES), "protocol"),
    (asyncpg.exceptions.TargetServerAttributeNotMatched(LIES), "read_only"),
    (asyncpg.InterfaceError(LIES), "error"),
    (ValueError(LIES), "error"),
    (OSError(errno.EIO, LIES), "error"),
]
TIMED_OUT = {
    Phase.POOL: "pool_exhausted",
    Phase.RESOLVING: "dns",
    Phase.CONNECTING: "connect_timeout",
    Phase.QUERYING: "query_timeout",
}


class ServerError(Exception):
    """What a driver raises for an error of the server's."""

    def __init__(self, state: str | None) -> None:
        """Carry a code beside a text that says something else."""
        super().__init__(LIES)
        self.sqlstate = state


def of(error: BaseException, **attempt: Any) -> str:
    """Classify."""
    return classify(error, ConnectAttempt(**attempt)).value


def raised(outer: Exception, cause: BaseException, *, explicit: bool = True) -> Exception:
    """`outer` as it is after `raise outer from cause`, or raised while `cause` was handled."""
    if explicit:
        outer.__cause__ = cause
    else:
        outer.__context__ = cause
    return outer


def test_closed_set() -> None:
    """The outcomes are those that dashboards and alerts know, no more and no fewer."""
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
def test_sqlstate(state: str, outcome: str) -> None:
    """The server's code decides, bare, as SQLAlchemy wraps it and deep in a chain, whatever the text says."""
    error = ServerError(state)
    wrapped = sqlalchemy.exc.DBAPIError("select 1", None, error)

    assert of(error) == outcome
    assert of(wrapped) == outcome
    assert of(raised(RuntimeError(LIES), raised(KeyError(LIES), error), explicit=False)) == outcome


@pytest.mark.parametrize("state", [state for state in BY_SQLSTATE if state != "28999"])
def test_drivers_agree(state: str) -> None:
    """The same code is the same outcome, whichever driver brings it."""
    by_asyncpg = _base.PostgresMessage._get_error_class({"C": state})(LIES)
    by_asyncpg.sqlstate = state
    by_psycopg = psycopg.errors.lookup(state)(LIES)

    assert sqlstate(by_asyncpg) == sqlstate(by_psycopg) == state
    assert of(by_asyncpg) == of(by_psycopg) == BY_SQLSTATE[state]


@pytest.mark.parametrize(("error", "outcome"), BY_SYSTEM, ids=lambda value: f"{value!r}"[:40])
def test_system(error: Exception, outcome: str) -> None:
    """The operating system's errors count by type and number, also where a driver put its own around them."""
    assert of(error) == outcome
    assert of(raised(RuntimeError(LIES), error)) == outcome


@pytest.mark.parametrize(("phase", "outcome"), TIMED_OUT.items(), ids=str)
def test_time_out(phase: Phase, outcome: str) -> None:
    """What a time-out means depends on what was waited for."""
    assert classify_timeout(ConnectAttempt(phase)).value == outcome
    assert of(TimeoutError(), phase=phase) == outcome
    assert set(Phase) == set(TIMED_OUT)


def test_the_pool_of_sqlalchemy() -> None:
    """SQLAlchemy's own time-out is the pool's, whatever the phase."""
    assert of(sqlalchemy.exc.TimeoutError(LIES), phase=Phase.QUERYING) == "pool_exhausted"


@pytest.mark.parametrize(("required", "outcome"), [(True, "tls"), (False, "protocol")])
def test_refused_tls(required: bool, outcome: str) -> None:
    """A refusal of TLS and a server of another kind raise the same bare error: what was asked for tells."""
    assert of(ConnectionError(LIES), tls_required=required) == outcome
    assert of(ConnectionResetError(errno.ECONNRESET, LIES), tls_required=required) == "protocol"


def test_role() -> None:
    """A server in the other role is read-only where a primary is expected, and the error says so in words."""
    error = WrongRoleError(ExpectedRole.PRIMARY, in_recovery=True)

    assert of(error) == "read_only"
    assert "replica" in str(error)
    assert error.in_recovery


@pytest.mark.parametrize(("farewell", "outcome"), [("57P01", "shutting_down"), ("53300", "too_many_connections")])
def test_lost_connection_ranks_last(farewell: str, outcome: str) -> None:
    """A lost connection counts only where nobody knows why it was lost."""
    lost, told = ServerError("08003"), ServerError(farewell)

    assert of(raised(lost, told)) == of(raised(told, lost)) == outcome


def test_cause_beside_the_error() -> None:
    """Where asyncio or libpq lost the number, the one noted on the way counts."""
    refused = ConnectionRefusedError(errno.ECONNREFUSED, LIES)

    assert of(OSError("Multiple exceptions: ..."), network_error=refused) == "refused"
    assert of(ServerError("28P01"), network_error=refused) == "auth"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOPROTOOPT])
def test_forbidden_connect(number: int) -> None:
    """A connect that this machine forbids finds no route; the same number of anything else says nothing."""
    forbidden = OSError(number, LIES)

    assert of(forbidden, network_error=forbidden) == "unreachable"
    assert of(forbidden) == "error"


def test_circular_chain() -> None:
    """A chain that bites its own tail ends."""
    first, second = RuntimeError(LIES), RuntimeError(LIES)
    first.__cause__, second.__cause__ = second, first

    assert of(first) == "error"


def test_unusable_code() -> None:
    """A code that is none is no code."""
    assert sqlstate(ServerError(None)) is None
    assert of(ServerError(None)) == "error"
