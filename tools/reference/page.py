"""The generated parts of a page: between two comments that name them."""

from collections.abc import Iterable, Sequence

NOTHING = "\N{EN DASH}"  # in a cell


def filled(page: str, name: str, body: str) -> str:
    """The page with the body between its two markers.

    Raises:
        ValueError: the page has no such markers.
    """
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, begin, rest = page.partition(opening)
    _, end, after = rest.partition(closing)
    if not begin or not end:
        raise ValueError(f"the page must hold {opening} and then {closing}")
    return f"{before}{opening}\n\n{body}\n\n{closing}{after}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
