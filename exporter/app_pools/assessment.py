"""The assessment of the application's pools for one database: a pure function of views of these pools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.model.pool import PoolState

MAX_LEAKS = 20  # shown to people, of all pools together


@dataclass(frozen=True, slots=True)
class WorkerPresence:
    """A worker that should report one of its pools, and whether it is silent about it."""

    database: str
    pool: str
    worker: str
    silent: bool

    def __str__(self) -> str:
        return f"worker {self.worker} of pool {self.pool}"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A connection in use by the application, and the place in its code that took it."""

    pool: str
    worker: str
    location: str | None
    doing: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Assessment:
    """The assessment of the application's pools for one database.

    Args:
        exhausted: a pool is full and requests wait, while connections are still returned.
        wedged: a pool is full and no connection has been returned for long.
        oldest_checkout: of the wedged pools, else of the exhausted, else of those that leak.
        leaks: connections that the application calls leaked, of all its pools, the oldest first, `MAX_LEAKS` at most.
        silent_workers: the workers that are silent now.
        one_of: the databases of one name, to one of which those pools belong; empty if the database is known.
    """

    exhausted: bool = False
    wedged: bool = False
    oldest_checkout: Checkout | None = None
    leaks: tuple[Checkout, ...] = ()
    silent_workers: tuple[WorkerPresence, ...] = ()
    one_of: tuple[str, ...] = ()

    @property
    def other_leaks(self) -> list[Checkout]:
        """The leaks whose place is known, beside the oldest checkout."""
        return [leak for leak in self.leaks if leak.location is not None and leak != self.oldest_checkout]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolView:
    """One pool of one worker at one moment.

    Args:
        state: the latest report's numbers.
        is_missing: reports stopped coming without a goodbye.
        is_stalled: the reports themselves state that the event loop stands still.
        is_shown: the latest report is recent enough to be shown.
        is_crowded: the latest reports show a full pool with requests waiting; one alone may have caught a burst.
        is_starving: requests were waiting or timed out by the latest report, and no connection was returned after that.
        full_since: since when the pool has been full without a check-in, in monotonic seconds.
        one_of: the databases that it may belong to; empty if the database is known.
        last_failure_at: when a probe of its database, or of one of those, last failed, in monotonic seconds.
    """

    state: PoolState
    is_missing: bool = False
    is_stalled: bool = False
    is_shown: bool = True
    is_crowded: bool = False
    is_starving: bool = False
    full_since: float | None = None
    one_of: tuple[str, ...] = ()
    last_failure_at: float = 0.0

    @property
    def leaks(self) -> list[Checkout]:
        """The connections that the application calls leaked; none where the latest report is old."""
        found = (self.state.leaks or ()) if self.is_shown else ()
        owner = (self.state.pool, self.state.worker)
        return [Checkout(*owner, leak.location, leak.doing, leak.seconds) for leak in found]

    @property
    def presence(self) -> WorkerPresence:
        """Whether the worker is silent: its reports are missing, or its event loop stands still."""
        state = self.state
        return WorkerPresence(state.database, state.pool, state.worker, self.is_missing or self.is_stalled)

    def is_exhausted(self, now: float, *, wedged_after: float) -> bool:
        """Whether requests have waited for a connection for some time, even if connections are returned.

        A pool of one of several databases counts only while all of them are well: it may be the other one's.
        """
        all_well = not self.one_of or now - self.last_failure_at >= wedged_after
        return self.is_shown and self.is_crowded and all_well

    def is_wedged(self, now: float, *, wedged_after: float) -> bool:
        """Whether no request gets a connection and none has been returned for long, while the database worked.

        An idle pool has no check-ins either, and during an outage none can come: neither counts. A worker that
        is silent is judged by its last report, however old: many processes end without a goodbye, some with every
        connection in use.
        """
        if self.full_since is None or now - max(self.full_since, self.last_failure_at) < wedged_after:
            return False
        return self.is_stalled or ((self.is_missing or self.is_shown) and self.is_starving)


def assess(views: Iterable[PoolView], *, now: float, wedged_after: float) -> Assessment:
    """Assess the pools of one database.

    Args:
        views: its pools; those that have ended are left out.
        now: monotonic seconds.
        wedged_after: seconds without a check-in after which a full pool is wedged.
    """
    wedged: list[PoolView] = []
    exhausted: list[PoolView] = []
    leaking: list[PoolView] = []
    silent: list[WorkerPresence] = []
    leaks: list[Checkout] = []
    for view in views:
        if view.is_wedged(now, wedged_after=wedged_after):
            wedged.append(view)
        elif view.is_exhausted(now, wedged_after=wedged_after):
            exhausted.append(view)
        elif view.leaks:
            leaking.append(view)
        leaks += view.leaks
        if view.presence.silent:
            silent.append(view.presence)
    worst = wedged or exhausted or leaking
    certain = [view for view in worst if not view.one_of]
    oldest = _oldest_checkout([view.state for view in certain or worst])
    one_of = worst[0].one_of if worst and not certain else ()
    leaks.sort(key=lambda leak: -(leak.seconds or 0.0))
    return Assessment(bool(exhausted), bool(wedged), oldest, tuple(leaks[:MAX_LEAKS]), tuple(silent), one_of)


def _oldest_checkout(states: Sequence[PoolState]) -> Checkout | None:
    found = max(states, key=lambda state: state.oldest_checkout_seconds or 0.0, default=None)
    if found is None:
        return None
    place = (found.oldest_location, found.oldest_doing, found.oldest_checkout_seconds)
    return Checkout(found.pool, found.worker, *place)
