"""A token bucket: how many requests in a time, and how many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.web.config.model import RateLimit


class TokenBucket:
    """Full at first; one token comes back in each interval, up to the burst."""

    def __init__(self, limit: RateLimit, *, clock: Callable[[], float]) -> None:
        """Start full; `clock` is monotonic seconds."""
        self._limit, self._clock = limit, clock
        self._tokens, self._since = float(limit.burst), clock()

    def take(self) -> bool:
        """Take a token, if there is one."""
        now = self._clock()
        self._tokens = min(self._limit.burst, self._tokens + (now - self._since) / self._limit.interval)
        self._since = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
