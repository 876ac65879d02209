"""The dropped datagrams: counted by reason, and each reason logged once."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from exporter.app_pools.report import Rejection

if TYPE_CHECKING:
    from exporter.app_pools.report import RejectedError

log = logging.getLogger(__name__)

_MAX_NAMED = 16  # subjects for each reason: a peer that invents names must not fill the log
_WORDS = {
    Rejection.OVERSIZED: "a datagram was dropped: it is larger than a report may be",
    Rejection.MALFORMED: "a datagram was dropped: it is not a report",
    Rejection.VERSION: "a report was dropped: it has another version of the wire format",
    Rejection.FIELD: "a report was dropped: one of its fields has a wrong type or size",
    Rejection.WORKERS: "the reports of a process were dropped: so many report already that no more are kept",
    Rejection.POOLS: "the reports of pool %s were dropped: so many pools are in use that no more are kept",
    Rejection.SOURCE: "a report from %s was dropped: only this pod's addresses may send; APP_POOL_SOURCES allows more",
}


class Rejections:
    """Counts datagrams that were dropped, and logs each reason once, with the pool or address that it concerns."""

    def __init__(self) -> None:
        self._counts = Counter(dict.fromkeys(Rejection, 0))
        self._named: dict[Rejection, set[str]] = {reason: set() for reason in Rejection}

    def add(self, error: RejectedError) -> None:
        """Count one; log it if its reason and subject are new."""
        self._counts[error.reason] += 1
        named = self._named[error.reason]
        if error.subject not in named and len(named) < _MAX_NAMED:
            named.add(error.subject)
            words = _WORDS[error.reason]
            log.warning(words, *([error.subject] if error.subject else []), extra={"reason": error.reason.value})

    def counts(self) -> dict[Rejection, int]:
        """How many datagrams were dropped for each reason."""
        return dict(self._counts)
