"""What every fault test asserts: the fault is named, does no lasting harm, and ends with its cause."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import psycopg

from tests.support.exporter import Exporter
from tests.support.processes import Holdings
from tests.support.waiting import until

# The tests' PROBE_INTERVAL of 0.5 s, and the time that one probe and the request itself may take.
ONE_INTERVAL = 1.5
# What a healthy exporter of a kind holds: one is started for all tests, since a start costs a second of CPU.
_HEALTHY: dict[frozenset[tuple[str, str]], "State"] = {}
SESSIONS = 2  # the contract's limit: one in the pool, one for the path that connects anew


class Server(Protocol):
    """The exporter's peer: PostgreSQL, or PgBouncer in front of it."""

    def sessions(self) -> int:
        """How many sessions the exporter's role has there."""
        ...


@dataclass(frozen=True)
class State:
    """Counts that a leak would raise, inside the exporter and on the server."""

    held: Holdings
    tasks: int
    sessions: int


def state(exporter: Exporter, server: Server) -> State:
    """Count now."""
    return State(exporter.holdings(), exporter.tasks(), server.sessions())


def nothing_has_grown(exporter: Exporter, server: Server, before: State) -> bool:
    """Whether no count is higher than before."""
    now = state(exporter, server)
    return (
        now.held.threads <= before.held.threads
        and now.held.files <= before.held.files
        and now.held.sockets <= before.held.sockets
        and now.tasks <= before.tasks
        and now.sessions <= before.sessions
    )


@contextmanager
def unharmed(exporter: Exporter, server: Server, *, within: float = 4) -> Iterator[None]:
    """Start healthy; afterwards sessions, sockets, tasks and threads are as before and the log is clean."""
    warm(exporter)
    before = state(exporter, server)
    yield
    with suppress(psycopg.OperationalError):
        assert server.sessions() <= SESSIONS
    returns_to(exporter, server, before, within=within)


def leaves_nothing_behind(exporter: Exporter, server: Server, *, within: float = 4) -> None:
    """After a fault from the start: the exporter holds no more than one without a fault, and the log is clean."""
    assert server.sessions() <= SESSIONS
    kind = exporter.kind
    if kind not in _HEALTHY:
        with closing(exporter.start_another()) as other:
            warm(other)
            _HEALTHY[kind] = State(other.holdings(), other.tasks(), sessions=1)
    returns_to(exporter, server, _HEALTHY[kind], within=within)


def returns_to(exporter: Exporter, server: Server, before: State, *, within: float = 4) -> None:
    """Soon no count is higher than before, and the log has no line that no user should see."""
    try:
        until(lambda: nothing_has_grown(exporter, server, before), within=within, what=f"as before: {before}")
    except AssertionError as error:
        raise AssertionError(f"{error}, now {state(exporter, server)}\n{exporter.history()}") from error
    assert not exporter.complaints(), exporter.log()


def warm(exporter: Exporter) -> None:
    """The first probes have passed."""
    until(lambda: exporter.health().status == 200, within=5, what="the first success", every=0.05)
    exporter.wait_for_verdict("healthy", within=3)


def fails(exporter: Exporter, outcome: str, *, verdict: str, within: float = 3, also: tuple[str, ...] = ()) -> None:
    """The pooled path gets this outcome, before it at most those in `also`; answers report it in time."""
    before = exporter.outcomes()
    exporter.wait_for(outcome, within=within)
    new = {name for name, count in exporter.outcomes().items() if count > before.get(name, 0)}
    assert new <= {"success", outcome, *also}, exporter.history()
    answer = exporter.health()
    assert answer.status == 503
    assert exporter.sample("dbhealth_up") == 0
    exporter.wait_for_verdict(verdict, within=3)


def recovers(exporter: Exporter, *, within: float = ONE_INTERVAL, verdict: str = "healthy") -> None:
    """The next success comes in time, and the verdict follows."""
    exporter.wait_for("success", within=within)
    exporter.wait_for_verdict(verdict, within=within)
    assert exporter.health().status == 200
    assert exporter.sample("dbhealth_up") == 1


def stays_green(exporter: Exporter, *, probes: int = 3) -> None:
    """The next probes of the pooled path all succeed."""
    before = exporter.outcomes()
    for _ in range(probes):
        exporter.wait_for("success", within=ONE_INTERVAL)
    after = exporter.outcomes()
    assert {name for name in after if after[name] > before.get(name, 0)} == {"success"}, exporter.history()
    assert exporter.health().status == 200
