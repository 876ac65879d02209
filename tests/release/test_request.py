"""What is found only by looking at it: a key, a commit."""

import subprocess
from pathlib import Path

import pytest

from tests.release.conftest import git
from tests.release.keys import P_256, generate
from tests.support.needs import need, need_tools
from tools.release import request
from tools.version import ROOT

pytestmark = pytest.mark.extended


def test_a_key_of_the_form_that_is_asked_for_is_taken(tmp_path: Path) -> None:
    """The one that the refusals tell how to make."""
    path = generate(tmp_path / "key.pem", *P_256)
    assert request.key(path) == path


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-algorithm", "RSA"), "it is no ECDSA key on the curve P-256"),
        (("-algorithm", "ed25519"), "it is no ECDSA key on the curve P-256"),
        (("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"), "it is no ECDSA key on the curve P-256"),
        ((*P_256, "-aes256", "-pass", "pass:word"), "it is encrypted"),
    ],
)
def test_another_key_is_refused(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    """Before anything is built, not when all is pushed."""
    path = generate(tmp_path / "key.pem", *words)
    with pytest.raises(SystemExit, match=f"KEY={path}: {told}"):
        request.key(path)


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    """No file, a public key."""
    with pytest.raises(SystemExit, match="no such file"):
        request.key(tmp_path / "key.pem")
    public = tmp_path / "public.pem"
    key = generate(tmp_path / "other.pem", *P_256)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True)
    with pytest.raises(SystemExit, match="no private key in PEM"):
        request.key(public)


def test_a_tree_without_a_commit_is_refused(tmp_path: Path) -> None:
    """Unpacked anywhere, and inside of another repository, whose commit it is not."""
    need((ROOT / ".git").exists(), "needs the repository")
    commit, epoch = request.commit(ROOT)
    assert len(commit) == 40
    assert epoch > 0
    for words in ([], ["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "--message", "another"]):
        if words:
            git(tmp_path, *words)
        (tmp_path / "unpacked").mkdir(exist_ok=True)
        with pytest.raises(SystemExit, match="clone the repository with git"):
            request.commit(tmp_path / "unpacked")


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("REGISTRY=https://registry.example", "write it without https://, as registry.example"),
        ("HELM=/no/helm", "a release needs /no/helm: install it, or name it: HELM=/path/to/helm"),
        ("VERSION=9.8.7", "CHANGELOG.md has no entry for 9.8.7"),
    ],
)
def test_a_wrong_word_waits_for_no_environment(word: str, told: str, tmp_path: Path) -> None:
    """`make release` looks at what is asked for by any Python, before it installs anything."""
    need_tools("buildah")
    words = ["make", "-s", "release", f"VENV={tmp_path}/venv", "REGISTRY=localhost:5000", "HELM=true", word]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert told in done.stderr.splitlines()[0]
    assert not (tmp_path / "venv").exists()
