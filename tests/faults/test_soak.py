"""After thousands of requests and faults the exporter is as big as before: `SOAK_CYCLES=1000` runs them all."""

import os
from contextlib import ExitStack

import pytest

from tests.conftest import StartExporter
from tests.support import processes
from tests.support.background import Background
from tests.support.exporter import Exporter
from tests.support.postgres import Postgres
from tests.support.proxy import Proxy
from tests.support.waiting import until

CYCLES = int(os.environ.get("SOAK_CYCLES", "30"))
WARM = max(60, CYCLES // 5)  # until the heap no longer grows: a few hundred probes, most of all on Python 3.13
REQUESTS = 5  # for each fault, on connections of their own
MEGABYTE = 1024 * 1024
QUICK = {"PROBE_TIMEOUT": "0.15", "PROBE_INTERVAL": "0.1", "FRESH_PROBE_INTERVAL": "0.3", "HEALTH_MAX_AGE": "0.05"}


class Faults:
    """Provokes every fault in turn and ends it again."""

    def __init__(self, exporter: Exporter, server: Postgres, proxy: Proxy) -> None:
        """Begin with the first."""
        self._exporter, self._server, self._proxy = exporter, server, proxy
        self._done = 0

    def next(self) -> None:
        """Provoke the next fault, wait for the failure, end it, wait for success; send requests all the while."""
        kinds = (self._freeze, self._cut, self._shutdown, self._latency)
        kinds[self._done % len(kinds)]()
        self._done += 1
        for _ in range(REQUESTS):
            self._exporter.get("/healthz")
            self._exporter.get("/metrics")
        until(lambda: self._exporter.get("/healthz").status == 200, within=10, what="healthy again")

    def _fails(self) -> None:
        until(lambda: self._exporter.get("/healthz").status == 503, within=10, what="the fault is seen")

    def _freeze(self) -> None:
        self._server.freeze()
        self._fails()
        self._server.thaw()

    def _cut(self) -> None:
        self._proxy.cut_after = 0
        self._fails()
        self._proxy.cut_after = None

    def _shutdown(self) -> None:
        self._server.stop("immediate")
        self._fails()
        self._server.start()

    def _latency(self) -> None:
        self._proxy.latency = 0.4
        self._fails()
        self._proxy.latency = 0


@pytest.mark.extended
def test_a_thousand_faults_leave_nothing_behind(
    server: Postgres, background: Background, cleanup: ExitStack, start_exporter: StartExporter
) -> None:
    """However often the database breaks and however many ask, memory, sockets, tasks and threads stay as they were."""
    proxy = Proxy(background, (server.host, server.port))
    cleanup.callback(proxy.close)
    exporter = start_exporter(server.url(host="127.0.0.1", port=proxy.port), **QUICK, LOG_LEVEL="error")
    faults = Faults(exporter, server, proxy)
    for _ in range(WARM):
        faults.next()
    before, held = processes.resident_bytes(exporter.process.pid), exporter.holdings()

    for _ in range(CYCLES):
        faults.next()

    assert processes.resident_bytes(exporter.process.pid) - before <= MEGABYTE
    until(lambda: exporter.holdings().files <= held.files, within=4, what=f"as before: {held}")
    assert exporter.holdings().threads <= held.threads
    assert not exporter.complaints()
