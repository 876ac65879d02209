"""Says how a pool is now; what its class cannot tell is left out."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from sqlalchemy.pool import Pool, QueuePool

from db_health_reporter import caller

if TYPE_CHECKING:
    from db_health_reporter.caller import Places
    from db_health_reporter.meter import Meter, Ticket

_PASSING_BY = 0.001  # seconds: a request that has been in the pool's code for less is not waiting


def of(
    pool: Pool, meter: Meter, places: Places, leak_after: float, *, outside: bool, stalled_thread: int | None
) -> dict[str, Any]:
    """Say what the pool tells, and what the meter saw; of a stalled event loop also what it does."""
    now = perf_counter()
    content: dict[str, Any] = {}
    # Before its first use an asynchronous queue must not be touched from outside of its event loop.
    if not outside or meter.out or meter.waiting or meter.checkin is not None:
        content.update(_gauges(pool))
    if "size" in content:
        content["pending"] = sum(1 for since in _values(meter.waiting) if now - since > _PASSING_BY)
    if meter.checkin is not None:
        content["since_checkin"] = round(max(0.0, now - meter.checkin), 6)
    if not meter.shares:
        content["oldest"] = _oldest(_first(meter.out), now, places, leak_after, stalled_thread)
    return content


def _gauges(pool: Pool) -> dict[str, Any]:
    asked = {"size": "size", "checked_out": "checkedout", "checked_in": "checkedin", "overflow": "overflow"}
    methods = {name: getattr(pool, method, None) for name, method in asked.items()}
    content: dict[str, Any] = {name: method() for name, method in methods.items() if callable(method)}
    if "overflow" in content:
        content["overflow"] = max(0, content["overflow"])  # SQLAlchemy starts at minus the size
    if isinstance(pool, QueuePool):
        overflow = pool._max_overflow
        content["max"] = "unlimited" if overflow < 0 else content["size"] + overflow
    return content


def _oldest(
    ticket: Ticket | None, now: float, places: Places, leak_after: float, stalled_thread: int | None
) -> dict[str, Any]:
    if ticket is None:
        return {"age": 0}
    since, holder, code, instruction = ticket
    leak = now - since >= leak_after
    content: dict[str, Any] = {"age": round(now - since, 6), "id": int(since * 1e6), "leak": leak}
    if leak or stalled_thread is not None:
        if code is not None:
            content["where"] = caller.locate(code, instruction)
        content["doing"] = caller.doing(places, holder if stalled_thread is None else stalled_thread)
    return content


def _values(entries: dict[Any, float]) -> list[float]:
    try:
        return list(entries.values())
    except RuntimeError:  # another thread changed it meanwhile
        return _values(entries)


def _first(entries: dict[Any, Ticket]) -> Ticket | None:
    try:
        return next(iter(entries.values()), None)
    except RuntimeError:
        return _first(entries)
