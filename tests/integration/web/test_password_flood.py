"""A flood of wrong passwords: probes are answered in time, and memory does not grow."""

import asyncio
import json

import pytest

from tests.conftest import StartExporter
from tests.support import processes
from tests.support.certificates import Authority
from tests.support.flood import flood, probe
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.server_factory import ServerFactory
from tests.support.web_config import USER, WebConfigFolder, ask

# bcrypt of "right" at the cost that htpasswd is told to take.
COSTLY = "$2y$10$Vh2r4xX/6dE8g22QgKKCGOezE/4Ocl8nhrYIjB/ULT4jk93O1rUZO"
RATE = 1000
SECONDS = 60
# Measured: 0.1 MB in three minutes at this rate, after a first half minute in which memory pools reach their size.
GROWTH = 700_000


async def attempt(port: int, *, seconds: float) -> dict[int, int]:
    """Send wrong passwords at `RATE`; the answers by status."""
    printed = await flood("password_flood", port, rate=RATE, seconds=seconds)
    return {int(status): number for status, number in json.loads(printed).items()}


@pytest.mark.extended
async def test_probes_and_memory_are_unharmed(
    healthy_server: Postgres,
    start_exporter: StartExporter,
    server_factory: ServerFactory,
    authority: Authority,
) -> None:
    """Every attempt is answered, few hashes are computed, and who was let in before still is."""
    web, port = WebConfigFolder(server_factory.folder("web"), authority), free_port()
    web.configure(f"basic_auth_users: {{{USER}: {COSTLY}}}\n")
    exporter = start_exporter(healthy_server.url(), METRICS_PORT=str(port), WEB_CONFIG_FILE=web.path)
    assert (await asyncio.to_thread(ask, port, None))[0] == 200
    await attempt(port, seconds=20)  # what a first flood needs is needed once
    before = processes.resident_bytes(exporter.process.pid, "RssAnon")

    statuses, asked = await asyncio.gather(attempt(port, seconds=SECONDS), probe(exporter, status=200, seconds=SECONDS))

    grown = processes.resident_bytes(exporter.process.pid, "RssAnon") - before
    assert (await asyncio.to_thread(ask, port, None))[0] == 200
    print(f"{sum(statuses.values()) / SECONDS:.0f} requests a second, {statuses}, {asked} probes, {grown} bytes more")
    assert set(statuses) == {401, 429}
    assert statuses[401] <= 5 * SECONDS + 60  # on each connection some are left when the flood ends
    assert asked >= SECONDS / 2
    assert grown < GROWTH
