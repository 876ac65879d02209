"""The README's table of settings, written from the settings themselves so that it cannot drift."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from exporter.settings.model import Settings

BEGIN, END = "<!-- settings -->", "<!-- /settings -->"


def table() -> str:
    """One row a setting."""
    rows = ["| variable | default | meaning | allowed |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        extra: Any = field.json_schema_extra
        rows.append(f"| `{name.upper()}` | {extra['shown']} | {field.description} | {extra['allowed']} |")
    return "\n".join(rows)


def filled(page: str) -> str:
    """The page with the table between its two markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page must hold {BEGIN} and then {END}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(arguments: Sequence[str]) -> int | str:
    """Print the table, check a page against it, or write it into the page."""
    parser = argparse.ArgumentParser(prog="python -m tools.settings_table")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", type=Path, metavar="PAGE", help="fail if the page's table is not this one")
    choice.add_argument("--write", type=Path, metavar="PAGE", help="put the table between the page's markers")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        page = chosen.check.read_text(encoding="utf-8")
        return 0 if filled(page) == page else f"run: python -m tools.settings_table --write {chosen.check}"
    if chosen.write:
        chosen.write.write_text(filled(chosen.write.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    print(table())  # noqa: T201  what was asked for
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
