"""Outlives the tests and clears up after them, however they ended: run with the folder as argument.

It waits for the end of its standard input, which comes when pytest closes it, is interrupted or is killed.
Then it kills every process that works inside the folder, which ends the namespaces, mounts and firewall
rules, and removes the servers' shared memory and the folder. It keeps no state.
"""

import ctypes
import os
import shutil
import signal
import sys
import time
from pathlib import Path

IPC_RMID = 0


def processes_inside(folder: str) -> list[int]:
    """Processes whose working directory is the folder or below it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            place = str((entry / "cwd").readlink())
        except OSError:
            continue
        if place == folder or place.startswith(folder + "/"):
            found.append(int(entry.name))
    return found


def kill_all(folder: str) -> None:
    """Kill until no process is left; SIGKILL ends stopped processes too."""
    limit = time.monotonic() + 10
    while (pids := processes_inside(folder)) and time.monotonic() < limit:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


def remove_shared_memory(folder: str) -> None:
    """PostgreSQL's System V segment survives SIGKILL; line 7 of postmaster.pid names it."""
    libc = ctypes.CDLL(None)
    for file in Path(folder).glob("**/postmaster.pid"):
        lines = file.read_text().splitlines()
        if len(lines) > 6 and len(words := lines[6].split()) == 2:
            libc.shmctl(int(words[1]), IPC_RMID, None)


def main() -> None:
    """Wait, then clear."""
    folder = sys.argv[1]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.buffer.read()
    kill_all(folder)
    remove_shared_memory(folder)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
