"""`python -m tools.reference` writes the generated parts of docs/reference; with `--check` it only compares."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.reference import chart_values, commands, diagnosis, metrics, settings
from tools.reference.page import filled

PAGES = Path(__file__).parents[2] / "docs/reference"
TABLES = {
    "settings.md": {"settings": settings.table},
    "metrics.md": {"metrics": metrics.tables},
    "outcomes.md": {
        "verdicts": diagnosis.verdicts,
        "outcomes": diagnosis.outcomes,
        "reasons": diagnosis.reasons,
        "codes": diagnosis.sqlstates,
        "rejections": diagnosis.rejections,
    },
    "chart-values.md": {"values": chart_values.tables},
    "commands.md": {"commands": commands.usage},
}


def main(arguments: Sequence[str], folder: Path = PAGES) -> int | str:
    """Write the pages, or name those that differ."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is not what it should be")
    check = parser.parse_args(arguments).check
    stale = []
    for name, parts in TABLES.items():
        page = folder / name
        text = page.read_text(encoding="utf-8")
        new = text
        for marker, make in parts.items():
            new = filled(new, marker, make())
        if new != text:
            stale.append(name)
            if not check:
                page.write_text(new, encoding="utf-8")
    return f"run: make generate (it changes {', '.join(stale)})" if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
