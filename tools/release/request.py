"""What a release is asked for: a wrong word ends it, before any work, with one sentence that names what to change."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from tools.release import source
from tools.version import VERSION

_HOST = r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::\d+)?"
_FOLDER = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
# What a release writes into its folder.
_OURS = re.compile(
    r"db[-_]health[-_].+|changes\.md|pushed\.txt|provenance\.intoto\.json|SHA256SUMS.*|signer\.pub|\.digest"
)
_NEW_KEY = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem"


def registry(text: str) -> str:
    """A registry's host and folder, without a slash at the end.

    Raises:
        SystemExit: it is none; so for the other functions and their words.
    """
    if not text:
        raise SystemExit("REGISTRY is missing: REGISTRY=localhost:5000, or REGISTRY=ghcr.io/db-health-exporter")
    scheme, found, name = text.rpartition("://")
    if found and "@" not in name:
        raise SystemExit(f"REGISTRY={text}: write it without {scheme}://, as {name}")
    if "@" in text:
        raise SystemExit(
            "REGISTRY holds a name and a password: leave them to `buildah login` and `helm registry login`"
        )
    if text != text.lower():
        raise SystemExit(f"REGISTRY={text}: images have names in lower case, as {text.lower()}")
    name = text.rstrip("/")
    if re.fullmatch(rf"{_HOST}(?:/{_FOLDER})*", name) is None:
        raise SystemExit(
            f"REGISTRY={text}: write a host, with a port and a folder where it has them, as localhost:5000/team"
        )
    host = name.partition("/")[0]
    if host != "localhost" and not {".", ":"} & set(host):
        raise SystemExit(
            f"REGISTRY={text}: {host} is no host's name; write it with its domain or its port, as {host}:5000"
        )
    return name


def is_local(name: str) -> bool:
    """Whether a registry is on this machine, where it speaks HTTP."""
    host = re.sub(r":\d+$", "", name.partition("/")[0])
    return host in {"localhost", "[::1]"} or re.fullmatch(r"127\.\d+\.\d+\.\d+", host) is not None


def version(text: str) -> str:
    """A version that image, charts and packages all take."""
    if re.fullmatch(VERSION, text) is None:
        without = text.removeprefix("v").partition("+")[0]
        as_it_is = f", as {without}" if re.fullmatch(VERSION, without) else ""
        raise SystemExit(f"VERSION={text}: write it in the form 1.2.3 or 1.2.3-rc.1{as_it_is}")
    return text


def out(folder: Path) -> Path:
    """A folder that is emptied first, and so must hold nothing but an earlier release."""
    folder = folder.resolve()
    if folder.is_dir():
        foreign = sorted(path.name for path in folder.iterdir() if path.is_dir() or not _OURS.fullmatch(path.name))
        if foreign:
            raise SystemExit(f"OUT={folder}: it holds {foreign[0]}, which is of no release; name a new folder")
    elif folder.exists():
        raise SystemExit(f"OUT={folder}: it is a file; name a folder")
    return folder


def base(text: str) -> str:
    """An image's name, in which {arch} may stand."""
    if not text.strip() or set(re.sub(r"\{arch\}", "", text)) & set("{} "):
        raise SystemExit(f"BASE={text}: write an image's name, as python:3.13-slim; only {{arch}} may stand in braces")
    return text


def image_flags(text: str) -> tuple[str, ...]:
    """Words for buildah."""
    try:
        return tuple(shlex.split(text))
    except ValueError:
        raise SystemExit(f"IMAGE_FLAGS={text}: a quotation mark is not closed") from None


def key(path: Path) -> Path:
    """A private key that openssl and cosign both sign with."""
    path = path.resolve()
    if not path.is_file():
        raise SystemExit(f"KEY={path}: there is no such file; {_NEW_KEY} makes one")
    if shutil.which("openssl") is None:
        raise SystemExit("a release with a KEY needs openssl")
    if b"ENCRYPTED" in path.read_bytes():
        raise SystemExit(
            f"KEY={path}: it is encrypted, and nobody is asked for a password; {_NEW_KEY} makes one that is not"
        )
    words = ["openssl", "pkey", "-in", str(path), "-noout", "-text"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise SystemExit(f"KEY={path}: it is no private key in PEM; {_NEW_KEY} makes one")
    if "prime256v1" not in done.stdout:
        raise SystemExit(f"KEY={path}: it is no ECDSA key on the curve P-256; {_NEW_KEY} makes one")
    return path


def commit(root: Path) -> tuple[str, int]:
    """The commit that is released, and its time."""
    if shutil.which("git") is None:
        raise SystemExit("a release needs git")
    try:
        # Unpacked inside of another repository, a ZIP file would be released as that one's commit.
        if Path(source.git(root, "rev-parse", "--show-toplevel")).resolve() == root.resolve():
            return source.git(root, "rev-parse", "HEAD"), int(source.git(root, "log", "-1", "--format=%ct"))
    except subprocess.CalledProcessError as error:
        if "ownership" in error.stderr:
            raise SystemExit(f"git: {error.stderr.strip()}") from None
    raise SystemExit(f"a release is one of a commit, and {root} has none: clone the repository with git")
