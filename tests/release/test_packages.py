"""Wheels and sdists: the same bytes from the same commit, and the reporter in every Python that it names."""

import re
import subprocess
import tarfile
import textwrap
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import StartExporter
from tests.release.conftest import interpreters, release_job
from tests.support.needs import need
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.waiting import until
from tools.release import packages, source
from tools.release.job import CHARTS, Job
from tools.version import ROOT

pytestmark = [pytest.mark.extended, pytest.mark.timeout(300)]
APPLICATION = """
    import time
    import sqlalchemy
    from sqlalchemy.pool import QueuePool

    engine = sqlalchemy.create_engine("sqlite://", plugins=["dbhealth"], poolclass=QueuePool, pool_size=3)
    with engine.connect():
        time.sleep(60)
"""


def test_two_builds_of_a_commit_are_the_same(built: Job, tmp_path: Path) -> None:
    """Byte for byte, whenever and wherever they were built."""
    again = release_job(tmp_path / "out")
    packages.build_packages(again, source.export(again, tmp_path / "elsewhere"))

    names = sorted(path.name for path in built.out.iterdir())
    assert [name.rpartition("-")[0].partition("-")[0] for name in names if name.endswith(".whl")] == [
        "db_health_demo",
        "db_health_exporter",
        "db_health_reporter",
    ]
    assert len(names) == 6
    assert names == sorted(path.name for path in again.out.iterdir())
    assert [name for name in names if (built.out / name).read_bytes() != (again.out / name).read_bytes()] == []


def test_a_release_holds_its_licence_its_files_and_no_tests(built: Job) -> None:
    """What a user of the wheel needs, what a packager needs of the sdist."""
    [wheel] = built.out.glob("db_health_exporter-*.whl")
    held = zipfile.ZipFile(wheel).namelist()
    assert {"exporter/web/page/page.css", "exporter/web/page/page.js", "exporter/py.typed"} <= set(held)
    assert {name.partition("/")[0] for name in held if ".dist-info" not in name} == {"exporter"}
    for path in built.out.glob("*.whl"):
        assert any(name.endswith("licenses/LICENSE") for name in zipfile.ZipFile(path).namelist()), path.name
    [reporter] = built.out.glob("db_health_reporter-*.whl")
    assert "db_health_reporter.pth" in zipfile.ZipFile(reporter).namelist()
    [sdist] = built.out.glob("db_health_reporter-*.tar.gz")
    with tarfile.open(sdist) as files:
        names = {name.partition("/")[2] for name in files.getnames()}
    assert {"LICENSE", "build_backend.py", "db_health_reporter.pth", "pyproject.toml"} <= names


def test_the_page_of_a_package_leads_to_the_commits_files(built: Job) -> None:
    """A package index shows it without the tree around it."""
    for path in built.out.glob("*.whl"):
        with zipfile.ZipFile(path) as files:
            [name] = [name for name in files.namelist() if name.endswith("/METADATA")]
            page = files.read(name).decode()
        assert re.findall(r"(?m)^Project-URL: (\w+), https:", page) == [
            "Source",
            "Documentation",
            "Changelog",
            "Issues",
        ]
        links = re.findall(r"\]\(([^)\s]+)\)", page)
        assert links
        for link in links:
            kind, _, file = link.removeprefix("https://github.com/db-health-exporter/db-health-exporter/").partition(
                "/"
            )
            commit, _, file = file.partition("/")
            assert (kind in {"blob", "raw", "tree"}, commit) == (True, built.commit), link
            assert (ROOT / file.partition("#")[0]).exists(), link


def test_a_chart_names_the_registry_that_it_was_released_to(tmp_path: Path) -> None:
    """So that it installs without a word about images."""
    job = release_job(tmp_path / "out")
    tree = source.export(job, tmp_path / "tree")

    for name in CHARTS:
        assert "registry: registry.example/team\n" in (tree / "helm" / name / "values.yaml").read_text()
    assert "ghcr.io" not in (tree / "helm/db-health-exporter-lib/templates/_names.tpl").read_text()


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13"])
def test_the_reporter_installs_from_an_index_and_reports(
    version: str,
    built: Job,
    server: Postgres,
    start_exporter: StartExporter,
    tmp_path: Path,
    cleanup: ExitStack,
) -> None:
    """One command in an environment of its own, one word in the application."""
    python = interpreters().get(version)
    if python is None:
        pytest.skip(f"Python {version} is not on this machine")
    index = tmp_path / "index"
    environment = tmp_path / "environment"
    subprocess.run([python, "-m", "venv", environment], check=True)
    pip: list[str | Path] = [environment / "bin/python", "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "download", "--dest", index, "--only-binary", ":all:", "sqlalchemy>=2,<2.1"], check=True)
    for wheel in built.out.glob("db_health_reporter-*.whl"):
        (index / wheel.name).write_bytes(wheel.read_bytes())
    subprocess.run([*pip, "install", "--no-index", "--find-links", index, "db-health-reporter"], check=True)

    reports = f"127.0.0.1:{free_port()}"
    exporter = start_exporter(server.url(), APP_POOL_LISTEN=f"{reports}/udp")
    application = subprocess.Popen(
        [environment / "bin/python", "-c", textwrap.dedent(APPLICATION)],
        env={"DBHEALTH_ADDRESS": reports, "DBHEALTH_POOL": "orders"},
        cwd=tmp_path,
    )
    cleanup.callback(application.wait)
    cleanup.callback(application.kill)
    until(
        lambda: 'pool="orders"' in exporter.get("/metrics").text,
        within=30,
        what="the application's pool in /metrics",
        every=0.2,
    )
    assert exporter.sample("dbhealth_pool_checked_out_connections", pool="orders") == 1


@pytest.mark.parametrize(
    ("registry", "wanted", "entry"),
    [
        ("ghcr.io/team", "0.1.0", "## 0.1.0 (unreleased)"),
        ("ghcr.io/team", "0.1.1", "## 0.1.0 (2026-11-29)"),
        ("localhost:5000", "0.1.1", "## 0.1.0 (2026-11-29)"),
    ],
)
def test_what_the_changelog_does_not_announce_is_not_released(
    registry: str, wanted: str, entry: str, tmp_path: Path
) -> None:
    """An entry, and its date where others will read it."""
    job = release_job(tmp_path / "out", registry=registry, version=wanted, plain_http="localhost" in registry)
    fault = source.changelog_fault(f"# Changelog\n\n{entry}\n", job)
    assert fault is not None
    assert f"## {wanted} (2026-12-31)" in fault


def test_what_the_changelog_announces_is_released(tmp_path: Path) -> None:
    """A pre-release and a try on one's own machine need no date."""
    for number, (registry, wanted, entry) in enumerate(
        [
            ("ghcr.io/team", "0.1.0", "## 0.1.0 (2026-11-29)"),
            ("ghcr.io/team", "0.1.0-rc.1", "## 0.1.0 (unreleased)"),
            ("localhost:5000", "0.1.0", "## 0.1.0 (unreleased)"),
        ]
    ):
        job = release_job(tmp_path / str(number), registry=registry, version=wanted, plain_http="localhost" in registry)
        assert source.changelog_fault(f"# Changelog\n\n{entry}\n", job) is None


def test_the_notes_of_a_release_are_its_entry() -> None:
    """Without the title, and without the versions around it; a pre-release has its version's."""
    text = "# Changelog\n\n## 0.2.0 (unreleased)\n\n- B.\n\n### Fixed\n\n- C.\n\n## 0.1.0 (2026-11-29)\n\n- A.\n"

    assert source.changes(text, "0.2.0-rc.1") == "- B.\n\n### Fixed\n\n- C.\n"
    assert source.changes(text, "0.1.0") == "- A.\n"


def test_a_dry_run_says_what_it_would_do() -> None:
    """And does nothing: no folder, no image."""
    need((ROOT / ".git").exists(), "needs the repository")
    words = ["make", "-s", "release", "REGISTRY=registry.example/team", "VERSION=9.8.7", "DRY_RUN=1"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)

    assert "push registry.example/team/db-health-exporter:9.8.7" in done.stdout
    assert "oci://registry.example/team/charts/db-health-exporter 9.8.7" in done.stdout
    assert not (ROOT / "dist/9.8.7").exists()
