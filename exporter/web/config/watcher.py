"""Keeps the configuration current: loads it at the start, and again when the file or a certificate changes."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from exporter.web.config.access import AccessControl
from exporter.web.config.load import LoadedConfig, fingerprint, parse_in_child
from exporter.web.config.model import WebConfigError
from exporter.web.config.tls_listener import TlsAcceptor

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.web.config.load import Fingerprint
    from exporter.web.config.model import WebConfig

log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0  # between two looks at the files; a look takes 20 µs


class WebConfigWatcher:
    """One configuration file and what obeys it.

    Attributes:
        acceptor: puts TLS on connections.
        access: lets requests in.
        problem: why the latest change is not in use; empty where it is.
        last_success: when a configuration was taken last, in seconds since 1970.
    """

    def __init__(
        self,
        path: str,
        loaded: LoadedConfig,
        seen: Fingerprint,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        """Begin with what `load` has loaded; `seen` is of the file before that, and of the files that it names."""
        self._path, self._parsed, self._seen = path, loaded.config, seen
        self._wall_clock = wall_clock
        self.acceptor = TlsAcceptor(loaded.context)
        self.access = AccessControl(loaded.config, loaded.context, clock=clock)
        self.problem = ""
        self.last_success = wall_clock()
        _log_notes(loaded.config)

    @classmethod
    async def load(cls, path: str, *, clock: Callable[[], float], wall_clock: Callable[[], float]) -> WebConfigWatcher:
        """Load the file for the first time.

        Raises:
            WebConfigError: it cannot be used; the sentence names the file and the key.
        """
        before = fingerprint([path])
        config = await parse_in_child(path)
        seen = (*before, *fingerprint(config.files))
        return cls(path, LoadedConfig.make(config, path), seen, clock=clock, wall_clock=wall_clock)

    async def run(self) -> None:
        """Look for changes until it is cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self.check()

    async def check(self) -> None:
        """Take the files if they have changed since the last look; what cannot be used changes nothing."""
        while (seen := fingerprint([self._path, *self._parsed.files])) != self._seen:
            parse = seen[0] != self._seen[0] or bool(self.problem)
            self._seen = seen
            await self._reload(parse=parse)

    async def close(self) -> None:
        """End handshakes and attempts under way."""
        self.acceptor.close()
        await self.access.close()

    async def _reload(self, *, parse: bool) -> None:
        try:
            if parse:
                self._parsed = await parse_in_child(self._path)
                self._seen = (self._seen[0], *fingerprint(self._parsed.files))
            loaded = LoadedConfig.make(self._parsed, self._path)
        except WebConfigError as error:
            problem = f"{error}; the former configuration stays in use"
            if problem != self.problem:
                log.error("%s", problem)  # noqa: TRY400 - the sentence is enough
            self.problem = problem
            return
        if parse:
            _log_notes(loaded.config)
        self.acceptor.context = loaded.context
        self.access.use(loaded.config, loaded.context)
        self.problem, self.last_success = "", self._wall_clock()
        log.info("the web configuration has changed and is in use")


def _log_notes(config: WebConfig) -> None:
    for note in config.notes:
        log.warning("WEB_CONFIG_FILE: %s", note)
