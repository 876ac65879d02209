"""The README's table of settings is the settings' own."""

from pathlib import Path

import pytest

from exporter.settings.model import Settings
from tools import settings_table

ROOT = Path(__file__).parents[3]


def test_that_the_readme_has_the_table_of_the_settings_themselves() -> None:
    """`python -m tools.settings_table --write README.md` mends it."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")

    assert settings_table.filled(page) == page


def test_that_a_table_is_written_where_the_markers_are(tmp_path: Path) -> None:
    """Everything else of the page stays; a page without markers is refused."""
    page = tmp_path / "page.md"
    page.write_text("above\n<!-- settings -->\nold\n<!-- /settings -->\nbelow\n")

    assert settings_table.main(["--check", str(page)])
    assert settings_table.main(["--write", str(page)]) == 0
    assert settings_table.main(["--check", str(page)]) == 0
    text = page.read_text()
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert "\nold\n" not in text
    assert all(f"| `{name}` |" in text for name in map(str.upper, Settings.model_fields))
    with pytest.raises(ValueError, match="must hold"):
        settings_table.filled("no markers")
