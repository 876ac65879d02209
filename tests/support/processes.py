"""Process trees as /proc shows them: freeze, thaw, kill, and count what a process holds."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path


def children(pid: int) -> list[int]:
    """Direct children; none of a process that is gone."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in text.split()]


def tree(pid: int) -> list[int]:
    """The process and all that descend from it, parents first."""
    found = [pid]
    for parent in found:
        found.extend(children(parent))
    return found


def send(pids: list[int], number: signal.Signals) -> None:
    """Signal each process that still exists."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def freeze(pid: int) -> None:
    """Stop a whole tree: repeated until no new child has appeared."""
    stopped: set[int] = set()
    while new := [member for member in tree(pid) if member not in stopped]:
        send(new, signal.SIGSTOP)
        stopped.update(new)


def thaw(pid: int) -> None:
    """Let a whole tree run again."""
    send(tree(pid), signal.SIGCONT)


def kill(pid: int) -> None:
    """Kill a whole tree; it is frozen first, so that no new child escapes."""
    freeze(pid)
    send(tree(pid), signal.SIGKILL)


def title(pid: int) -> str:
    """The process's title."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def cpu_seconds(pid: int) -> float:
    """What the threads of a process have computed since its start, its children apart."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waited_for_cpu(pid: int) -> float:
    """Seconds in which the process's threads were ready to run and had no processor."""
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            total += int((task / "schedstat").read_text().split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total / 1e9


@dataclass(frozen=True)
class Holdings:
    """Counts of a process that a leak would raise."""

    threads: int
    files: int
    sockets: int


def holdings(pid: int) -> Holdings:
    """Count threads, open files and, among these, sockets."""
    links = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except FileNotFoundError:
            continue
    threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    return Holdings(threads=threads, files=len(links), sockets=sum(x.startswith("socket:") for x in links))


def resident_bytes(pid: int, field: str = "RssAnon") -> int:
    """One field of /proc/PID/status, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise LookupError(field)
