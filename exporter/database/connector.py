"""New driver connections to the address in the settings, which is read anew for each."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from exporter.database import multihost
from exporter.database.attempt import current_attempt
from exporter.database.drivers.base import with_driver

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exporter.database.drivers.base import Driver
    from exporter.dsn import Source, Target

log = logging.getLogger(__name__)

TLS_REQUIRED = ("require", "verify-ca", "verify-full")


class Connector:
    """Connects for one engine, always by the driver that the engine was made with."""

    def __init__(
        self,
        source: Source,
        driver_name: str,
        driver: Driver,
        *,
        on_notes: Callable[[Sequence[str]], None] = lambda _: None,
    ) -> None:
        """Keep what each connect needs.

        Args:
            source: where to connect to; its files are read anew each time.
            driver_name: the driver's name in URLs.
            driver: the driver itself; it stays the same when a changed URL names another.
            on_notes: called at each connect with what is left out of the address or replaced, in sentences.
        """
        self._source = source
        self._driver_name = driver_name
        self._driver = driver
        self._on_notes = on_notes
        self._warned = False

    async def connect(self) -> Any:
        """Connect to the source's host, or to the first of its hosts that accepts.

        Raises:
            DsnError: a file is gone, or holds no usable URL.
            asyncpg.PostgresError, OSError: as `errors.classify` knows them, whichever the driver.
        """
        target = self._target()
        attempt = current_attempt()
        attempt.connecting()
        attempt.tls_required = target.sslmode in TLS_REQUIRED
        attempt.tls_disabled = target.sslmode == "disable" and not target.hosts[0][0].startswith("/")
        connection = await multihost.connect(target, self._driver)
        attempt.querying(connection, self._driver)
        return connection

    def _target(self) -> Target:
        target = self._source.target()
        self._on_notes(target.sentences)
        if target.driver == self._driver_name:
            return target
        if not self._warned:
            self._warned = True
            log.warning(
                "the URL names another driver: a restart is needed for %s, until then it is %s",
                target.driver,
                self._driver_name,
            )
        return with_driver(target, self._driver_name)
