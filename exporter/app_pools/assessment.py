"""What the pools of the application show of one database: a pure function, from views of pools to an assessment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.model.pool import PoolState


@dataclass(frozen=True, slots=True)
class SilentWorker:
    """A worker that should report one of its pools, and whether it is silent about it."""

    database: str
    pool: str
    worker: str
    silent: bool


@dataclass(frozen=True, slots=True)
class OldestCheckout:
    """The connection that has been checked out for longest, and where in the application that was done."""

    pool: str
    worker: str
    location: str | None
    doing: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the application's pools show of one database.

    Args:
        exhausted: a pool is full and requests wait, while connections still come back.
        wedged: a pool is full and no connection has come back for long.
        oldest_checkout: of the wedged pools, else of the exhausted, else of those that leak.
        silent_workers: those that are silent now.
    """

    exhausted: bool = False
    wedged: bool = False
    oldest_checkout: OldestCheckout | None = None
    silent_workers: tuple[SilentWorker, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolView:
    """One pool of one worker at one moment.

    Args:
        state: the latest report's numbers.
        is_missing: reports stopped coming without a goodbye.
        is_stalled: the reports say themselves that the event loop stands still.
        is_shown: the latest report is recent enough to be shown.
        is_replaced: another process that started later uses the same pool well.
        is_starving: requests were waiting a short while ago.
        is_leaking: the application calls the oldest checkout a leak.
        full_since: since when the pool has been full without a check-in, in monotonic seconds.
    """

    state: PoolState
    is_missing: bool = False
    is_stalled: bool = False
    is_shown: bool = True
    is_replaced: bool = False
    is_starving: bool = False
    is_leaking: bool = False
    full_since: float | None = None

    @property
    def silent_worker(self) -> SilentWorker:
        """Whether the worker is silent: its reports are missing, or its event loop stands still."""
        state = self.state
        return SilentWorker(state.database, state.pool, state.worker, self.is_missing or self.is_stalled)

    @property
    def is_exhausted(self) -> bool:
        """Whether requests wait for a connection, whether others come back or not."""
        return self.is_shown and bool(self.state.pending) and self.state.full

    def is_wedged(self, now: float, *, last_failure_at: float, wedged_after: float) -> bool:
        """Whether no request gets a connection and none has come back for long, while the database worked.

        An idle pool has no check-ins either, and during an outage nothing can come back: neither counts.
        """
        if self.is_replaced or self.full_since is None:
            return False
        if now - max(self.full_since, last_failure_at) < wedged_after:
            return False
        return self.is_missing or self.is_stalled or (self.is_shown and self.is_starving)


def assess(views: Iterable[PoolView], *, now: float, last_failure_at: float, wedged_after: float) -> Assessment:
    """Assess the pools of one database.

    Args:
        views: its pools; those that have ended are left out.
        now: monotonic seconds.
        last_failure_at: when the database was last seen failing, on the same clock.
        wedged_after: seconds without a check-in after which a full pool is wedged.
    """
    wedged: list[PoolState] = []
    exhausted: list[PoolState] = []
    leaking: list[PoolState] = []
    silent: list[SilentWorker] = []
    for view in views:
        if view.is_wedged(now, last_failure_at=last_failure_at, wedged_after=wedged_after):
            wedged.append(view.state)
        elif view.is_exhausted:
            exhausted.append(view.state)
        elif view.is_leaking and view.is_shown:
            leaking.append(view.state)
        if view.silent_worker.silent:
            silent.append(view.silent_worker)
    oldest = _oldest_checkout(wedged or exhausted or leaking)
    return Assessment(bool(exhausted), bool(wedged), oldest, tuple(silent))


def _oldest_checkout(states: Sequence[PoolState]) -> OldestCheckout | None:
    found = max(states, key=lambda state: state.oldest_checkout_seconds or 0.0, default=None)
    if found is None:
        return None
    return OldestCheckout(
        found.pool,
        found.worker,
        found.oldest_location,
        found.oldest_doing,
        found.oldest_checkout_seconds,
    )


@dataclass(frozen=True, slots=True)
class AppPoolFacts:
    """An assessment in the fields that it had before."""

    exhausted: bool = False
    wedged: bool = False
    culprit_pool: str | None = None
    culprit_worker: str | None = None
    culprit_location: str | None = None
    culprit_doing: str | None = None
    culprit_age_seconds: float | None = None
    silent_workers: tuple[SilentWorker, ...] = ()
