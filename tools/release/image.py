"""The image for every platform: built, measured, pushed under one name."""

import io
import json
import platform
import tarfile
import uuid
from pathlib import Path
from typing import Any

from tools.release.job import ARCHITECTURES, Job

SBOM_PATH = "opt/exporter/sbom.cdx.json"
GOAL_BYTES = 90_000_000


def build(job: Job, tree: Path, layouts: Path) -> None:
    """Build each platform's image by buildah, into an OCI layout of its own, and take its SBOM out.

    Raises:
        SystemExit: an image is larger than the goal.
    """
    for architecture in ARCHITECTURES:
        name = job.local_image(architecture)
        job.run([*command(job, architecture), "--layers", "--tag", name, tree])
        layout = layouts / architecture
        job.run(["buildah", "push", "--quiet", name, f"oci:{layout}:{architecture}"])
        size = compressed_bytes(layout)
        print(f"{architecture}: {size / 1e6:.1f} MB compressed; the goal is under {GOAL_BYTES / 1e6:.0f} MB")  # noqa: T201
        if size >= GOAL_BYTES:
            raise SystemExit(f"the image for {architecture} has {size} bytes compressed")
        job.sbom(architecture).write_bytes(read(layout, SBOM_PATH))


def command(job: Job, architecture: str) -> list[str]:
    """How buildah builds one platform's image: the same content from the same commit, wherever it is built."""
    machine = {"aarch64": "arm64"}.get(platform.machine(), "amd64")
    given = {
        "BUILDPLATFORM": f"linux/{machine}",
        "BASE": job.base.format(arch=architecture),
        "BUILD_BASE": job.base.format(arch=machine),
        "VERSION": job.version,
        "REVISION": job.commit,
    }
    words = ["buildah", "build", "--timestamp", str(job.epoch), "--platform", f"linux/{architecture}", *job.image_flags]
    return words + [word for name, value in given.items() for word in ("--build-arg", f"{name}={value}")]


def push(job: Job) -> str:
    """Push all platforms under one name; the digest of their index."""
    listed = f"localhost/db-health-exporter:{uuid.uuid4().hex}"  # a list of an earlier try would be added to
    digest = job.out / ".digest"
    job.run(["buildah", "manifest", "create", listed])
    for architecture in ARCHITECTURES:
        job.run(["buildah", "manifest", "add", listed, f"containers-storage:{job.local_image(architecture)}"])
    plain = ["--tls-verify=false"] if job.plain_http else []
    words = ["--all", "--format", "oci", "--digestfile", str(digest), *plain]
    job.run(["buildah", "manifest", "push", *words, listed, f"docker://{job.image}"])
    job.run(["buildah", "manifest", "rm", listed])
    found = digest.read_text(encoding="utf-8").strip()
    digest.unlink()
    return found


def manifest(layout: Path) -> dict[str, Any]:
    """The manifest of the one image of a layout."""
    index = json.loads((layout / "index.json").read_text(encoding="utf-8"))
    [entry] = index["manifests"]
    found: dict[str, Any] = json.loads(_blob(layout, entry["digest"]))
    return found


def compressed_bytes(layout: Path) -> int:
    """What a pull of the image transfers."""
    found = manifest(layout)
    return sum(part["size"] for part in [found["config"], *found["layers"]])


def read(layout: Path, path: str) -> bytes:
    """One file of an image.

    Raises:
        LookupError: no layer holds it.
    """
    for layer in reversed(manifest(layout)["layers"]):
        with tarfile.open(fileobj=io.BytesIO(_blob(layout, layer["digest"]))) as files:
            if path in files.getnames() and (content := files.extractfile(path)) is not None:
                return content.read()
    raise LookupError(path)


def _blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()
