"""The event loop's exception handler: a lack of files or memory is logged once a minute, not at every attempt."""

from __future__ import annotations

import errno
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

log = logging.getLogger(__name__)

LOG_INTERVAL = 60.0  # seconds between two lines about connections that cannot be accepted
_LACKS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class RateLimitedExceptionHandler:
    """Logs one line a minute about connections that cannot be accepted; asyncio reports several a second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Log the first one at once; `clock` is monotonic seconds."""
        self._clock = clock
        self._quiet_until = clock()

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log a connection that cannot be accepted; leave everything else to asyncio's own handler."""
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in _LACKS and "accept" in context["message"]):
            loop.default_exception_handler(context)
        elif self._clock() >= self._quiet_until:
            self._quiet_until = self._clock() + LOG_INTERVAL
            log.error("cannot accept connections: %s", error.strerror)
