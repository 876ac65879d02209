"""What the application's pools say about one database, for the verdict and for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SilentWorker:
    """Whether a worker that should report one of its pools is silent about it."""

    database: str
    pool: str
    worker: str
    silent: bool


@dataclass(frozen=True, slots=True)
class AppPoolFacts:
    """What the application's pools say about one database."""

    exhausted: bool = False
    wedged: bool = False
    culprit_pool: str | None = None
    culprit_worker: str | None = None
    culprit_location: str | None = None
    culprit_doing: str | None = None
    culprit_age_seconds: float | None = None
    silent_workers: tuple[SilentWorker, ...] = ()
