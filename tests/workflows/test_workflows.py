"""The public CI: its files are right, and give no more away than they must."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.chart.tools import ROOT, tool
from tools.version import version

GITHUB = ROOT / ".github"
BASH = ("bash", "-eo", "pipefail", "-c")  # as the runner calls it where a workflow names it
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PINNED = re.compile(r"^\s*(?:- )?uses: (?:\./\S+|\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+)")

pytestmark = pytest.mark.extended


def test_actionlint_finds_nothing() -> None:
    """Syntax, expressions, inputs of actions, shell scripts."""
    command: list[str | Path] = [tool("actionlint", "actionlint"), *WORKFLOWS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_zizmor_finds_nothing() -> None:
    """Permissions, credentials that stay, expressions in scripts, actions that are not pinned."""
    program = Path(sys.executable).with_name("zizmor")
    command: list[str | Path] = [program, "--offline", "--no-progress", "--format=json", GITHUB]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert [finding["desc"] for finding in json.loads(done.stdout)] == []
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_permissions_are_none_by_default(workflow: Path) -> None:
    """By a commit, with the version beside it that dependabot raises."""
    text = workflow.read_text()

    assert yaml.safe_load(text)["permissions"] == {}
    assert [line for line in text.splitlines() if "uses:" in line and not PINNED.match(line)] == []


def test_jobs_name_steps_that_exist() -> None:
    """A step that .ci/run calls otherwise, or that no job names, would be left out silently."""
    steps = {name.strip("'") for name in re.findall(r"(?m)^step ('[^']+'|\S+) ", (ROOT / ".ci/run").read_text())}
    jobs = yaml.safe_load((GITHUB / "workflows/ci.yml").read_text())["jobs"]["ci"]["strategy"]["matrix"]["include"]
    named = {"packages"}.union(*(job["steps"].split("|") for job in jobs))

    assert named == steps


def release_scripts() -> dict[str, str]:
    """The commands of the release's steps by their names, all run by the shell that BASH is."""
    workflow = yaml.safe_load((GITHUB / "workflows/release.yml").read_text())
    assert workflow["defaults"]["run"]["shell"] == "bash"
    return {step["name"]: step["run"] for step in workflow["jobs"]["release"]["steps"] if "run" in step}


def test_a_tag_is_released_to_where_the_workflow_looks(tmp_path: Path) -> None:
    """The command of the release, shown and not done: its folder is the one that is signed and uploaded."""
    scripts = release_scripts()
    script = f'make() {{ command make -sC {ROOT} "$@"; }}\n{scripts["make release"]}'
    subprocess.run([*BASH, script], cwd=tmp_path, env={**os.environ, "DRY_RUN": "1"}, capture_output=True, check=True)

    shown = (tmp_path / "released").read_text()
    assert f"into {ROOT}/dist/release\n" in shown
    assert f"push ghcr.io/db-health-exporter/db-health-exporter:{version()}\n" in shown
    used = {folder for script in scripts.values() for folder in re.findall(r"dist/[a-z]+", script)}
    assert used == {"dist/release"}


@pytest.mark.parametrize(("tag", "early"), [("v0.1.0", False), ("v0.1.0-rc.1", True)])
def test_a_candidate_is_not_the_newest_release(tag: str, *, early: bool, tmp_path: Path) -> None:
    """The page of a release has the changelog's words, every file, and a mark where it is a candidate's."""
    (tmp_path / "dist/release").mkdir(parents=True)
    (tmp_path / "dist/release/changes.md").touch()
    gh = tmp_path / "gh"
    gh.write_text('#!/bin/sh\necho "$@"\n')
    gh.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_REF_NAME": tag}
    words = [*BASH, release_scripts()["the release's page"]]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.startswith(f"release create {tag} --verify-tag --notes-file dist/release/changes.md ")
    assert done.stdout.endswith(" dist/release/changes.md\n")
    assert ("--prerelease" in done.stdout) is early


@pytest.mark.parametrize("form", sorted((GITHUB / "ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda path: path.stem)
def test_issue_forms_are_forms(form: Path) -> None:
    """What a form must have, and each of its fields."""
    content = yaml.safe_load(form.read_text())

    assert {"name", "description", "body"} <= set(content)
    for field in content["body"]:
        assert field["type"] in {"textarea", "input", "dropdown", "checkboxes", "markdown"}
        assert field["id"]
        assert field["attributes"]["label"]
