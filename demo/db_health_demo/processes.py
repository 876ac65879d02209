"""The demo's processes: started with a clean environment, frozen and thawed as trees, and all ended at the end."""

import asyncio
import ctypes
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "TMPDIR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
GRACE, CLEARED_WITHIN = 2.0, 5.0  # seconds for a process to end by itself, and for killing the rest
DIE_WITH_PARENT, ADOPT_ORPHANS, IPC_RMID = 1, 36, 0  # PR_SET_PDEATHSIG and PR_SET_CHILD_SUBREAPER of prctl
LIBC = ctypes.CDLL(None)  # loaded before any fork


@dataclass(frozen=True, slots=True)
class Part:
    """One running process and its log; `stop` is the signal for an orderly end."""

    name: str
    process: asyncio.subprocess.Process
    log: Path
    stop: signal.Signals

    async def end(self) -> None:
        """Send it `stop`, frozen or not, and kill it if it does not end."""
        self.thaw()
        for each in (self.stop, signal.SIGKILL):
            if self.process.returncode is None:
                self.process.send_signal(each)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), GRACE)
                return

    def freeze(self) -> None:
        """Stop the process, then all its descendants: a stopped one makes no new ones."""
        _apply(psutil.Process.suspend, _tree(self.process.pid)[:1])
        _apply(psutil.Process.suspend, _tree(self.process.pid))

    def thaw(self) -> None:
        """End a freeze."""
        _apply(psutil.Process.resume, _tree(self.process.pid))

    def last_lines(self) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])


async def start(
    folder: Path, name: str, command: Sequence[str | Path], environment: dict[str, str], **options: Any
) -> Part:
    """Start a process in the demo's folder, with little more than this environment; it dies with this process."""
    stop = options.pop("stop", signal.SIGTERM)
    options |= {"cwd": folder, "start_new_session": True, "stdin": asyncio.subprocess.DEVNULL}  # no Ctrl-C reaches it
    options["env"] = {each: os.environ[each] for each in INHERITED if each in os.environ} | environment
    options["preexec_fn"] = partial(tell_kernel, DIE_WITH_PARENT, signal.SIGKILL)  # a system call, which takes no lock
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output, **options)
    return Part(name, process, log, stop)


def tell_kernel(option: int, value: int) -> None:
    """Set what happens to this process, or to its descendants, when their parents die (Linux only)."""
    if sys.platform == "linux":
        LIBC.prctl(option, value, 0, 0, 0)


def clear(folder: Path) -> None:
    """Remove everything: this process's descendants, the shared memory and the folder."""
    deadline = time.monotonic() + CLEARED_WITHIN
    while (left := _tree(os.getpid())[1:]) and time.monotonic() < deadline:
        _apply(psutil.Process.kill, left)
        psutil.wait_procs(left, timeout=0.2)  # orphans become children of this process: look again
    with suppress(OSError, IndexError, ValueError):  # a killed PostgreSQL leaves a segment
        _, segment = (folder / "data" / "postmaster.pid").read_text().splitlines()[6].split()
        LIBC.shmctl(int(segment), IPC_RMID, None)
    shutil.rmtree(folder, ignore_errors=True)


def _tree(pid: int) -> list[psutil.Process]:
    """Return a process and all that descend from it, parents first; nothing where it has ended."""
    with suppress(psutil.NoSuchProcess):
        return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return []


def _apply(do: Callable[[psutil.Process], None], found: Iterable[psutil.Process]) -> None:
    for process in found:
        with suppress(psutil.NoSuchProcess):
            do(process)
