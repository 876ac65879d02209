"""What the server says of itself and of this pod's sessions, in one cheap query at a slow pace."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.database.sqlalchemy_core import AsyncConnection

# pg_stat_database counts backends for every role to see; pg_stat_activity hides most columns of other roles.
_SERVER = text("""
select pg_catalog.current_setting('max_connections')::int,
       (select sum(numbackends)::int from pg_catalog.pg_stat_database),
       pg_catalog.host(pg_catalog.inet_client_addr())
""")
# `state_change` is when the session became idle in transaction; `xact_start` would count the work before it.
_POD = text("""
select coalesce(state, 'unknown'), count(*)::int,
       max(extract(epoch from pg_catalog.clock_timestamp() - state_change))::float8
  from pg_catalog.pg_stat_activity
 where client_addr = pg_catalog.inet_client_addr() and pid <> pg_catalog.pg_backend_pid()
 group by 1
""")
QUERIES = (_SERVER.text, _POD.text)
STATES = (
    "active",
    "idle",
    "idle in transaction",
    "idle in transaction (aborted)",
    "fastpath function call",
    "disabled",
)
IDLE_IN_TRANSACTION = ("idle in transaction", "idle in transaction (aborted)")


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Connections against the maximum, and this pod's sessions where the server sees the pod's own address.

    `untrusted` says why the pod's sessions are not told, in words for people; it is empty where they are.
    """

    connections: int
    max_connections: int
    pod_sessions: Mapping[str, int] = field(default_factory=dict)
    oldest_idle_in_transaction: float | None = None
    untrusted: str = ""


async def read_facts(connection: AsyncConnection, *, pod_ip: str | None, within: float) -> ServerFacts:
    """Ask the server, within so many seconds.

    Raises:
        TimeoutError: it took longer.
        sqlalchemy.exc.DBAPIError: the server refused the query.
    """
    async with asyncio.timeout(within):
        row = (await connection.execute(_SERVER)).one()
        facts = ServerFacts(row[1], row[0], untrusted=_distrust(pod_ip, row[2]))
        if facts.untrusted:
            return facts
        rows = (await connection.execute(_POD)).all()
    idle = [age for state, _, age in rows if state in IDLE_IN_TRANSACTION and age is not None]
    return ServerFacts(
        facts.connections,
        facts.max_connections,
        {**dict.fromkeys(STATES[:4], 0), **{state: count for state, count, _ in rows}},
        max(idle, default=0.0),
    )


def _distrust(pod_ip: str | None, seen_as: str | None) -> str:
    if not pod_ip:
        return "POD_IP is not set"
    if seen_as is None:
        return "the connection is a Unix socket"
    if seen_as != pod_ip:
        return f"the server sees {seen_as}, not the pod's own address: a proxy or address translation is between"
    return ""
