"""Says how a pool is now; what its class cannot tell is left out."""

from __future__ import annotations

import logging
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sqlalchemy.pool import Pool, QueuePool

from db_health_reporter import call_site as caller

if TYPE_CHECKING:
    from db_health_reporter.call_site import Places
    from db_health_reporter.instrumentation import Meter, Ticket

logger = logging.getLogger("db_health_reporter")

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
    answers = {name: _ask(pool, method) for name, method in asked.items()}
    if isinstance(answers["overflow"], int):
        answers["overflow"] = max(0, answers["overflow"])  # SQLAlchemy starts at minus the size
    content: dict[str, Any] = {
        name: answer for name, answer in answers.items() if isinstance(answer, int) and answer >= 0
    }
    if isinstance(pool, QueuePool) and "size" in content:
        overflow = pool._max_overflow
        content["max"] = "unlimited" if overflow < 0 else content["size"] + overflow
    return content


def _ask(pool: Pool, method: str) -> Any:
    """Ask for a number; a pool class of the application's own may have any answer, or none."""
    ask = getattr(pool, method, None)
    if not callable(ask):
        return None
    try:
        answer = ask()
    except Exception as error:  # noqa: BLE001 - whatever it is, the rest of the report is as good as before
        answer = error
    if isinstance(answer, int) and not isinstance(answer, bool):
        return answer
    _tell_once(type(pool).__name__, method, type(answer).__name__)
    return None


@lru_cache(maxsize=64)  # the memory of what was told
def _tell_once(kind: str, method: str, answer: str) -> None:
    logger.debug("%s.%s() tells no number but %s: it is not reported", kind, method, answer)


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
