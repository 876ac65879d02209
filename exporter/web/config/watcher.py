"""Keeps the configuration current: loads it at the start, and again when the file or a certificate changes."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from exporter.web.config.access import AccessControl
from exporter.web.config.load import LoadedConfig, fingerprint, parse_in_child
from exporter.web.config.model import WebConfig, WebConfigError
from exporter.web.config.tls_listener import TlsAcceptor

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.web.config.load import Fingerprint

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
        loaded: LoadedConfig | None,
        seen: Fingerprint,
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        problem: str = "",
    ) -> None:
        """Begin with what `load` has loaded; `seen` is of the file before that, and of the files that it names."""
        self._path, self._parsed, self._seen = path, loaded.config if loaded is not None else WebConfig(), seen
        self._wall_clock = wall_clock
        context = loaded.context if loaded is not None else None
        self.acceptor = TlsAcceptor(context)
        self.access = AccessControl(loaded.config if loaded is not None else None, context, clock=clock)
        self.problem = problem
        self.last_success = wall_clock() if loaded is not None else 0.0
        _log_notes(self._parsed)

    @classmethod
    async def load(
        cls, setting: str, *, clock: Callable[[], float], wall_clock: Callable[[], float]
    ) -> WebConfigWatcher:
        """Load the file for the first time.

        Args:
            setting: its path; with a `-` before it, as systemd writes it, one that cannot be used closes the listener
                until it can, and ends nothing.
            clock: monotonic seconds.
            wall_clock: seconds since 1970.

        Raises:
            WebConfigError: it cannot be used; the sentence names the file and the key.
        """
        path = setting.removeprefix("-")
        seen = fingerprint([path])
        try:
            config = await parse_in_child(path)
            seen = (*seen, *fingerprint(config.files))
            loaded = LoadedConfig.make(config, path)
        except WebConfigError as error:
            if path == setting:
                raise
            problem = f"{error}; METRICS_PORT answers 503 until that is mended"
            log.error("%s", problem)  # noqa: TRY400 - the sentence is enough
            return cls(path, None, seen[:1], clock=clock, wall_clock=wall_clock, problem=problem)
        return cls(path, loaded, seen, clock=clock, wall_clock=wall_clock)

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
            what_now = "the former configuration stays in use" if self.last_success else "METRICS_PORT answers 503"
            problem = f"{error}; {what_now}"
            if problem != self.problem:
                log.error("%s", problem)  # noqa: TRY400 - the sentence is enough
            self.problem = problem
            return
        if parse:
            _log_notes(loaded.config)
        self.acceptor.context = loaded.context
        self.access.use(loaded.config, loaded.context)
        self.problem, self.last_success = "", self._wall_clock()
        log.info("the web configuration has changed and is in use: %s", _protection(loaded.config))


def _protection(config: WebConfig) -> str:
    """Name what protects the listener now: a file that was emptied by mistake protects nothing."""
    tls, passwords = ("with" if found else "without" for found in (config.tls, config.users))
    return f"{tls} TLS, {passwords} passwords"


def _log_notes(config: WebConfig) -> None:
    for note in config.notes:
        log.warning("WEB_CONFIG_FILE: %s", note)
