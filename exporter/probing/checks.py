"""The check of each probe path: its query, and the outcome of its errors."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.database.engine import check_db_connection
from exporter.database.errors import ADMIN_SHUTDOWN, WrongRoleError, classify, describe, find_reason
from exporter.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from exporter.database.sqlalchemy_core import AsyncConnection, AsyncEngine
    from exporter.model.role import ExpectedRole
    from exporter.probing.probe import Check, Run

    AfterAnswer = Callable[[AsyncConnection], Awaitable[None]]


@dataclass(slots=True)
class ServerState:
    """The last known state of one database's server, kept from probe to probe.

    Attributes:
        in_recovery: whether the server is a replica or recovering, if that is known.
        shutting_down: the server has ended a session by its shutdown, and no connect has succeeded since. Servers that
            start and servers that stop refuse connections with the same SQLSTATE, 57P03: this distinguishes them.
        connected: the latest pooled probe passed, so a session is alive.
    """

    in_recovery: bool | None = None
    shutting_down: bool = False
    connected: bool = False

    def note_error(self, sqlstate: str) -> None:
        """Note the SQLSTATE of an error that the server sent on an open connection."""
        self.shutting_down = sqlstate == ADMIN_SHUTDOWN

    def note_outcome(self, outcome: Outcome, *, fresh: bool) -> Outcome:
        """Note a failure's outcome and return the corrected one: `starting_up` of a stopping server is `shutting_down`.

        A server with a live session cannot be starting.
        """
        if outcome is Outcome.STARTING_UP:
            return Outcome.SHUTTING_DOWN if self.shutting_down or (fresh and self.connected) else outcome
        self.shutting_down = outcome is Outcome.SHUTTING_DOWN
        return outcome


def query_check(
    engine: AsyncEngine,
    server: ServerState,
    *,
    expect: ExpectedRole,
    fresh: bool = False,
    after: AfterAnswer | None = None,
) -> Check:
    """Make the check of the pooled or the fresh path.

    Args:
        engine: connects to the database.
        server: the server's last known state, which the check updates.
        expect: the role that the server must have.
        fresh: whether each check opens a new connection.
        after: called with the connection once the result is known, before the connection returns to the pool.
    """

    async def check(run: Run) -> None:
        async def on_answer(connection: AsyncConnection, in_recovery: bool) -> None:  # noqa: FBT001 - a callback
            server.in_recovery, server.shutting_down = in_recovery, False
            run.answer(Outcome.SUCCESS)
            if after is not None:
                await after(connection)

        def on_failure(error: Exception) -> None:
            outcome = server.note_outcome(classify(error, run.attempt), fresh=fresh)
            if outcome is Outcome.READ_ONLY:  # target_session_attrs does not say which role was found
                server.in_recovery = error.in_recovery if isinstance(error, WrongRoleError) else None
            run.answer(outcome, describe(error), find_reason(error, run.attempt))

        await check_db_connection(engine, expect=expect, on_answer=on_answer, on_failure=on_failure)

    return check


def write_check(write: Callable[[], Awaitable[None]], server: ServerState, *, limit: float) -> Check:
    """Make the check of the write path.

    A commit that takes longer than `limit` seconds, the server's own statement time-out, is a failure although it
    succeeds: a time-out ends the wait for a synchronous standby with a warning, and the commit stays.
    """

    async def check(run: Run) -> None:
        began = run.clock()
        try:
            await write()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - the probe's edge
            outcome = server.note_outcome(classify(error, run.attempt), fresh=True)
            run.answer(outcome, describe(error), find_reason(error, run.attempt))
            return
        slow = run.clock() - began > limit
        run.answer(Outcome.QUERY_TIMEOUT if slow else Outcome.SUCCESS, "the commit had to wait" if slow else "")

    return check
