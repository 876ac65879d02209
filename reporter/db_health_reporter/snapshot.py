"""Reads the state of a pool as a report shows it; what the pool's class does not know is left out."""

from __future__ import annotations

import logging
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sqlalchemy.pool import Pool, QueuePool

from db_health_reporter.activity import describe_activity
from db_health_reporter.call_site import format_call_site

if TYPE_CHECKING:
    from db_health_reporter.call_site import FileClassifier
    from db_health_reporter.instrumentation import Checkout, PoolInstrumentation

logger = logging.getLogger("db_health_reporter")

_MIN_WAIT = 0.001  # seconds: a request that has been in the pool's code for less does not count as waiting


def take_snapshot(
    pool: Pool,
    instrumentation: PoolInstrumentation,
    *,
    leak_after: float,
    outside_loop: bool,
    stalled_thread: int | None,
) -> dict[str, Any]:
    """Return the pool's gauges and its oldest checkout; for a stalled event loop also what blocks it."""
    now = perf_counter()
    content: dict[str, Any] = {}
    # Before its first use an asynchronous queue must not be touched from outside of its event loop.
    is_used = instrumentation.checkouts or instrumentation.waiting or instrumentation.last_checkin is not None
    if not outside_loop or is_used:
        content.update(_gauges(pool))
    if "size" in content:
        content["pending"] = sum(1 for since in _values(instrumentation.waiting) if now - since > _MIN_WAIT)
    if instrumentation.last_checkin is not None:
        content["since_checkin"] = round(max(0.0, now - instrumentation.last_checkin), 6)
    if not instrumentation.is_shared:
        oldest = _first(instrumentation.checkouts)
        content["oldest"] = _oldest(oldest, now, instrumentation.classifier, leak_after, stalled_thread)
    return content


def _gauges(pool: Pool) -> dict[str, Any]:
    methods = {"size": "size", "checked_out": "checkedout", "checked_in": "checkedin", "overflow": "overflow"}
    answers = {name: _call(pool, method) for name, method in methods.items()}
    if isinstance(answers["overflow"], int):
        answers["overflow"] = max(0, answers["overflow"])  # SQLAlchemy starts at minus the size
    content: dict[str, Any] = {
        name: answer for name, answer in answers.items() if isinstance(answer, int) and answer >= 0
    }
    if isinstance(pool, QueuePool) and "size" in content:
        overflow = pool._max_overflow
        content["max"] = "unlimited" if overflow < 0 else content["size"] + overflow
    return content


def _call(pool: Pool, method: str) -> Any:
    """Call a method that returns a number; a custom pool class may lack it, raise, or return anything."""
    function = getattr(pool, method, None)
    if not callable(function):
        return None
    try:
        answer = function()
    except Exception as error:  # noqa: BLE001 - a custom pool class may raise anything; the other gauges stay valid
        answer = error
    if isinstance(answer, int) and not isinstance(answer, bool):
        return answer
    _log_once(type(pool).__name__, method, type(answer).__name__)
    return None


@lru_cache(maxsize=64)  # remembers what has been logged
def _log_once(pool_class: str, method: str, answer: str) -> None:
    logger.debug("%s.%s() returns no number but %s: it is not reported", pool_class, method, answer)


def _oldest(
    checkout: Checkout | None, now: float, classifier: FileClassifier, leak_after: float, stalled_thread: int | None
) -> dict[str, Any]:
    if checkout is None:
        return {"age": 0}
    since, holder, code, instruction = checkout
    is_leak = now - since >= leak_after
    content: dict[str, Any] = {"age": round(now - since, 6), "id": int(since * 1e6), "leak": is_leak}
    if is_leak or stalled_thread is not None:
        if code is not None:
            content["where"] = format_call_site(code, instruction)
        content["doing"] = describe_activity(classifier, holder if stalled_thread is None else stalled_thread)
    return content


def _values(entries: dict[Any, float]) -> list[float]:
    try:
        return list(entries.values())
    except RuntimeError:  # another thread changed the dict meanwhile
        return _values(entries)


def _first(entries: dict[Any, Checkout]) -> Checkout | None:
    try:
        return next(iter(entries.values()), None)
    except RuntimeError:
        return _first(entries)
