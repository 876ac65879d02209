"""The version stands in one place; every other file follows it."""

import shutil
from pathlib import Path

import pytest

from exporter import __version__
from tools import version

NAMES = "helm/db-health-exporter-lib/templates/_names.tpl"
FILES = (version.SOURCE, "reporter/pyproject.toml", "Dockerfile", NAMES, "helm/db-health-exporter/Chart.yaml")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Some of the files that hold the version."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(version.ROOT / name, tmp_path / name)
    return tmp_path


def test_every_file_holds_the_exporters_version() -> None:
    """`make generate` writes it."""
    assert version.main(["--check"]) == 0
    assert version.version() == __version__


def test_every_place_exists() -> None:
    """A pattern that no longer matches would hold nothing."""
    changed = {path.relative_to(version.ROOT) for path, _ in version.stale(wanted="9.8.7")}
    for pattern in version.PLACES:
        assert changed & {path.relative_to(version.ROOT) for path in version.ROOT.glob(pattern)}, pattern


def test_a_new_version_is_written_everywhere(tree: Path) -> None:
    """Packages, charts and the image that a chart installs take the same form of a pre-release."""
    version.write(tree, "2.10.0-rc.1")

    assert version.version(tree) == "2.10.0-rc.1"
    chart = (tree / FILES[-1]).read_text()
    assert chart.count("2.10.0-rc.1") == 4
    assert "/db-health-exporter:2.10.0-rc.1" in chart
    assert "-}}2.10.0-rc.1{{-" in (tree / NAMES).read_text()
    assert 'appVersion: "2.10.0-rc.1"' in chart
    assert not list(version.stale(tree))


@pytest.mark.parametrize("wrong", ["1.2", "v1.2.3", "1.2.3.dev1", "1.2.3 ", "1.2.3-nightly", "01.2.3"])
def test_another_form_is_refused(tree: Path, wrong: str) -> None:
    """What Helm or pip would not take."""
    with pytest.raises(ValueError, match=r"no version of the form 1\.2\.3"):
        version.write(tree, wrong)


def test_a_wrong_version_is_told_without_a_traceback() -> None:
    """The command ends with one sentence."""
    assert version.main(["--set", "v1.2.3"]) == "v1.2.3 is no version of the form 1.2.3 or 1.2.3-rc.1"
