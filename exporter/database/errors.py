"""From a driver's error to an outcome and a reason: by types, numbers and SQLSTATEs, never by its text."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING

import asyncpg
import sqlalchemy.exc

from exporter.database.attempt import ConnectAttempt, Phase
from exporter.dsn.errors import DsnError
from exporter.model.outcome import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.model.role import ExpectedRole


class WrongRoleError(Exception):
    """The server answered but is not in the role that `DATABASE_EXPECT` asks for."""

    def __init__(self, expect: ExpectedRole, *, in_recovery: bool) -> None:
        """Keep the role that was found beside the sentence."""
        role = "replica" if in_recovery else "primary"
        super().__init__(f"the server is a {role}, a {expect} is expected")
        self.in_recovery = in_recovery


# https://www.postgresql.org/docs/current/errcodes-appendix.html. The code decides, else its class (the first two
# characters). Where neither is listed, the outcome is `rejected`: the peer answered, and refuses. Class 42 is `error`:
# a statement of the exporter's own is wrong; before the first statement it is `rejected`: the URL's `options` may be.
ADMIN_SHUTDOWN = "57P01"
INVALID_AUTHORIZATION = "28000"
TOO_MANY_CONNECTIONS = "53300"
_BY_SQLSTATE = {
    INVALID_AUTHORIZATION: Outcome.AUTH,
    "28P01": Outcome.AUTH,
    "42501": Outcome.AUTH,  # no CONNECT privilege on the database, or none on the heartbeat table
    "3D000": Outcome.NO_SUCH_DATABASE,
    "57P04": Outcome.NO_SUCH_DATABASE,  # it was dropped during the session
    TOO_MANY_CONNECTIONS: Outcome.TOO_MANY_CONNECTIONS,
    "57P03": Outcome.STARTING_UP,
    "57P02": Outcome.STARTING_UP,  # a crash of another backend: recovery begins
    ADMIN_SHUTDOWN: Outcome.SHUTTING_DOWN,
    "25006": Outcome.READ_ONLY,
    "53100": Outcome.DISK_FULL,
    "57014": Outcome.QUERY_TIMEOUT,
    "55P03": Outcome.QUERY_TIMEOUT,
    "08P01": Outcome.PROTOCOL,
    # asyncpg raises this when the connection is lost during a query; the server's own error (57P01) is then further
    # down the chain, so this one counts only where nothing else does.
    "08003": Outcome.PROTOCOL,
    "08006": Outcome.PROTOCOL,
}
_BY_SQLSTATE_CLASS = {"28": Outcome.AUTH, "42": Outcome.ERROR}
_BEFORE_QUERIES = frozenset({Phase.RESOLVING, Phase.CONNECTING})
_BY_TIMEOUT = {
    Phase.POOL: Outcome.POOL_EXHAUSTED,
    Phase.RESOLVING: Outcome.DNS,
    Phase.CONNECTING: Outcome.CONNECT_TIMEOUT,
    Phase.QUERYING: Outcome.QUERY_TIMEOUT,
}
# For errors without an SQLSTATE; the first that fits counts. A TimeoutError is an OSError and so is handled before.
_BY_TYPE: tuple[tuple[type[BaseException], Outcome], ...] = (
    (DsnError, Outcome.MISCONFIGURED),
    (WrongRoleError, Outcome.READ_ONLY),  # of either role: the outcome has this name in the contract
    (asyncpg.TargetServerAttributeNotMatched, Outcome.READ_ONLY),  # hosts answered, none as target_session_attrs asks
    (sqlalchemy.exc.TimeoutError, Outcome.POOL_EXHAUSTED),
    (socket.gaierror, Outcome.DNS),
    (ssl.SSLError, Outcome.TLS),
    (ConnectionRefusedError, Outcome.REFUSED),
    (asyncpg.InternalClientError, Outcome.PROTOCOL),
    (asyncpg.PostgresError, Outcome.PROTOCOL),  # an error that the server sent without an SQLSTATE
    (EOFError, Outcome.PROTOCOL),
)
_BY_ERRNO = {
    errno.ECONNREFUSED: Outcome.REFUSED,
    errno.ENOENT: Outcome.REFUSED,  # of a Unix socket's file
    errno.EHOSTUNREACH: Outcome.UNREACHABLE,
    errno.ENETUNREACH: Outcome.UNREACHABLE,
    errno.EHOSTDOWN: Outcome.UNREACHABLE,
    errno.ENETDOWN: Outcome.UNREACHABLE,
    errno.EADDRNOTAVAIL: Outcome.UNREACHABLE,
    errno.ETIMEDOUT: Outcome.CONNECT_TIMEOUT,
}
# A local route or firewall rule that forbids the connection: ip-route(8)'s prohibit and blackhole, nft's reject. As
# errors of anything but a connect they mean something else.
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOPROTOOPT})
_LAST_RESORT = frozenset({Outcome.PROTOCOL, Outcome.ERROR})
_REASON_BY_SQLSTATE = {
    "42P01": Reason.NO_TABLE,
    "08P01": Reason.POOLER,
}
# PostgreSQL names the function of its source that raised an error in field R of the ErrorResponse, which is never
# translated: https://www.postgresql.org/docs/current/protocol-error-fields.html. Poolers send no such field. The limits
# of a role and of a database have been checked in these functions since version 8.1 (src/backend/utils/init/miscinit.c
# and postinit.c); those of the server (max_connections, reserved slots) in several others.
_LIMITS = {
    "InitializeSessionUserId": Reason.LIMIT_ROLE,
    "CheckMyDatabase": Reason.LIMIT_DATABASE,
}
# No line of pg_hba.conf, or one with `reject`, for this client (src/backend/libpq/auth.c): a wrong password or a role
# that may not log in is found in other functions.
_PG_HBA_FUNCTION = "ClientAuthentication"
TEXT_LENGTH = 200  # characters of an error's text that are shown


def classify(error: BaseException, attempt: ConnectAttempt) -> Outcome:
    """Turn an error into an outcome, by the types and SQLSTATEs along its chain of causes.

    Args:
        error: what the check raised.
        attempt: the phase in which it was raised, the operating system's error if there was one, and whether TLS is
            required: a server that refuses TLS and one that is no PostgreSQL raise the same bare `ConnectionError`.
    """
    chain = [*_chain(error), *_chain(attempt.network_error)]
    outcomes = [found for link in chain if (found := _outcome_of(link, attempt))]
    if attempt.network_error is not None and attempt.network_error.errno in _FORBIDDEN:
        outcomes.append(Outcome.UNREACHABLE)
    return min(outcomes, key=lambda outcome: outcome in _LAST_RESORT, default=Outcome.ERROR)


def classify_timeout(attempt: ConnectAttempt) -> Outcome:
    """Return the outcome of an attempt that a deadline ended, by what it was waiting for."""
    return _BY_TIMEOUT[attempt.phase]


def find_reason(error: BaseException, attempt: ConnectAttempt) -> Reason | None:
    """Return the reason that the error's chain of causes shows beyond the outcome; None if there is none."""
    if isinstance(error, DsnError):
        return Reason.SETTING
    found = (_reason_of(link, attempt) for link in _chain(error))
    return next(filter(None, found), None)


def sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE that the server sent with this error, if it sent one; both drivers keep it in one name."""
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def server_function(error: BaseException) -> str | None:
    """Return the function of PostgreSQL's source that raised this error; None if the peer did not name one."""
    by_psycopg = getattr(getattr(error, "diag", None), "source_function", None)
    function = getattr(error, "server_source_function", None) or by_psycopg
    return function if isinstance(function, str) else None


def describe(error: BaseException) -> str:
    """Say in one short line what failed: the error's type and text, never a statement or its parameters.

    An error of the settings is a sentence by itself.
    """
    origin = getattr(error, "orig", None) or error
    primary = getattr(getattr(origin, "diag", None), "message_primary", None)  # psycopg's text quotes the statement
    text = " ".join(str(primary or origin).split())[:TEXT_LENGTH]
    if isinstance(origin, DsnError):
        return text
    return f"{type(origin).__name__}: {text}" if text else type(origin).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes, each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        origin = getattr(error, "orig", None)  # SQLAlchemy keeps the driver's error here too
        if isinstance(origin, BaseException) and error.__cause__ is None:
            error = origin
        else:
            error = error.__cause__ or error.__context__


def _outcome_of(error: BaseException, attempt: ConnectAttempt) -> Outcome | None:
    """Classify one error by itself; None if it has no outcome of its own."""
    state = sqlstate(error)
    if state is not None:
        found = _BY_SQLSTATE.get(state) or _BY_SQLSTATE_CLASS.get(state[:2], Outcome.REJECTED)
        return Outcome.REJECTED if found is Outcome.ERROR and attempt.phase in _BEFORE_QUERIES else found
    if isinstance(error, TimeoutError) and error.errno is None:
        return classify_timeout(attempt)
    for kind, outcome in _BY_TYPE:
        if isinstance(error, kind):
            return outcome
    return _outcome_of_system(error, attempt) if isinstance(error, OSError) else None


def _reason_of(error: BaseException, attempt: ConnectAttempt) -> Reason | None:
    state, function = sqlstate(error), server_function(error)
    if state == TOO_MANY_CONNECTIONS and function is not None:
        return _LIMITS.get(function, Reason.LIMIT_SERVER)
    if state == INVALID_AUTHORIZATION and function == _PG_HBA_FUNCTION and attempt.tls_disabled:
        return Reason.NO_TLS
    return _REASON_BY_SQLSTATE.get(state or "")


def _outcome_of_system(error: OSError, attempt: ConnectAttempt) -> Outcome | None:
    if error.errno in _BY_ERRNO:
        return _BY_ERRNO[error.errno]
    if isinstance(error, ConnectionError):
        refused_tls = attempt.tls_required and error.errno is None and type(error) is ConnectionError
        return Outcome.TLS if refused_tls else Outcome.PROTOCOL
    return None
