"""The version stands in exporter/__init__.py: this writes it wherever a file of another kind needs it.

`python -m tools.version` prints it, `--check` names the files that hold another, `--write` mends them, and
`--set VERSION` changes it everywhere.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools import generated

ROOT = Path(__file__).parents[1]
SOURCE = "exporter/__init__.py"
_NUMBER = r"(?:0|[1-9]\d*)"
VERSION = rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-(?:alpha|beta|rc)\.{_NUMBER})?"  # what Helm and pip both take
_CHART = (r"^version: ", r'^appVersion: "', r"- name: db-health-exporter-lib\n    version: ")
# What stands before the version in each file.
PLACES: dict[str, tuple[str, ...]] = {
    SOURCE: (r'^__version__ = "',),
    "reporter/pyproject.toml": (r'^version = "',),
    "demo/pyproject.toml": (r'^version = "',),
    "Dockerfile": (r"^ARG VERSION=",),
    "helm/*/Chart.yaml": (*_CHART, r"/db-health-exporter:"),
    "helm/*/charts/*/Chart.yaml": _CHART,
    "helm/**/templates/_names.tpl": (r'define "db-health-exporter.version" -}}',),
    "tests/chart/consumer/Chart.yaml": _CHART[2:],
    "helm/patch/patch.yaml": (r"/db-health-exporter:",),
}
# In prose and examples, behind these words alone.
_NAMED = (r"/db-health-exporter:", r"/charts/db-health-exporter(?:-lib)?\s+--version ")
PROSE = ("README.md", "docs/**/*.md", "examples/**/*.md", "examples/**/*.y*ml")


def version(root: Path = ROOT) -> str:
    """The version that the exporter has."""
    found = re.search(rf'^__version__ = "({VERSION})"', (root / SOURCE).read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{SOURCE} holds no version of the form 1.2.3 or 1.2.3-rc.1")
    return found[1]


def stale(root: Path = ROOT, wanted: str | None = None) -> Iterator[tuple[Path, str]]:
    """Each file that holds another version than the wanted one, the exporter's by default, and its text with it."""
    wanted = wanted or version(root)
    places = [*PLACES.items(), *((pattern, _NAMED) for pattern in PROSE)]
    for pattern, prefixes in places:
        for path in sorted(root.glob(pattern)):
            text = path.read_text(encoding="utf-8")
            mended = text
            for prefix in prefixes:
                mended = re.sub(rf"({prefix}){VERSION}(?![0-9A-Za-z.-])", rf"\g<1>{wanted}", mended, flags=re.MULTILINE)
            if mended != text:
                yield path, mended


def write(root: Path, wanted: str) -> None:
    """Set the version in every file of a tree.

    Raises:
        ValueError: the version has not the form 1.2.3 or 1.2.3-rc.1, which charts and packages both take.
    """
    if re.fullmatch(VERSION, wanted) is None:
        raise ValueError(f"{wanted} is no version of the form 1.2.3 or 1.2.3-rc.1")
    generated.write(dict(stale(root, wanted)))


def main(arguments: Sequence[str]) -> int | str:
    """Print, check or write the version."""
    parser = argparse.ArgumentParser(prog="python -m tools.version", description=__doc__.partition("\n")[0])
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--check", action="store_true", help="fail if a file holds another version")
    group.add_argument("--write", action="store_true", help="write the exporter's version into the other files")
    group.add_argument("--set", metavar="VERSION", help="change the version everywhere")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        return generated.verdict((path for path, _ in stale()), ROOT)
    if chosen.write or chosen.set:
        try:
            write(ROOT, chosen.set or version())
        except ValueError as error:
            return str(error)
    else:
        print(version())  # noqa: T201 - a command's answer
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
