"""The costs of a process: memory as the kernel and the kubelet count it, and processor time."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024
V1 = Path("/sys/fs/cgroup/memory")
V2 = Path("/sys/fs/cgroup")


def status(pid: int, field: str) -> float:
    """A field of /proc/PID/status, in MiB."""
    return _field(Path(f"/proc/{pid}/status"), field)


def pss(pid: int) -> float:
    """The proportional set size, in MiB: pages shared with others count by their share."""
    return _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss")


def _field(path: Path, field: str) -> float:
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) / 1024
    raise LookupError(field)


@contextmanager
def memory_cgroup() -> Iterator[str]:
    """Make a memory control group; yield its folder, or an empty text where none can be made."""
    home = V1 if V1.is_dir() else V2
    folder = home / f"dbhealth-bench-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError:
        yield ""
        return
    try:
        yield str(folder) if (folder / "cgroup.procs").exists() and _usage(folder).exists() else ""
    finally:
        for _ in range(100):
            try:
                folder.rmdir()
                break
            except OSError:  # its last process is still ending
                time.sleep(0.05)


def working_set(folder: str) -> float:
    """Return the working set as the kubelet counts it, in MiB: charged memory less inactive file pages."""
    group = Path(folder)
    counted = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    inactive = int(counted.get("total_inactive_file", counted.get("inactive_file", "0")))
    return (int(_usage(group).read_text()) - inactive) / MIB


def _usage(group: Path) -> Path:
    return group / ("memory.usage_in_bytes" if V1 in group.parents else "memory.current")


def cpu_seconds(pid: int) -> float:
    """Processor time of all threads so far, in nanoseconds where the kernel gives them."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def cpu_ticks(pid: int) -> float:
    """Processor time of a process and of its children that have ended, in seconds, to a hundredth."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(each) for each in fields[11:15]) / os.sysconf("SC_CLK_TCK")
