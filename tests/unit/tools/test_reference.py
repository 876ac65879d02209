"""The reference is generated from the code."""

import shutil
from pathlib import Path

import pytest

from exporter.app_pools.report import Rejection
from exporter.diagnosis.verdict import Verdict
from exporter.model.outcome import Outcome, Reason
from exporter.settings.model import Settings
from tools.reference import __main__ as reference
from tools.reference.page import filled, table


def test_the_pages_are_up_to_date() -> None:
    """`make generate` would change nothing."""
    assert reference.main(["--check"]) == 0


@pytest.mark.extended
def test_stale_pages_are_named_and_mended(tmp_path: Path) -> None:
    """The text between the markers is replaced, everything else stays."""
    shutil.copytree(reference.PAGES, tmp_path, dirs_exist_ok=True)
    page = tmp_path / "settings.md"
    right = page.read_text()
    page.write_text(right.replace("| `PROBE_TIMEOUT` |", "| `PROBE_PATIENCE` |"))

    assert reference.main(["--check"], tmp_path) == "run: make generate (it changes settings.md)"
    assert reference.main([], tmp_path) == 0
    assert page.read_text() == right


def test_every_word_of_the_closed_sets_is_listed() -> None:
    """Settings, outcomes, verdicts, reasons: one row each."""
    settings = (reference.PAGES / "settings.md").read_text()
    outcomes = (reference.PAGES / "outcomes.md").read_text()

    assert [name for name in Settings.model_fields if f"\n| `{name.upper()}` |" not in settings] == []
    words = [*Outcome, *Verdict, *Reason, *Rejection]
    assert [word for word in words if f"\n| `{word}` |" not in outcomes] == []


def test_a_page_without_markers_is_refused() -> None:
    """Nothing is appended silently."""
    with pytest.raises(ValueError, match="must hold <!-- settings -->"):
        filled("<!-- settings --> alone", "settings", "")


def test_a_bar_in_a_cell_is_no_border() -> None:
    """A bar in a cell is escaped, since Markdown would start another cell."""
    assert table(["a"], [["x | y"]]).splitlines()[-1] == r"| x \| y |"
