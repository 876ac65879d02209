"""What every fault has in common: it is named, it harms nothing, and it is over when its cause is."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import psycopg

from tests.support.exporter import Exporter
from tests.support.processes import Holdings
from tests.support.waiting import until

# The tests' PROBE_INTERVAL of 0.5 s, and what one probe and the asking itself may take.
ONE_INTERVAL = 1.5
SESSIONS = 2  # the contract's limit: one in the pool, one for the path that connects anew


class Server(Protocol):
    """Whom the exporter connects to: PostgreSQL, or PgBouncer before it."""

    def sessions(self) -> int:
        """How many sessions the exporter's role has there."""
        ...


@dataclass(frozen=True)
class State:
    """What a leak would grow, inside the exporter and on the server."""

    held: Holdings
    tasks: int
    sessions: int


def state(exporter: Exporter, server: Server) -> State:
    """Count now."""
    return State(exporter.holdings(), exporter.tasks(), server.sessions())


def settled(exporter: Exporter, server: Server, before: State) -> bool:
    """Nothing has grown."""
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
    settles(exporter, server, before, within=within)


def bears_no_trace(exporter: Exporter, server: Server, *, within: float = 4) -> None:
    """After a fault from the start: as much is held as by a twin that has seen none, and the log is clean."""
    assert server.sessions() <= SESSIONS
    with closing(exporter.twin()) as twin:
        warm(twin)
        innocent = State(twin.holdings(), twin.tasks(), sessions=1)
    settles(exporter, server, innocent, within=within)


def settles(exporter: Exporter, server: Server, before: State, *, within: float = 4) -> None:
    """Soon nothing has grown, and nothing was written that no user should see."""
    try:
        until(lambda: settled(exporter, server, before), within=within, what=f"as before: {before}")
    except AssertionError as error:
        raise AssertionError(f"{error}, now {state(exporter, server)}\n{exporter.story()}") from error
    assert not exporter.complaints(), exporter.log()


def warm(exporter: Exporter) -> None:
    """The first probes have passed."""
    until(lambda: exporter.health().status == 200, within=5, what="the first success", every=0.05)
    exporter.wait_for_verdict("healthy", within=3)


def fails(exporter: Exporter, outcome: str, *, verdict: str, within: float = 3, also: tuple[str, ...] = ()) -> None:
    """The pooled path names this outcome and no other but `also` before it; answers say so in time."""
    before = exporter.outcomes()
    exporter.wait_for(outcome, within=within)
    new = {name for name, count in exporter.outcomes().items() if count > before.get(name, 0)}
    assert new <= {"success", outcome, *also}, exporter.story()
    answer = exporter.health()
    assert answer.status == 503
    assert exporter.sample("dbhealth_up") == 0
    exporter.wait_for_verdict(verdict, within=3)


def recovers(exporter: Exporter, *, within: float = ONE_INTERVAL, verdict: str = "healthy") -> None:
    """The next success comes in time, and the diagnosis follows it."""
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
    assert {name for name in after if after[name] > before.get(name, 0)} == {"success"}, exporter.story()
    assert exporter.health().status == 200
