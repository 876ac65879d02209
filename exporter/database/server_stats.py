"""The server's connections and this pod's sessions, by two cheap queries of its statistics views."""

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
# The states whose series are present even at 0. The others, `fastpath function call` and `disabled`, are rare.
STATES = ("active", "idle", "idle in transaction", "idle in transaction (aborted)")
IDLE_IN_TRANSACTION = ("idle in transaction", "idle in transaction (aborted)")


@dataclass(frozen=True, slots=True)
class ServerStats:
    """One reading of the server's own statistics.

    Attributes:
        connections: of the whole server, as `pg_stat_database` counts them.
        max_connections: the server's setting of that name.
        pod_sessions: this pod's sessions by their state; empty where the server does not see the pod's own address,
            as behind a proxy or over a Unix socket.
        oldest_idle_in_transaction: seconds; 0 if no session of the pod is idle in a transaction, None if not known.
    """

    connections: int
    max_connections: int
    pod_sessions: Mapping[str, int] = field(default_factory=dict)
    oldest_idle_in_transaction: float | None = None


async def read_server_stats(connection: AsyncConnection, *, pod_ip: str | None, within: float) -> ServerStats:
    """Query the server's statistics; `pod_ip` is the pod's own address, `within` the limit in seconds.

    Raises:
        TimeoutError: it took longer.
        sqlalchemy.exc.DBAPIError: the server refused the query.
    """
    async with asyncio.timeout(within):
        max_connections, connections, client_address = (await connection.execute(_SERVER)).one()
        if not pod_ip or client_address != pod_ip:
            return ServerStats(connections, max_connections)
        rows = (await connection.execute(_POD)).all()
    ages = [age for state, _, age in rows if state in IDLE_IN_TRANSACTION and age is not None]
    sessions = {state: count for state, count, _ in rows}
    return ServerStats(connections, max_connections, dict.fromkeys(STATES, 0) | sessions, max(ages, default=0.0))
