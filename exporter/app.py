"""The program: puts its parts together, starts them and ends them in order."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Self

from aiohttp import web

from exporter.app_pools.receiver import listen
from exporter.app_pools.registry import AppPools
from exporter.metrics.registry import Metrics
from exporter.model.listen_address import ListenAddress
from exporter.probing.change_log import ChangeLog
from exporter.probing.config import monitor_config
from exporter.probing.monitor import Monitor
from exporter.runtime.loop_monitor import LoopMonitor
from exporter.runtime.tasks import running
from exporter.web.health import HealthService
from exporter.web.listener import format_address, open_listener
from exporter.web.routes import health_routes, make_application, metrics_routes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from exporter.model.pool import PoolState
    from exporter.settings.config import Config, DatabaseConfig
    from exporter.web.config.watcher import WebConfigWatcher

DRAIN_SECONDS = 0.5  # after a signal: /readyz answers 503 before the listeners close
SHUTDOWN_TIMEOUT = 0.5  # seconds for requests under way, beyond the drain


class CannotListenError(Exception):
    """An address cannot be listened on; the text names the setting to change."""


class App:
    """The exporter: it listens and probes while its context lasts."""

    def __init__(self, config: Config) -> None:
        """Put the parts together; nothing is connected or listened on yet."""
        self._config = config
        self._loop_monitor = loop_monitor = LoopMonitor(time.monotonic)
        self.monitors = {each.name: _make_monitor(config, each) for each in config.databases}
        listen_text = config.app_pool_listen
        self._report_address = None if listen_text == "off" else ListenAddress.parse(listen_text)
        self.app_pools = self._make_app_pools() if self._report_address is not None else None
        self.metrics = Metrics(
            self.monitors,
            app_pools=self.app_pools,
            tasks=lambda: len(asyncio.all_tasks()),
            lag=lambda: loop_monitor.lag,
            clock=time.monotonic,
        )
        for monitor in self.monitors.values():
            monitor.subscribe(self.metrics.update)
            monitor.subscribe(ChangeLog())
        self.service = HealthService(
            self.monitors,
            loop_monitor=loop_monitor,
            max_age=config.health_max_age,
            readiness=config.readiness,
        )
        self._web_config: WebConfigWatcher | None = None
        self._runners: list[web.AppRunner] = []
        self._listeners: list[asyncio.Server] = []
        self._stack = AsyncExitStack()

    @property
    def addresses(self) -> list[str]:
        """The addresses on which it listens, with the ports that the system chose."""
        return [format_address(each.getsockname()) for listener in self._listeners for each in listener.sockets]

    async def __aenter__(self) -> Self:
        """Listen, then start to probe.

        Raises:
            CannotListenError: an address is in use, or not this machine's.
            WebConfigError: the web configuration cannot be used.
        """
        async with AsyncExitStack() as stack:
            if self._config.web_config_file is not None:
                self._web_config = await self._load_web_config(self._config.web_config_file, stack)
            await stack.enter_async_context(running(self._loop_monitor.run(), name="loop-monitor"))
            stack.push_async_callback(self._close_monitors)
            stack.push_async_callback(self._close_http)
            await self._open_http()
            if self.app_pools is not None and self._report_address is not None:
                await self._open_app_pools(self.app_pools, self._report_address, stack)
            for monitor in self.monitors.values():
                monitor.start()
            stack.push_async_callback(self._drain)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Answer 503 on /readyz for `DRAIN_SECONDS`, then close listeners, monitors and tasks, in this order."""
        await self._stack.__aexit__(kind, error, traceback)

    def _pool_states(self) -> list[PoolState]:
        own = (monitor.pool.state() for monitor in self.monitors.values())
        reported = self.app_pools.states() if self.app_pools is not None else ()
        return [*reported, *(state for state in own if state is not None)]

    async def _load_web_config(self, path: str, stack: AsyncExitStack) -> WebConfigWatcher:
        from exporter.web.config.metrics import WebConfigCollector  # only where it is used: 0.3 MB
        from exporter.web.config.watcher import WebConfigWatcher

        watcher = await WebConfigWatcher.load(path, clock=time.monotonic, wall_clock=time.time)
        stack.push_async_callback(watcher.close)
        self.metrics.register(WebConfigCollector(watcher))
        await stack.enter_async_context(running(watcher.run(), name="web-config"))
        return watcher

    async def _open_http(self) -> None:
        config, watcher = self._config, self._web_config
        health = health_routes(self.service)
        metrics = metrics_routes(
            self.service, self.metrics, self._pool_states, lambda: watcher.problem if watcher is not None else ""
        )
        if config.metrics_port is None:
            await self._serve(make_application(health, metrics), config.listen_port, "LISTEN_PORT")
        else:
            await self._serve(make_application(health), config.listen_port, "LISTEN_PORT")
            # The page there links to the health endpoints, too.
            app = make_application(health, metrics)
            if watcher is not None:
                watcher.access.install(app)
            await self._serve(app, config.metrics_port, "METRICS_PORT", watcher)

    async def _serve(
        self, app: web.Application, port: int, setting: str, watcher: WebConfigWatcher | None = None
    ) -> None:
        runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_TIMEOUT)
        await runner.setup()
        self._runners.append(runner)
        server = runner.server
        if server is not None:  # made by the set-up
            with _naming_setting(setting if self._config.listen_host is None else f"{setting} or LISTEN_HOST"):
                wrap = watcher.acceptor.wrap if watcher is not None else None
                self._listeners.append(await open_listener(server, self._config.listen_host, port, wrap=wrap))

    async def _open_app_pools(self, app_pools: AppPools, address: ListenAddress, stack: AsyncExitStack) -> None:
        config = self._config
        sources = [config.pod_ip, *config.app_pool_sources] if config.pod_ip else config.app_pool_sources
        with _naming_setting("APP_POOL_LISTEN"):
            listener = await listen(app_pools, address, sources=sources)
        stack.callback(listener.close)

    async def _drain(self) -> None:
        self.service.shutting_down = True
        await asyncio.sleep(DRAIN_SECONDS)

    async def _close_http(self) -> None:
        for listener in self._listeners:
            listener.close()
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))

    async def _close_monitors(self) -> None:
        await asyncio.gather(*(monitor.close() for monitor in self.monitors.values()))

    def _make_app_pools(self) -> AppPools:
        config, monitors = self._config, self.monitors
        return AppPools(
            databases={each.name: each.source.database() or each.name for each in config.databases},
            ttl=config.app_pool_ttl,
            wedged_after=config.app_pool_wedged_after,
            on_change=self._assess_app_pools,
            last_failure_at=lambda database: monitors[database].status.last_failure_at,
        )

    def _assess_app_pools(self) -> None:
        """Give each monitor the present assessment of the application's pools."""
        self.metrics.clear_cache()
        if self.app_pools is not None:
            for name, monitor in self.monitors.items():
                monitor.update(self.app_pools.assess(name))


def _make_monitor(config: Config, database: DatabaseConfig) -> Monitor:
    return Monitor(monitor_config(config, database), clock=time.monotonic, wall_clock=time.time)


@contextmanager
def _naming_setting(setting: str) -> Iterator[None]:
    """Turn an error of the operating system into one that names the setting to change."""
    try:
        yield
    except OSError as error:
        raise CannotListenError(f"{setting}: cannot listen there ({error.strerror}): change it") from error
