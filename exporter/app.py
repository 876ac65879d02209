"""The program: its parts put together from plain values, started and ended in order."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from aiohttp import web

from exporter.app_pools.receiver import listen
from exporter.app_pools.registry import AppPools
from exporter.database.engine import PoolOptions
from exporter.database.pool_stats import SidecarPool
from exporter.metrics.registry import Metrics
from exporter.model.outcome import Outcome
from exporter.model.result import ProbePath, ProbeResult
from exporter.probing.config import Plan, Sensors
from exporter.probing.monitor import Watch
from exporter.probing.probe import Limits
from exporter.runtime.loop_monitor import Pulse
from exporter.web.health import HealthService
from exporter.web.listener import KEEP_ALIVE, format_address, open_listener
from exporter.web.routes import health_routes, make_application, metrics_routes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.app_pools.receiver import ReportSocket
    from exporter.settings.config import Database, Values

log = logging.getLogger(__name__)

DRAIN = 0.5  # seconds between "not ready" and the end: whoever asks meanwhile is told
SHUTDOWN = 0.5  # seconds for requests under way; every answer is due within the probe's own time-out


class CannotListenError(Exception):
    """An address cannot be listened on; the text names the setting to change."""


class Program:
    """The exporter: `start` it and `stop` it in one event loop."""

    def __init__(self, values: Values) -> None:
        """Put the parts together; nothing is connected or listened on yet."""
        self._values = values
        pulse = Pulse(time.monotonic)
        self._pulse = pulse
        self.app_pools = _app_pools(values, on_change=self._changed) if values.app_pool_listen != "off" else None
        sensors = Sensors(
            clock=time.monotonic,
            wall_clock=time.time,
            on_reading=self._on_reading,
            app_pools=self._app_facts,
        )
        self.watches = {each.name: Watch(plan(values, each), sensors) for each in values.databases}
        self._pools = {name: SidecarPool(watch.pooled_engine, database=name) for name, watch in self.watches.items()}
        self.service = HealthService(
            self.watches,
            pulse=pulse,
            pools=list(self._pools.values()),
            app_pools=self.app_pools,
            max_age=values.health_max_age,
            readiness=values.readiness,
        )
        self.metrics = Metrics(
            self.watches,
            pools=list(self._pools.values()),
            app_pools=self.app_pools,
            tasks=lambda: len(asyncio.all_tasks()),
            lag=lambda: pulse.lag,
            clock=time.monotonic,
        )
        self._runners: list[web.AppRunner] = []
        self._doors: list[asyncio.Server] = []
        self._listener: ReportSocket | None = None
        self._beating: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> list[str]:
        """Where it listens, with the ports that the system chose."""
        return [format_address(each.getsockname()) for door in self._doors for each in door.sockets]

    async def start(self) -> None:
        """Listen, then start to probe.

        Raises:
            CannotListenError: an address is in use, or not this machine's.
        """
        values = self._values
        health, metrics = health_routes(self.service), metrics_routes(self.service, self.metrics)
        self._beating = asyncio.create_task(self._pulse.beat(), name="pulse")
        if values.metrics_port is None:
            await self._serve(make_application(health, metrics), values.listen_port, "LISTEN_PORT")
        else:
            await self._serve(make_application(health), values.listen_port, "LISTEN_PORT")
            # The page there links to the health endpoints, too.
            await self._serve(make_application(health, metrics), values.metrics_port, "METRICS_PORT")
        if self.app_pools is not None:
            own = [values.pod_ip] if values.pod_ip else []
            with _naming("APP_POOL_LISTEN"):
                self._listener = await listen(self.app_pools, values.app_pool_listen, sources=own)
        for watch in self.watches.values():
            watch.start()

    async def stop(self, *, drain: float = DRAIN) -> None:
        """Say "not ready", answer for a moment more, and end everything at once."""
        self.service.shutting_down = True
        await asyncio.sleep(drain)
        if self._listener is not None:
            self._listener.close()
        for door in self._doors:
            door.close()
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
        await asyncio.gather(*(watch.close() for watch in self.watches.values()))
        if self._beating is not None:
            self._beating.cancel()
            with suppress(asyncio.CancelledError):
                await self._beating

    async def _serve(self, app: web.Application, port: int, setting: str) -> None:
        runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=SHUTDOWN,
            lingering_time=0,
            keepalive_timeout=KEEP_ALIVE,
        )
        await runner.setup()
        self._runners.append(runner)
        server = runner.server
        if server is not None:  # it is there after the set-up
            with _naming(setting if self._values.listen_host is None else f"{setting} or LISTEN_HOST"):
                self._doors.append(await open_listener(server, self._values.listen_host, port))

    def _on_reading(self, database: str, path: ProbePath, reading: ProbeResult) -> None:
        if path is ProbePath.POOLED and reading.outcome is Outcome.POOL_EXHAUSTED:
            self._pools[database].timeouts += 1
        self.metrics.count(database, path, reading)

    def _changed(self) -> None:
        for watch in self.watches.values():
            watch.verdict()  # an application's pool may have changed it: then it is logged
        self.metrics.changed()

    def _app_facts(self, database: str, well_since: float) -> tuple[bool, bool]:
        if self.app_pools is None:
            return (False, False)
        facts = self.app_pools.facts(database, well_since=well_since)
        return (facts.exhausted, facts.wedged)


def plan(values: Values, database: Database) -> Plan:
    """Say what one database's watch needs of the settings."""
    return Plan(
        name=database.name,
        source=database.source,
        pool=PoolOptions(
            size=values.pool_size,
            max_overflow=values.max_overflow,
            recycle=values.pool_recycle,
            timeout=values.probe_timeout,
            echo=values.echo,
            test=values.environment == "test",
        ),
        limits=Limits(timeout=values.probe_timeout, linger=2 * values.probe_timeout),
        expect=database.expect,
        required=database.required,
        interval=values.probe_interval,
        fresh_interval=values.fresh_probe_interval,
        write_interval=values.write_probe_interval,
        pod_ip=values.pod_ip,
        host=socket.gethostname(),
    )


@contextmanager
def _naming(setting: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotListenError(f"{setting}: cannot listen there ({error.strerror}): change it") from error


def _app_pools(values: Values, *, on_change: object) -> AppPools:
    names = {each.name: each.source.target().database for each in values.databases}
    return AppPools(
        databases=names,
        ttl=values.app_pool_ttl,
        wedged_after=values.app_pool_wedged_after,
        on_change=on_change,  # type: ignore[arg-type]
    )
