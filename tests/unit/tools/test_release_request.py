"""What a release is asked for is refused in one sentence that names what to change."""

from pathlib import Path

import pytest

from tools.release import request


@pytest.mark.parametrize(
    ("asked", "understood"),
    [
        ("ghcr.io/db-health-exporter", "ghcr.io/db-health-exporter"),
        ("localhost:5000/", "localhost:5000"),
        ("registry.example:8443/a/b_c", "registry.example:8443/a/b_c"),
        ("[::1]:5000", "[::1]:5000"),
    ],
)
def test_a_registry_is_a_host_and_a_folder(asked: str, understood: str) -> None:
    """With or without a slash at the end."""
    assert request.registry(asked) == understood


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("", "REGISTRY is missing: REGISTRY=localhost:5000"),
        ("https://ghcr.io/team", "without https://, as ghcr.io/team$"),
        ("oci://ghcr.io/team", "without oci://, as ghcr.io/team$"),
        ("ghcr.io/Team", "lower case, as ghcr.io/team$"),
        ("team", "team is no host's name"),
        ("ghcr.io/team:1.0", "write a host"),
        ("ghcr.io//team", "write a host"),
        ("a b", "write a host"),
    ],
)
def test_what_is_no_registry_is_refused(asked: str, told: str) -> None:
    """Not after an image was built."""
    with pytest.raises(SystemExit, match=told):
        request.registry(asked)


@pytest.mark.parametrize("asked", ["me:secret@ghcr.io/team", "https://me:secret@ghcr.io/team"])
def test_a_password_in_a_registry_is_not_repeated(asked: str) -> None:
    """A refusal ends in logs."""
    with pytest.raises(SystemExit, match="buildah login") as refused:
        request.registry(asked)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("localhost", True),
        ("localhost/team", True),
        ("localhost:5000/team", True),
        ("127.0.0.2:5000", True),
        ("[::1]:5000/team", True),
        ("127.example", False),
        ("localhost.example:5000", False),
    ],
)
def test_a_registry_on_this_machine_speaks_http(name: str, *, local: bool) -> None:
    """With a port, with a folder, with neither."""
    assert request.is_local(name) is local


@pytest.mark.parametrize("wrong", ["v0.1.0", "0.1.0+build", "0.1", "0.1.0-rc1", "0.1.0-nightly", "01.2.3", "latest"])
def test_a_version_that_something_does_not_take_is_refused(wrong: str) -> None:
    """An image's tag has no plus, Helm takes no leading zero, pip no word that it does not know."""
    with pytest.raises(SystemExit, match=r"VERSION=\S+: write it in the form 1\.2\.3 or 1\.2\.3-rc\.1"):
        request.version(wrong)


def test_a_folder_that_holds_anything_else_is_not_emptied(tmp_path: Path) -> None:
    """It is emptied before each release, so OUT=. must not be taken."""
    assert request.out(tmp_path / "new") == tmp_path / "new"
    for name in ("db_health_exporter-0.1.0.tar.gz", "db-health-exporter-0.1.0.tgz", "SHA256SUMS.sig", "signer.pub"):
        (tmp_path / name).touch()
    assert request.out(tmp_path) == tmp_path
    with pytest.raises(SystemExit, match="it is a file"):
        request.out(tmp_path / "signer.pub")
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(SystemExit, match=r"it holds thesis\.tex, which is of no release"):
        request.out(tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_braces_and_quotation_marks_are_looked_at() -> None:
    """What the base's name and buildah's flags are written in."""
    assert request.base("localhost/base:{arch}") == "localhost/base:{arch}"
    assert request.image_flags("--volume '/a b:/c'") == ("--volume", "/a b:/c")
    with pytest.raises(SystemExit, match="BASE="):
        request.base("localhost/base:{architecture}")
    with pytest.raises(SystemExit, match="IMAGE_FLAGS="):
        request.image_flags("--volume '/a b")
