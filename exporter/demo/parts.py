"""The demo's parts: processes with a clean environment and a log, that end with whoever started them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from exporter.demo.processes import dying_with_parent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "TMPDIR", "PYTHONDONTWRITEBYTECODE")
PATIENCE = 2.0  # seconds that a part has to end by itself


@dataclass(frozen=True, slots=True)
class Part:
    """One running process and where it writes."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    async def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, and kill it if it does not."""
        for each in (number, signal.SIGKILL):
            if self.process.returncode is None:
                self.process.send_signal(each)
            try:
                await asyncio.wait_for(self.process.wait(), PATIENCE)
            except TimeoutError:
                continue
            return

    def last_words(self, count: int = 5) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


async def start(
    name: str,
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    user: int | None = None,
) -> Part:
    """Start a process in the demo's folder; of the environment it gets what is given and little else."""
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        process = await _spawn(command, folder=folder, output=output, environment=environment or {}, user=user)
    return Part(name, process, log)


async def _spawn(
    command: Sequence[str | Path],
    *,
    folder: Path,
    output: IO[bytes],
    environment: Mapping[str, str],
    user: int | None,
) -> asyncio.subprocess.Process:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    return await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=folder,
        env={**inherited, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        preexec_fn=dying_with_parent(),  # two system calls, which take no lock
        **identity,  # type: ignore[arg-type]
    )


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs one of our modules."""
    return [sys.executable, "-m", module, *arguments]


def our_path() -> dict[str, str]:
    """Return the environment in which a child finds this package, installed or not."""
    place = str(Path(__file__).parents[2])
    return {"PYTHONPATH": os.pathsep.join(filter(None, (place, os.environ.get("PYTHONPATH"))))}
