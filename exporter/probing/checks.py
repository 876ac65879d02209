"""The three checks: what a probe of each path asks, and how its errors become outcomes."""

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

FAREWELL = Outcome.SHUTTING_DOWN


@dataclass(slots=True)
class ServerState:
    """What the checks of one database have seen of its server, kept between probes.

    `farewell`: a session was told that the server shuts down, and no connect has succeeded since. A server that
    starts and one that stops refuse connections with the same SQLSTATE, 57P03: the farewell tells them apart.
    `connected`: the pooled path's last answer was a success, so a session is alive.
    """

    in_recovery: bool | None = None
    farewell: bool = False
    connected: bool = False

    def hear(self, sqlstate: str) -> None:
        """Take in an error that the server sent unasked."""
        self.farewell = sqlstate == ADMIN_SHUTDOWN


def query_check(
    engine: AsyncEngine,
    seen: ServerState,
    *,
    expect: ExpectedRole,
    fresh: bool = False,
    after: AfterAnswer | None = None,
) -> Check:
    """Make the check of the pooled or the fresh path.

    `after` is called once the answer is known, with the connection, before it goes back to the pool.
    """

    async def check(run: Run) -> None:
        async def answered(connection: AsyncConnection, in_recovery: bool) -> None:  # noqa: FBT001 - a callback
            seen.in_recovery, seen.farewell = in_recovery, False
            run.answer(Outcome.SUCCESS)
            if after is not None:
                await after(connection)

        def failed(error: Exception) -> None:
            found = refine(classify(error, run.attempt), seen, fresh=fresh)
            if found is Outcome.READ_ONLY:  # by target_session_attrs, it is not said which role was found
                seen.in_recovery = error.in_recovery if isinstance(error, WrongRoleError) else None
            run.answer(found, describe(error), find_reason(error, run.attempt))

        await check_db_connection(engine, expect=expect, on_answer=answered, on_failure=failed)

    return check


def write_check(write: Callable[[], Awaitable[None]], seen: ServerState, *, limit: float) -> Check:
    """Make the check of the write path.

    A commit that took longer than `limit` seconds, the server's own statement time-out, is a failure even when it
    succeeded: a time-out ends the wait for a synchronous standby with a warning, and the commit stays.
    """

    async def check(run: Run) -> None:
        began = run.clock()
        try:
            await write()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - the probe's edge
            found = refine(classify(error, run.attempt), seen, fresh=True)
            run.answer(found, describe(error), find_reason(error, run.attempt))
            return
        slow = run.clock() - began > limit
        run.answer(Outcome.QUERY_TIMEOUT if slow else Outcome.SUCCESS, "the commit had to wait" if slow else "")

    return check


def refine(found: Outcome, seen: ServerState, *, fresh: bool) -> Outcome:
    """Tell a server that stops from one that starts: one that has a session alive does not start."""
    if found is Outcome.STARTING_UP:
        return FAREWELL if seen.farewell or (fresh and seen.connected) else found
    seen.farewell = found is FAREWELL
    return found
