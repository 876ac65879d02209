"""Makes the reports of one pool and sends them."""

from __future__ import annotations

import logging
import math
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

from db_health_reporter.instrumentation import instrumentation_of
from db_health_reporter.sender import Sender
from db_health_reporter.snapshot import take_snapshot
from db_health_reporter.wire_format import encode, identity_fields, total_fields

if TYPE_CHECKING:
    from db_health_reporter.engine_pools import EnginePools
    from db_health_reporter.identity import ProcessIdentity
    from db_health_reporter.settings import Settings

_MISSED_REPORTS = 2
_GRACE = 1.0  # seconds: a busy machine is late

logger = logging.getLogger("db_health_reporter")


class ReportWriter:
    """The reports of one engine's pool under one name, by one socket."""

    def __init__(
        self, name: str, settings: Settings, database: str | None, identity: ProcessIdentity, pools: EnginePools
    ) -> None:
        """Report under `name` by `settings`; `database` is None where nothing names it."""
        self.sender = Sender(settings.address)
        self._name, self._settings = name, settings
        self._database = database
        self._identity, self._pools = identity, pools
        self._has_logged_failure = self._has_logged_starvation = False

    def send(
        self,
        *,
        outside_loop: bool = False,
        stalled_thread: int | None = None,
        describe: bool = True,
        **seconds: float | None,
    ) -> None:
        """Send one report with these durations; never raises.

        Args:
            outside_loop: whether the pool's event loop may be running in another thread meanwhile.
            stalled_thread: the thread of an event loop that stands still.
            describe: whether to describe the holders of connections; takes locks.
            seconds: durations by the name of their field.
        """
        try:
            content = self._report(outside_loop=outside_loop, stalled_thread=stalled_thread, describe=describe)
            content.update({name: round(value, 6) for name, value in seconds.items() if value is not None})
            self.sender.send(encode(content))
        except Exception:  # a custom pool class may raise anything
            if not self._has_logged_failure:
                self._has_logged_failure = True
                logger.debug("pool %s could not be reported; later failures are not logged", self._name, exc_info=True)

    def send_goodbye(self) -> None:
        """Send the final totals."""
        self.sender.send(encode({**self._fields(), "bye": True}))

    def expect_next(self) -> None:
        """Set the time at which the next report is overdue."""
        instrumentation = self._pools.instrumentation
        if instrumentation is not None:
            instrumentation.overdue_at = perf_counter() + _MISSED_REPORTS * self._settings.interval + _GRACE

    def log_starved_thread(self) -> None:
        """Log once that uWSGI keeps the reporter's thread from running."""
        if "uwsgi" in sys.modules and not self._has_logged_starvation:
            self._has_logged_starvation = True
            logger.warning(
                "uWSGI runs no Python thread between two requests: set enable-threads, or workers seem silent"
            )

    def _report(self, *, outside_loop: bool, stalled_thread: int | None, describe: bool) -> dict[str, Any]:
        content = self._fields()
        pool = self._pools.present
        if pool is None:
            return content
        instrumentation = instrumentation_of(pool)
        if instrumentation is None:  # the application gave the engine another pool
            self._pools.instrument(pool)
            return content
        if describe:  # otherwise this is the report of an idle pool: one after each regular report is enough
            instrumentation.report_when_idle = bool(instrumentation.checkouts)
        self.expect_next()
        snapshot = take_snapshot(
            pool,
            instrumentation,
            leak_after=self._settings.leak_after if describe and self._settings.leak_after else math.inf,
            outside_loop=outside_loop,
            stalled_thread=stalled_thread,
        )
        return {**content, **snapshot}

    def _fields(self) -> dict[str, Any]:
        identity = identity_fields(
            self._identity, interval=self._settings.interval, pool=self._name, database=self._database
        )
        return {**identity, **total_fields(self._pools.totals)}
