"""The charts' READMEs are made from their values."""

import subprocess
from pathlib import Path

import pytest

from tests.chart.tools import CHART, LIBRARY, tool


@pytest.mark.parametrize("chart", [CHART, LIBRARY], ids=["chart", "library"])
def test_the_readme_is_up_to_date(chart: Path) -> None:
    """`make generate` would change nothing, and every value has its comment."""
    flags = ("-c", chart.parent, "-g", chart, "-s", "file", "--dry-run", "--log-level", "error")
    command: list[str | Path] = [tool("helm-docs", "helm-docs"), *flags]
    made = subprocess.run(command, capture_output=True, text=True, check=True)

    assert made.stdout.strip() == (chart / "README.md").read_text().strip(), "run: make generate"
    rows = [line for line in made.stdout.splitlines() if line.startswith("| ") and line.endswith("|  |")]
    assert rows == [], "values without a description"
