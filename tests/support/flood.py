"""Clients that flood a port from a process of their own, and the kubelet's probes meanwhile."""

import asyncio
import sys
import time
from pathlib import Path

from tests.support.exporter import DEADLINE, Exporter

PAUSE = 0.2  # seconds between two probes


async def flood(module: str, port: int, *, rate: float, seconds: float) -> str:
    """Run a client of `tests.support` to its end; what it printed."""
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"tests.support.{module}", str(port), str(rate), str(seconds)),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await client.communicate()
    assert client.returncode == 0
    return printed.decode()


async def probe(exporter: Exporter, *, status: int, seconds: float) -> int:
    """Ask /healthz as a kubelet does, each answer with its status and within its deadline; how often."""
    ends, asked = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        answer = await asyncio.to_thread(exporter.get, "/healthz")
        assert answer.status == status
        assert answer.seconds <= DEADLINE, f"/healthz took {answer.seconds:.3f} s"
        asked += 1
        await asyncio.sleep(PAUSE)
    return asked
