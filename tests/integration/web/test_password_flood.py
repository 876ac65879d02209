"""A flood of wrong passwords: probes are answered in time, and memory does not grow."""

import asyncio
import base64
import time

import aiohttp
import pytest

from tests.conftest import StartExporter
from tests.support import processes
from tests.support.certificates import Authority
from tests.support.exporter import DEADLINE, Exporter
from tests.support.ports import free_port
from tests.support.server_factory import ServerFactory
from tests.support.web_config import PASSWORD, USER, WebConfigFolder

NOWHERE = "postgresql://app@127.0.0.1:1/app"
# bcrypt of "right" at the cost that htpasswd is told to take.
COSTLY = "$2y$10$Vh2r4xX/6dE8g22QgKKCGOezE/4Ocl8nhrYIjB/ULT4jk93O1rUZO"
RATE = 1000
CLIENTS = 20


def basic(password: str) -> dict[str, str]:
    """The header for a password of the user."""
    return {"Authorization": "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode()}


async def flood(port: int, *, seconds: float) -> dict[int, int]:
    """Send wrong passwords at `RATE`, or as fast as this machine can; the answers by status."""
    statuses: dict[int, int] = {}
    ends = time.monotonic() + seconds

    async def one(session: aiohttp.ClientSession, number: int) -> None:
        next_at, count = time.monotonic(), 0
        while time.monotonic() < ends:
            count += 1
            async with session.get(
                f"http://127.0.0.1:{port}/metrics", headers=basic(f"wrong{number}.{count}")
            ) as answer:
                await answer.read()
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
            next_at += CLIENTS / RATE
            await asyncio.sleep(max(0.0, next_at - time.monotonic()))

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(one(session, number) for number in range(CLIENTS)))
    return statuses


async def probe(exporter: Exporter, *, seconds: float) -> int:
    """Ask /healthz as a kubelet does, each within its deadline; how often."""
    ends, asked = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        answer = await asyncio.to_thread(exporter.get, "/healthz")
        assert answer.seconds <= DEADLINE, f"/healthz took {answer.seconds:.3f} s"
        asked += 1
        await asyncio.sleep(0.2)
    return asked


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.extended)])
async def test_probes_and_memory_are_unharmed(
    start_exporter: StartExporter, server_factory: ServerFactory, authority: Authority, seconds: int
) -> None:
    """Few hashes are computed whatever comes in; who was let in before still is."""
    web, port = WebConfigFolder(server_factory.folder("web"), authority), free_port()
    web.configure(f"basic_auth_users: {{{USER}: {COSTLY}}}\n")
    exporter = start_exporter(NOWHERE, METRICS_PORT=str(port), WEB_CONFIG_FILE=web.path)
    async with aiohttp.ClientSession(headers=basic(PASSWORD)) as session:
        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            assert answer.status == 200
        await flood(port, seconds=2)  # what a first flood needs is needed once
        before = processes.resident_bytes(exporter.process.pid, "RssAnon")

        statuses, asked = await asyncio.gather(flood(port, seconds=seconds), probe(exporter, seconds=seconds))

        grown = processes.resident_bytes(exporter.process.pid, "RssAnon") - before
        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            assert answer.status == 200
    print(f"{sum(statuses.values()) / seconds:.0f} requests a second, {statuses}, {asked} probes, {grown} bytes more")
    assert set(statuses) == {401, 429}
    assert statuses[401] <= 5 * seconds + 10
    assert asked >= seconds
    # Measured in a process just started: 1.5 MB in the first minute and half of that in the next.
    assert grown < 3_000_000
