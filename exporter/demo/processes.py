"""Process trees: found, frozen, thawed and ended, so that nothing of the demo outlives it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
IPC_RMID = 0


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that none escapes (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def dying_with_parent() -> Callable[[], None]:
    """Return what a child calls before its program starts, so that the kernel kills it when its parent is killed."""
    parent = os.getpid()
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before the fork

    def bind() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind


def descendants(pid: int) -> list[int]:
    """Return all that descend from a process, parents first."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found = [pid]
    for each in found:
        found.extend(children.get(each, []))
    return found[1:]


def freeze(pid: int) -> None:
    """Stop a whole tree: again until no child was born meanwhile."""
    stopped: set[int] = set()
    while new := [each for each in (pid, *descendants(pid)) if each not in stopped]:
        send(new, signal.SIGSTOP)
        stopped.update(new)


def thaw(pid: int) -> None:
    """Let a whole tree run again."""
    send([pid, *descendants(pid)], signal.SIGCONT)


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal each process that still exists."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def end_descendants(*, within: float = 5.0) -> None:
    """Kill and reap whatever still descends from this process."""
    limit = time.monotonic() + within
    while time.monotonic() < limit:
        send(descendants(os.getpid()), signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def remove_shared_memory(data: Path) -> None:
    """Remove the segment that a killed PostgreSQL leaves; the seventh line of postmaster.pid names it."""
    with contextlib.suppress(OSError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        words = lines[6].split() if len(lines) > 6 else []  # noqa: PLR2004 - the line's place in the file
        if len(words) == 2:  # noqa: PLR2004 - key and segment
            ctypes.CDLL(None).shmctl(int(words[1]), IPC_RMID, None)


def _parents() -> Iterable[tuple[int, int]]:
    """Yield each process and its parent."""
    if not Path("/proc/self/stat").exists():
        text = subprocess.run(["/bin/ps", "-axo", "pid=,ppid="], capture_output=True, check=True).stdout
        numbers = map(int, text.split())
        yield from zip(numbers, numbers, strict=True)
        return
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # The name before the last bracket may hold anything; state and parent follow it.
            yield int(entry.name), int((entry / "stat").read_text().rpartition(")")[2].split()[1])


def clear(folder: Path) -> None:
    """Leave nothing: neither a process that descends from this one, nor shared memory, nor the folder."""
    end_descendants()
    remove_shared_memory(folder / "data")
    shutil.rmtree(folder, ignore_errors=True)
