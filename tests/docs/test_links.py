"""Links between the repository's own pages lead somewhere, as they stand: to a file, and to a heading in it."""

import re
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not {".venv", ".venvs", "build", "node_modules", ".git"} & set(page.relative_to(ROOT).parts)
)
# What is read where the repository is not, as the charts' READMEs are, names its files by address.
OURS = re.compile(r"https://github\.com/db-health-exporter/db-health-exporter/(?:blob|tree)/main/")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"(?m)^#+ (.*)$")


def without_code(text: str) -> str:
    """A page without its blocks of code and its code in lines."""
    return re.sub(r"`[^`\n]*`", "x", re.sub(r"(?ms)^ *```.*?^ *```$", "", text))


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings have, as they are made where it is shown."""
    titles = HEADING.findall(re.sub(r"(?ms)^ *```.*?^ *```$", "", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Links to other sites are not asked; `make docs` lists them."""
    wrong = []
    for link in LINK.findall(without_code(page.read_text())):
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        if ours := OURS.match(name):
            target = ROOT / name[ours.end() :]
        elif "://" in link or link.startswith("mailto:"):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)

    assert wrong == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("helm/*/README.md")), ids=lambda page: page.parent.name)
def test_a_charts_page_leads_somewhere_from_a_registry(page: Path) -> None:
    """`helm show readme oci://…` has no folder around it."""
    assert [link for link in LINK.findall(without_code(page.read_text())) if "://" not in link] == []
