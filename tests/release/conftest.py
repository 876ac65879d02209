"""What a release makes of the last commit, made once for the tests that look at it."""

import os
import subprocess
from pathlib import Path

import pytest

from exporter import __version__
from tools.release import packages, request, source
from tools.release.job import Job
from tools.version import ROOT


def release_job(out: Path, **more: object) -> Job:
    """A release of the last commit that goes nowhere."""
    out.mkdir(parents=True)
    commit, epoch = request.commit(ROOT)
    asked = {"registry": "registry.example/team", "version": __version__, "base": "base", **more}
    return Job(
        root=ROOT,
        out=out,
        commit=commit,
        epoch=epoch,
        **asked,  # type: ignore[arg-type]
    )


def git(repository: Path, *words: str) -> None:
    """Run git in a repository of the test's own."""
    identity = ["-c", "user.name=n", "-c", "user.email=e"]
    subprocess.run(["git", "-C", repository, *identity, *words], check=True, capture_output=True)


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
