"""The documentation's site: whole, on its own, and refused where a link is broken."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from exporter import __version__
from tests.browser.devtools import tab
from tests.docs.blocks import ROOT
from tests.observability import places
from tests.support.needs import need
from tests.support.server_factory import ServerFactory
from tools import site

pytestmark = [pytest.mark.extended, pytest.mark.xdist_group("site")]
PYTHON = ROOT / ".venvs/docs/bin/python"
LINKED = ("exporter", "helm", "demo", "examples", "tests", "CONTRIBUTING.md")
FROM_ELSEWHERE = re.compile(r"<(?:link|script|img|iframe|source)\b[^>]*(?:https?:)?//[^>]*>")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The pages in a repository of their own, which a test may change."""
    for name in ("docs", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in LINKED:
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def build(repository: Path) -> "subprocess.CompletedProcess[str]":
    """What `make docs` does, once it has made its environment."""
    need(PYTHON.exists(), "needs the environment of `make docs`")
    command = [PYTHON, repository / "tools/site.py", repository / "site"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_site_is_whole_and_loads_nothing_from_elsewhere(copy: Path) -> None:
    """Every page is there; the list of versions has the versions that there are, the newest first."""
    for version in ("0.0.9", "0.1.0rc1", "0.0.10"):
        (copy / "site" / version).mkdir(parents=True)
        (copy / "site" / version / "searchindex.js").touch()
    done = build(copy)
    assert done.returncode == 0, done.stderr

    built = next(copy.glob("site/*/genindex.html")).parent
    pages = {page.relative_to(copy / "docs").with_suffix(".html") for page in (copy / "docs").rglob("*.md")}
    assert {page for page in pages if not (built / page).exists()} == set()
    for page in built.rglob("*.html"):
        assert FROM_ELSEWHERE.findall(page.read_text()) == [], page
    listed = (copy / "site/versions.js").read_text()
    assert re.findall(r'"([\d.rc]+)"', listed) == [built.name, "0.1.0rc1", "0.0.10", "0.0.9"]
    assert f"url={built.name}/index.html" in (copy / "site/index.html").read_text()


def test_main_is_no_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pages would stand in the place of the release whose number it still has; readers come to the release."""
    monkeypatch.setenv("DOCS_REF", "v0.1.0")
    release = site.current()
    monkeypatch.setenv("DOCS_REF", "main")
    for version in (site.current(), release):
        (tmp_path / version).mkdir()
        (tmp_path / version / "searchindex.js").touch()

    assert site.list_versions(tmp_path) == [__version__, "main"]
    assert f"url={__version__}/index.html" in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize("link", ["no-such-page.md", "verdicts.md#no-such-heading", "../helm/no-such-file"])
def test_a_broken_link_fails(copy: Path, link: str) -> None:
    """To a page, to a heading, to a file of the repository."""
    page = copy / "docs/demo.md"
    page.write_text(f"{page.read_text()}\n[there]({link})\n")

    done = build(copy)

    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if "demo" in line and Path(link).name.rpartition("#")[2] in line]
    assert done.stderr.count("WARNING") == 1


async def test_a_version_alone_can_be_read(copy: Path, server_factory: ServerFactory) -> None:
    """Its pages come up without the list of versions beside them, as in a preview or an unpacked archive."""
    program = places.chromium()
    done = build(copy)
    assert done.returncode == 0, done.stderr
    page = next(copy.glob("site/*/verdicts.html"))
    (copy / "site/versions.js").unlink()

    async with tab(program, server_factory.folder("chromium")) as opened:
        await opened.open(page.as_uri())
        assert await opened.value("document.querySelectorAll('#versions option').length") == 1
