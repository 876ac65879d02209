"""A real browser understands every declaration and script of the page."""

import json
from pathlib import Path

import pytest
import tinycss2

from tests.browser.devtools import tab
from tests.observability import places
from tests.support.server_factory import ServerFactory
from tools import css_lint

SHEETS = sorted(css_lint.EXPORTER.rglob("*.css"))
SCRIPTS = sorted(css_lint.EXPORTER.rglob("*.js"))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
async def test_chromium_knows_every_declaration(server_factory: ServerFactory, sheet: Path) -> None:
    """A browser silently drops an unknown property or value."""
    blocks = css_lint.declarations(sheet.read_text())
    written = [(each.name, tinycss2.serialize(each.value)) for block in blocks for each in block]
    assert written

    async with tab(places.chromium(), server_factory.folder("chromium")) as page:
        found = await page.value(f"{json.dumps(written)}.filter(([name, value]) => !CSS.supports(name, value))")

    assert found == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
async def test_chromium_compiles_every_script(server_factory: ServerFactory, script: Path) -> None:
    """With a syntax error the page would never refresh itself."""
    async with tab(places.chromium(), server_factory.folder("chromium")) as page:
        text = script.read_text()
        answer = await page.send("Runtime.compileScript", expression=text, sourceURL=script.name, persistScript=False)

    assert "exceptionDetails" not in answer, answer
