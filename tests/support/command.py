"""The exporter's commands that end by themselves."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.exporter import INHERITED


def run(
    *arguments: str,
    timeout: float = 30,
    prefix: Sequence[str] = (),
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, with a clean environment, behind the arguments in `prefix`."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return subprocess.run(
        [*prefix, sys.executable, "-m", "exporter", *arguments],
        cwd="/",
        env={**inherited, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
