"""Identifies this process to the exporter."""

from __future__ import annotations

import os
import time


class ProcessIdentity:
    """Process number, its parent's, and when the process began to count; all change in a forked child."""

    __slots__ = ("parent_pid", "pid", "started_at")

    def __init__(self) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Read the identity again, in a child of a fork."""
        self.pid, self.parent_pid, self.started_at = os.getpid(), os.getppid(), time.time()
