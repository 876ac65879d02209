"""The command line's own help."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def usage() -> str:
    """What `db-health-exporter --help` prints."""
    command = [sys.executable, "-m", "exporter", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603  our own program
    return f"```text\n{done.stdout.strip()}\n```"
