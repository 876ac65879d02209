"""Finds mistakes in style sheets: `python -m tools.css_lint FILE...` (the files in `exporter/` by default).

Python alone cannot know every property of CSS; `tests/browser/test_assets.py` asks Chromium about those.
"""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tinycss2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EXPORTER = Path(__file__).parent.parent / "exporter"
_NESTED = {"media", "supports", "layer", "container"}


def declarations(text: str) -> list[list[Any]]:
    """Return the declarations and syntax errors of each rule, of those within `@media`, too."""
    return list(_rules(tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)))


def _rules(nodes: Iterable[Any]) -> Iterator[list[Any]]:
    for node in nodes:
        if node.type == "error":
            yield [node]
        elif node.type == "at-rule" and node.content is not None and node.lower_at_keyword in _NESTED:
            yield from _rules(tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True))
        elif node.type in {"qualified-rule", "at-rule"} and node.content is not None:
            yield tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True)


def mistakes(text: str) -> list[str]:
    """Return one line for each syntax error, property set twice in one rule, and variable that is never set."""
    found = []
    for block in declarations(text):
        found += [f"line {each.source_line}: {each.message}" for each in block if each.type == "error"]
        known = [each for each in block if each.type == "declaration"]
        found += [
            f"line {after.source_line}: {after.name} is set twice"
            for before, after in pairwise(sorted(known, key=lambda each: each.lower_name))
            if before.lower_name == after.lower_name
        ]
    defined = set(re.findall(r"(?<![\w-])(--[\w-]+)\s*:", text))
    used = set(re.findall(r"var\(\s*(--[\w-]+)", text))
    return found + [f"{name} is used and never set" for name in sorted(used - defined)]


def main(files: list[str]) -> int:
    """Print the mistakes of these files; the exit status is 1 where there are any."""
    paths = [Path(file) for file in files] or sorted(EXPORTER.rglob("*.css"))
    lines = [f"{path}: {mistake}" for path in paths for mistake in mistakes(path.read_text())]
    print(*lines, sep="\n", end="\n" if lines else "")  # noqa: T201 - it is what the command is for
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
