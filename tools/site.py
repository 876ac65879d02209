"""Builds the documentation's site: a folder for each version, a list of them, and a way to the newest."""

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INDEX = """<!doctype html><html lang="en"><meta charset="utf-8"><title>db-health-exporter</title>
<meta http-equiv="refresh" content="0; url={newest}/index.html"><a href="{newest}/index.html">{newest}</a></html>
"""


def build(folder: Path, version: str) -> int:
    """Have Sphinx build this version, every warning an error."""
    from sphinx.cmd.build import main as sphinx

    working = folder.parent / f"{folder.name}-doctrees"
    options = ["--fail-on-warning", "--keep-going", "--nitpicky", "--quiet", "--fresh-env"]
    return int(sphinx([*options, "-b", "html", "-d", str(working), str(ROOT / "docs"), str(folder / version)]))


def current() -> str:
    """The version that the pages are of; `main`, where DOCS_REF says so, has the number of a release and is another."""
    if os.environ.get("DOCS_REF") == "main":
        return "main"
    [found] = re.findall(r'__version__ = "(.*)"', (ROOT / "exporter/__init__.py").read_text(encoding="utf-8"))
    return str(found)


def list_versions(folder: Path) -> list[str]:
    """Write which versions there are, the newest first, for the switcher on each page."""
    found = sorted((path.parent.name for path in folder.glob("*/searchindex.js")), key=_order, reverse=True)
    (folder / "versions.js").write_text(f"window.publishedVersions = {json.dumps(found)};\n", encoding="utf-8")
    (folder / "index.html").write_text(INDEX.format(newest=found[0]), encoding="utf-8")
    (folder / ".nojekyll").touch()
    return found


def _order(version: str) -> tuple[list[int], bool]:
    """Versions by number; a release after its own candidates."""
    return [int(number) for number in re.findall(r"\d+", version)[:3]], version.replace(".", "").isdigit()


def main(arguments: Sequence[str]) -> int:
    """Build into a folder; what other versions it holds stays."""
    parser = argparse.ArgumentParser(prog="python tools/site.py")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder.resolve()
    os.environ["DOCS_VERSION"] = version = current()
    failed = build(folder, version)
    if not failed:
        print(f"{folder}/index.html, with the versions {', '.join(list_versions(folder))}")  # noqa: T201  what was made
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
