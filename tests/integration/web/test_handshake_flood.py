"""A flood of TLS handshakes: probes are answered in time, and another client's handshake is completed."""

import asyncio
import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import StartExporter
from tests.support import processes
from tests.support.certificates import Authority, with_large_key
from tests.support.exporter import DEADLINE, Exporter
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


async def probe(exporter: Exporter, *, seconds: float) -> None:
    """Ask /healthz as a kubelet does, each within its deadline."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        answer = await asyncio.to_thread(exporter.get, "/healthz")
        assert answer.seconds <= DEADLINE, f"/healthz took {answer.seconds:.3f} s"
        await asyncio.sleep(0.2)


@pytest.mark.extended
async def test_signatures_have_a_share_of_the_event_loop(start_exporter: StartExporter, web: WebConfigFolder) -> None:
    """With a key whose signatures take 6 ms each."""
    web.renew(with_large_key())
    port = free_port()
    exporter = start_exporter(NOWHERE, METRICS_PORT=str(port), WEB_CONFIG_FILE=web.path)
    before, began = processes.cpu_seconds(exporter.process.pid), time.monotonic()

    flood = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.handshake_flood", str(port), str(RATE), str(SECONDS)),
        cwd=Path(__file__).parents[3],
    )
    await probe(exporter, seconds=SECONDS)
    assert await flood.wait() == 0

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
