"""What TLS and a password on the port of metrics cost: the memory of an exporter with a web configuration."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from bench import footprint
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.web_config import TLS, USERS, WebConfigFolder, ask, client_context

if TYPE_CHECKING:
    from bench.bed import Bed

COPIES = 3
REQUESTS = 100
SETTLED = 3.0  # seconds after the last request


def memory(bed: Bed) -> tuple[float, float]:
    """Return the median RssAnon in MiB, without a web configuration and with one; both with a second listener."""
    web = WebConfigFolder(bed.server_factory.folder("web"), Authority())
    web.configure(TLS + USERS)
    plain, secured = [], []
    for _ in range(COPIES):
        plain.append(_anonymous(bed, None))
        secured.append(_anonymous(bed, web))
    return statistics.median(plain), statistics.median(secured)


def _anonymous(bed: Bed, web: WebConfigFolder | None) -> float:
    port = free_port()
    exporter = bed.exporter(METRICS_PORT=str(port), WEB_CONFIG_FILE="" if web is None else web.path)
    context = None if web is None else client_context(web.root)
    for _ in range(REQUESTS):
        exporter.get("/healthz")
        if ask(port, context)[0] != 200:
            raise RuntimeError("the metrics' port does not answer")
    time.sleep(SETTLED)
    found = footprint.status(exporter.pid, "RssAnon")
    exporter.end()
    return found
