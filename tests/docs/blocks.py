"""The blocks of code on the pages of the documentation, each with the comment that says how it is tested."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(
    r"(?ms)^(?:<!-- (?P<mark>[a-z ]+) -->\n)?(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$"
)


@dataclass(frozen=True)
class Block:
    """One block.

    Args:
        page: the page's path from the root.
        number: its place among the page's blocks.
        language: what stands behind the three back-ticks.
        text: its lines, without the page's indentation.
        mark: the comment before it: `run`, `run in the background`, `run from a registry`, `prints`, or nothing.
    """

    page: str
    number: int
    language: str
    text: str
    mark: str

    def __str__(self) -> str:
        return f"{self.page}-{self.number}"


def blocks(page: Path) -> list[Block]:
    """Every block of a page."""
    name = str(page.relative_to(ROOT))
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [
        Block(name, number, match["language"], _dedented(match["text"], match["indent"]), match["mark"] or "")
        for number, match in enumerate(found)
    ]


def _dedented(text: str, indent: str) -> str:
    return "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True))


ALL = [block for page in PAGES for block in blocks(page)]
