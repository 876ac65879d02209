"""A flood of TLS handshakes: probes are answered in time, and another client's handshake is completed."""

import asyncio
import socket
import time
from contextlib import ExitStack

import pytest

from tests.conftest import StartExporter
from tests.support import processes
from tests.support.certificates import Authority, with_large_key
from tests.support.flood import flood, probe
from tests.support.ports import free_port
from tests.support.server_factory import ServerFactory
from tests.support.web_config import TLS, WebConfigFolder, client_context

NOWHERE = "postgresql://app@127.0.0.1:1/app"
RATE, SECONDS = 400, 6  # the signatures alone would take more than twice the time of the event loop
MOST = 0.7  # of a core: a fifth for handshakes, the rest for connections and the probes


@pytest.fixture
def web(server_factory: ServerFactory, authority: Authority) -> WebConfigFolder:
    """The configuration's folder."""
    found = WebConfigFolder(server_factory.folder("web"), authority)
    found.configure(TLS)
    return found


@pytest.mark.extended
async def test_signatures_have_a_share_of_the_event_loop(start_exporter: StartExporter, web: WebConfigFolder) -> None:
    """With a key whose signatures take 6 ms each."""
    web.renew(with_large_key())
    port = free_port()
    exporter = start_exporter(NOWHERE, METRICS_PORT=str(port), WEB_CONFIG_FILE=web.path)
    before, began = processes.cpu_seconds(exporter.process.pid), time.monotonic()

    await asyncio.gather(
        flood("handshake_flood", port, rate=RATE, seconds=SECONDS), probe(exporter, status=503, seconds=SECONDS)
    )

    used = (processes.cpu_seconds(exporter.process.pid) - before) / (time.monotonic() - began)
    print(f"{used:.2f} of a core")
    assert used < MOST


def test_idle_handshakes_of_one_address_end_none_of_another(
    start_exporter: StartExporter, web: WebConfigFolder, cleanup: ExitStack
) -> None:
    """A slow client completes its handshake, though it is the oldest of many."""
    port = free_port()
    start_exporter(NOWHERE, METRICS_PORT=str(port), WEB_CONFIG_FILE=web.path)
    slow = cleanup.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
    for _ in range(100):
        cleanup.enter_context(socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0)))

    context = client_context(web.root)
    with context.wrap_socket(slow, server_hostname="localhost") as connection:
        connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.0 200"
