"""`python -m tools.reference` writes the generated parts of docs/reference; with `--check` it only compares."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools.generated import stale, verdict, write
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
    files = {folder / name: _page(folder / name, parts) for name, parts in TABLES.items()}
    if check:
        return verdict(stale(files), folder)
    write(files)
    return 0


def _page(path: Path, parts: Mapping[str, Callable[[], str]]) -> str:
    text = path.read_text(encoding="utf-8")
    for marker, make in parts.items():
        text = filled(text, marker, make())
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
