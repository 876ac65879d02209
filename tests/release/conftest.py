"""What a release makes of the last commit, made once for the tests that look at it."""

import os
from pathlib import Path

import pytest

from exporter import __version__
from tools.release import packages, source
from tools.release.job import Job
from tools.version import ROOT


def release_job(out: Path, **more: object) -> Job:
    """A release of the last commit that goes nowhere."""
    out.mkdir(parents=True)
    asked = {"registry": "registry.example/team", "version": __version__, "base": "base", **more}
    return Job(
        root=ROOT,
        out=out,
        commit=source.git(ROOT, "rev-parse", "HEAD"),
        epoch=int(source.git(ROOT, "log", "-1", "--format=%ct")),
        **asked,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The three distributions of the last commit."""
    folder = tmp_path_factory.mktemp("release")
    job = release_job(folder / "out")
    packages.build_packages(job, source.export(job, folder / "tree"))
    return job


def interpreters() -> dict[str, Path]:
    """Each Python from 3.9 to 3.13 that this machine has, by its version."""
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    versions = [f"3.{minor}" for minor in range(9, 14)]
    found = {version: sorted(home.glob(f"{version}.*/bin/python{version}")) for version in versions}
    return {version: paths[-1] for version, paths in found.items() if paths}
