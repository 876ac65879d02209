"""Reads the state of a pool for a report; numbers that the pool's class does not have are left out."""

from __future__ import annotations

import logging
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

from sqlalchemy.pool import Pool, QueuePool

from db_health_reporter.activity import describe_activity, describe_thread
from db_health_reporter.call_site import format_call_site

if TYPE_CHECKING:
    from db_health_reporter.instrumentation import Checkout, PoolInstrumentation

logger = logging.getLogger("db_health_reporter")

_MIN_WAIT = 0.001  # seconds: a request that has been in the pool's code for less does not count as waiting
_MAX_LEAKS = 5


def take_snapshot(
    pool: Pool,
    instrumentation: PoolInstrumentation,
    *,
    leak_after: float,
    outside_loop: bool,
    stalled_thread: int | None,
) -> dict[str, Any]:
    """Return the pool's gauges and its oldest checkouts; for a stalled event loop also the line that blocks it."""
    now = perf_counter()
    content: dict[str, Any] = {}
    # Before its first use an asynchronous queue must not be touched from outside of its event loop.
    is_used = instrumentation.checkouts or instrumentation.waiting or instrumentation.last_checkin is not None
    if not outside_loop or is_used:
        content.update(_gauges(pool))
    if "size" in content:
        content["pending"] = sum(1 for since in _items(instrumentation.waiting).values() if now - since > _MIN_WAIT)
    if instrumentation.last_checkin is not None:
        content["since_checkin"] = round(max(0.0, now - instrumentation.last_checkin), 6)
    if not instrumentation.is_shared:
        checkouts = _items(instrumentation.checkouts)
        content.setdefault("checked_out", len(checkouts))  # a NullPool does not count them
        content.update(_checkouts(checkouts, instrumentation, now, leak_after, stalled_thread))
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


@lru_cache(maxsize=64)  # the cache makes each line unique
def _log_once(pool_class: str, method: str, answer: str) -> None:
    logger.debug("%s.%s() returns no number but %s: it is not reported", pool_class, method, answer)


def _checkouts(
    checkouts: dict[Any, Checkout],
    instrumentation: PoolInstrumentation,
    now: float,
    leak_after: float,
    stalled_thread: int | None,
) -> dict[str, Any]:
    """Describe the oldest checkout that is not held on purpose, and each that has been out for too long."""
    meant = instrumentation.long_lived
    for record in [record for record, checkout in meant.items() if checkouts.get(record) is not checkout]:
        meant.pop(record, None)
    unmeant = [checkout for record, checkout in checkouts.items() if record not in meant]
    oldest: dict[str, Any] = _age(unmeant[0], now, leak_after) if unmeant else {"age": 0, "leak": False}
    if stalled_thread is not None:
        where = _where(unmeant[0]) if unmeant else {}
        oldest.update(where, doing=describe_thread(instrumentation.classifier, stalled_thread))
    elif oldest.get("leak"):
        oldest.update(_describe(unmeant[0], instrumentation))
    content: dict[str, Any] = {"oldest": oldest}
    leaks = [checkout for checkout in unmeant if now - checkout[0] >= leak_after][:_MAX_LEAKS]
    if len(leaks) > 1:
        content["leaks"] = [{**_age(leak, now, leak_after), **_describe(leak, instrumentation)} for leak in leaks]
    return content


def _age(checkout: Checkout, now: float, leak_after: float) -> dict[str, Any]:
    age = now - checkout[0]
    return {"age": round(age, 6), "id": int(checkout[0] * 1e6), "leak": age >= leak_after}


def _where(checkout: Checkout) -> dict[str, str]:
    _, _, code, instruction, _ = checkout
    return {} if code is None else {"where": format_call_site(code, instruction)}


def _describe(checkout: Checkout, instrumentation: PoolInstrumentation) -> dict[str, str]:
    _, holder, code, _, mark = checkout
    return {**_where(checkout), "doing": describe_activity(instrumentation.classifier, holder, code, mark)}


def _items(entries: dict[Any, Any]) -> dict[Any, Any]:
    try:
        return dict(entries)
    except RuntimeError:  # another thread changed the dict meanwhile
        return _items(entries)
