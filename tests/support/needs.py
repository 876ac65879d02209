"""What a test needs of the machine: where it is missing, the test is skipped, and fails where CI promised it."""

import os
import shutil

import pytest


def need(present: bool, reason: str) -> None:
    """Skip the test with a reason, or fail it where `CI=true` says that everything is installed."""
    if present:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must bring this: {reason}")
    pytest.skip(reason)


def need_root() -> None:
    """The test needs root: for namespaces, mounts or other users' processes."""
    need(os.geteuid() == 0, "needs root")


def need_tools(*names: str) -> None:
    """Every named program is on the path."""
    for name in names:
        need(shutil.which(name) is not None, f"needs the program {name}")
