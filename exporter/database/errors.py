"""What came of a probe: the closed set of outcomes, and the way from a driver's error to one of them."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING

from exporter.database.attempt import Phase, Progress
from exporter.dsn.errors import DsnError
from exporter.model.outcome import Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator


class WrongRoleError(Exception):
    """The server answered but is not in the role that `DATABASE_EXPECT` asks for."""

    def __init__(self, expect: str, *, in_recovery: bool) -> None:
        """Keep the role that was found beside the sentence."""
        role = "replica" if in_recovery else "primary"
        super().__init__(f"the server is a {role}, a {expect} is expected")
        self.in_recovery = in_recovery


_BY_SQLSTATE = {
    "28000": Outcome.AUTH,
    "28P01": Outcome.AUTH,
    "42501": Outcome.AUTH,  # no CONNECT privilege on the database, or none on the heartbeat table
    "3D000": Outcome.NO_SUCH_DATABASE,
    "53300": Outcome.TOO_MANY_CONNECTIONS,
    "57P03": Outcome.STARTING_UP,
    "57P02": Outcome.STARTING_UP,  # a crash of another backend: recovery begins
    "57P01": Outcome.SHUTTING_DOWN,
    "25006": Outcome.READ_ONLY,
    "53100": Outcome.DISK_FULL,
    "57014": Outcome.QUERY_TIMEOUT,
    "55P03": Outcome.QUERY_TIMEOUT,
    "08P01": Outcome.PROTOCOL,
    # What asyncpg reports when the connection was lost beneath a query; a server's own farewell
    # (57P01) is then further down the chain, so this one counts only where nothing else does.
    "08003": Outcome.PROTOCOL,
    "08006": Outcome.PROTOCOL,
}
_REASONS = {
    "42P01": Reason.NO_TABLE,
    "08P01": Reason.POOLER,
}
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL}
# A local route or firewall rule that forbids the connection: ip-route(8)'s prohibit and blackhole, nft's reject. As
# errors of anything but a connect they mean something else.
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOPROTOOPT}
_NOBODY_LISTENS = {errno.ECONNREFUSED, errno.ENOENT}  # the latter of a socket's file
_LAST_RESORT = (Outcome.PROTOCOL, Outcome.ERROR)
_TIMED_OUT = {
    Phase.POOL: Outcome.POOL_EXHAUSTED,
    Phase.RESOLVING: Outcome.DNS,
    Phase.CONNECTING: Outcome.CONNECT_TIMEOUT,
    Phase.QUERYING: Outcome.QUERY_TIMEOUT,
}


def timed_out(progress: Progress) -> Outcome:
    """Name the outcome of a probe that its deadline ended, by what it was waiting for."""
    return _TIMED_OUT[progress.phase]


def classify(error: BaseException, progress: Progress) -> Outcome:
    """Turn an error into an outcome, by types and SQLSTATEs along its chain, never by its text.

    Args:
        error: what the check raised.
        progress: how far it had come, with the operating system's error if there was one, and whether TLS was
            asked for: a server that refuses it and one that does not speak PostgreSQL raise the same bare
            `ConnectionError`.
    """
    chain = [*_chain(error), *_chain(progress.cause)]
    outcomes = [found for link in chain if (found := _of(link, progress))]
    if progress.cause is not None and progress.cause.errno in _FORBIDDEN:
        outcomes.append(Outcome.UNREACHABLE)
    return min(outcomes, key=lambda outcome: outcome in _LAST_RESORT, default=Outcome.ERROR)


def reason(error: BaseException) -> Reason | None:
    """Return what the chain of an error tells beyond its outcome, if it does."""
    if isinstance(error, DsnError):
        return Reason.SETTING
    found = (_REASONS.get(sqlstate(link) or "") for link in _chain(error))
    return next(filter(None, found), None)


def sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE that the server sent with this error, if it sent one."""
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        origin = getattr(error, "orig", None)  # SQLAlchemy keeps the driver's error here too
        if isinstance(origin, BaseException) and error.__cause__ is None:
            error = origin
        else:
            error = error.__cause__ or error.__context__


def _of(error: BaseException, progress: Progress) -> Outcome | None:
    state = sqlstate(error)
    if state is not None:
        return _BY_SQLSTATE.get(state) or (Outcome.AUTH if state.startswith("28") else Outcome.ERROR)
    if isinstance(error, WrongRoleError) or _is_session_attribute(error):
        return Outcome.READ_ONLY
    if _is_pool_timeout(error):
        return Outcome.POOL_EXHAUSTED
    if isinstance(error, TimeoutError) and error.errno is None:  # a TimeoutError is an OSError: test for it first
        return timed_out(progress)
    if isinstance(error, OSError):
        return _of_system(error, tls_required=progress.tls_required)
    return Outcome.PROTOCOL if _is_protocol(error) else None


def _of_system(error: OSError, *, tls_required: bool) -> Outcome | None:
    if isinstance(error, socket.gaierror):
        return Outcome.DNS
    if isinstance(error, ssl.SSLError):
        return Outcome.TLS
    if isinstance(error, ConnectionRefusedError) or error.errno in _NOBODY_LISTENS:
        return Outcome.REFUSED
    if error.errno in _UNREACHABLE:
        return Outcome.UNREACHABLE
    if error.errno == errno.ETIMEDOUT:
        return Outcome.CONNECT_TIMEOUT
    if isinstance(error, ConnectionError):
        bare = error.errno is None and type(error) is ConnectionError
        return Outcome.TLS if bare and tls_required else Outcome.PROTOCOL
    return None


def _is_pool_timeout(error: BaseException) -> bool:
    # Compared by name: this module knows errors, not the libraries that raise them.
    return (type(error).__module__, type(error).__name__) == ("sqlalchemy.exc", "TimeoutError")


def _is_session_attribute(error: BaseException) -> bool:
    """Whether hosts answered, and none of them is what `target_session_attrs` asks for."""
    return type(error).__name__ == "TargetServerAttributeNotMatched"


def _is_protocol(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"InternalClientError", "ProtocolError", "EOFError"})
