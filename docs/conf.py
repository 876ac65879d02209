"""How Sphinx makes the documentation's site out of the pages as they stand in the repository."""

import os
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

DOCS = Path(__file__).absolute().parent
ROOT = DOCS.parent
REPOSITORY = "https://github.com/db-health-exporter/db-health-exporter"
REF = os.environ.get("DOCS_REF", "main")  # which state of the repository links to its files lead to

project = "db-health-exporter"
author = "The authors of db-health-exporter"
copyright = author  # noqa: A001  Sphinx's name
version = release = os.environ.get("DOCS_VERSION", "")  # tools/site.py knows

extensions = ["myst_parser", "sphinx_copybutton"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["pictures"]
nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # Pygments does not know names of recording rules
myst_heading_anchors = 4  # the same as the repository's own page has
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_title = f"{project} {version}"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_favicon = "../helm/icon.svg"
html_logo = "../helm/icon.svg"
html_show_sphinx = False
html_copy_source = False
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "versions.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}

# Which page stands where. It is said here and not in the pages, which are read in the repository, too.
CONTENTS = {
    "index": {
        "Start": ["getting-started", "demo"],
        "Deploy": ["deploy-app", "deploy-injection", "deploy-standalone", "deploy-library", "deploy-patch"],
        "Use": ["observability", "verdicts", "health-endpoints", "reporter", "runbooks/README"],
        "Reference": [
            "reference/settings",
            "reference/metrics",
            "reference/outcomes",
            "reference/commands",
            "reference/chart-values",
            "reference/wire-format",
        ],
        "Background": ["promises", "architecture"],
    },
    "runbooks/README": {"Alerts": sorted(f"runbooks/{page.stem}" for page in DOCS.glob("runbooks/[A-Z]*[a-z].md"))},
}
# Pages that stand beside one of those, where they exist.
BESIDE = {"observability": "web-configuration", "deploy-patch": "beside-what-you-have"}
for pages in CONTENTS["index"].values():
    for before, page in BESIDE.items():
        if before in pages and (DOCS / f"{page}.md").exists():
            pages.insert(pages.index(before) + 1, page)

logger = logging.getLogger(__name__)
_LINK = re.compile(r"\]\((\.\.?/[^)#\s]+)(#[^)\s]*)?\)")


def source_read(app: Sphinx, name: str, content: list[str]) -> None:
    """Add the table of contents, and lead links to files outside docs/ to the repository."""
    del app
    page = DOCS / f"{name}.md"

    def outside(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(page.parent / link[1]))  # a symbolic link stays one
        if target.is_relative_to(DOCS):
            return link[0]
        if not target.exists():
            logger.warning("a link leads to no file: %s", link[1], location=name)
        kind = "tree" if target.is_dir() else "blob"
        return f"]({REPOSITORY}/{kind}/{REF}/{target.relative_to(ROOT)}{link[2] or ''})"

    parts = [_LINK.sub(outside, content[0])]
    for title, pages in CONTENTS.get(name, {}).items():
        listed = "\n".join(f"/{page}" for page in pages)
        parts.append(f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n{listed}\n```")
    content[0] = "\n\n".join(parts) + "\n"


def list_external_links(app: Sphinx, error: Exception | None) -> None:
    """Write which other sites the pages lead to: they are listed, not asked."""
    if error is not None:
        return
    links: set[tuple[str, str]] = set()
    for name in app.env.found_docs:
        for reference in app.env.get_doctree(name).findall(nodes.reference):
            if "://" in reference.get("refuri", ""):
                links.add((reference["refuri"], name))
    lines = [f"{link}\t{name}\n" for link, name in sorted(links)]
    (Path(app.doctreedir) / "external-links.tsv").write_text("".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the two."""
    app.connect("source-read", source_read)
    app.connect("build-finished", list_external_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
