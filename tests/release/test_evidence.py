"""What signs in the registry: each cosign by the words that it knows, each key in the form that it takes."""

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.release.conftest import git, release_job
from tools.release import evidence, source

pytestmark = pytest.mark.extended
COSIGN = """#!/bin/sh
echo "$@" >> "$0.calls"
case $1 in
version) echo '{ "gitVersion": "VERSION" }' ;;
import-key-pair) head -n 1 "$3" >> "$0.calls" ;;
esac
"""


@pytest.mark.parametrize(("version", "newer"), [("v2.5.3", False), ("v3.1.3", True), ("devel", True)])
def test_each_cosign_is_given_words_that_it_knows(
    version: str, *, newer: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 2 ends at those of version 3, with everything pushed; both take PKCS #8."""
    cosign = tmp_path / "bin/cosign"
    cosign.parent.mkdir()
    cosign.write_text(COSIGN.replace("VERSION", version))
    cosign.chmod(0o755)
    monkeypatch.setenv("PATH", str(cosign.parent), prepend=":")
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", key], check=True)
    assert key.read_text().startswith("-----BEGIN EC PARAMETERS")
    job = release_job(tmp_path / "out", key=key)
    (job.out / evidence.SUMS).write_text("sums")

    evidence.sign(job, {"registry.example/team/chart": "sha256:00"})

    calls = cosign.with_name("cosign.calls").read_text()
    assert "-----BEGIN PRIVATE KEY-----\n" in calls
    [signing] = [line for line in calls.splitlines() if line.startswith("sign ")]
    assert "--tlog-upload=false" in signing
    assert signing.endswith("--recursive registry.example/team/chart@sha256:00")
    assert ("--use-signing-config=false" in signing) is newer
    assert ("--new-bundle-format=false" in signing) is newer


def test_provenance_tells_what_the_commit_holds(tmp_path: Path) -> None:
    """Not what an editor has made of it since."""
    repository = tmp_path / "repository"
    lock = repository / "requirements/image.txt"
    lock.parent.mkdir(parents=True)
    lock.write_text("as it was committed\n")
    (lock.parent / "image.in").touch()
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "first"]):
        git(repository, *words)
    lock.write_text("as it is edited\n")
    commit = source.git(repository, "rev-parse", "HEAD")
    job = replace(release_job(tmp_path / "out"), root=repository, commit=commit)

    told = evidence.provenance(job, {})["predicate"]["buildDefinition"]["resolvedDependencies"][1:]

    digest = hashlib.sha256(b"as it was committed\n").hexdigest()
    assert told == [{"name": "requirements/image.txt", "digest": {"sha256": digest}}]
