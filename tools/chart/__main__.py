"""`python -m tools.chart` writes what is generated in helm/; with `--check` it only compares."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.chart.schema import required, schemas
from tools.chart.settings import template
from tools.chart.values import descriptions, library_values
from tools.generated import stale, verdict, write

HELM = Path(__file__).parents[2] / "helm"
CHART, LIBRARY = HELM / "db-health-exporter", HELM / "db-health-exporter-lib"
# The chart's own copy of the library: a link would be lost in a ZIP file and on Windows.
COPY = CHART / "charts" / LIBRARY.name
COPIED = ("Chart.yaml", "values.yaml", "values.schema.json", "templates/*.tpl")


def generated() -> Iterator[tuple[Path, str]]:
    """Each file that is made of other files, with its text."""
    values = (CHART / "values.yaml").read_text(encoding="utf-8")
    of_chart, of_library = schemas(descriptions(values))
    defaults = library_values(values)
    made = {
        LIBRARY / "values.yaml": defaults,
        LIBRARY / "values.schema.json": of_library,
        LIBRARY / "templates/_generated.tpl": template(defaults),
    }
    yield CHART / "values.schema.json", of_chart
    yield CHART / "templates/_generated.tpl", required(values)
    yield from made.items()
    originals = {path for pattern in COPIED for path in LIBRARY.glob(pattern)} | made.keys()
    for path in sorted(originals):
        text = made.get(path)
        yield COPY / path.relative_to(LIBRARY), path.read_text(encoding="utf-8") if text is None else text


def main(arguments: Sequence[str]) -> int | str:
    """Write the files, or name those that differ."""
    parser = argparse.ArgumentParser(prog="python -m tools.chart")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not what it should be")
    chosen = parser.parse_args(arguments)
    files = dict(generated())
    strange = [path for path in COPY.rglob("*") if path.is_file() and path not in files]
    if chosen.check:
        return verdict([*stale(files), *strange], HELM.parent)
    for path in strange:
        path.unlink()
    write(files)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
