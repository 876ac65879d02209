"""The datagram's form, version 1; docs/reference/wire-format.md describes each field."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from db_health_reporter.totals import SUM

if TYPE_CHECKING:
    from db_health_reporter.identity import ProcessIdentity
    from db_health_reporter.totals import Totals

VERSION = 1
MAX_BYTES = 8192


def identity_fields(identity: ProcessIdentity, *, interval: float, pool: str, database: str | None) -> dict[str, Any]:
    """Return the fields that identify a report's process, pool and, where it is known, database."""
    fields = {
        "v": VERSION,
        "pid": identity.pid,
        "ppid": identity.parent_pid,
        "start": identity.started_at,
        "interval": interval,
        "pool": pool,
    }
    return fields if database is None else {**fields, "database": database}


def total_fields(totals: Totals) -> dict[str, Any]:
    """Return the counters and histograms since the process started."""
    histograms = {"wait": totals.wait, "use": totals.use, "create": totals.create}
    return {
        "connects": sum(totals.create[:SUM]),
        "timeouts": totals.timeouts,
        "invalidations": totals.invalidations,
        **{name: {"counts": h[:SUM], "sum": round(h[SUM], 6)} for name, h in histograms.items()},
    }


def encode(content: dict[str, Any]) -> bytes:
    """Encode a report as a datagram; fields that would make it too long are left out, the least important first."""
    datagram = _encode(content)
    if len(datagram) > MAX_BYTES and "leaks" in content:
        datagram = _encode({name: value for name, value in content.items() if name != "leaks"})
    if len(datagram) > MAX_BYTES and "oldest" in content:
        oldest = {name: value for name, value in content["oldest"].items() if name != "doing"}
        datagram = _encode({**content, "oldest": oldest, "leaks": None})
    return datagram


def _encode(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
