"""Wheels and sdists of the three distributions, and the charts' packages: the same bytes from the same commit."""

import gzip
import io
import re
import sys
import tarfile
from pathlib import Path

from tools.release.job import CHARTS, Job
from tools.release.source import PACKAGES

# The hooks of PEP 517, called where the package stands.
BUILD = """
import importlib, sys, tomllib
system = tomllib.load(open("pyproject.toml", "rb"))["build-system"]
sys.path[:0] = system.get("backend-path", [])
backend = importlib.import_module(system["build-backend"])
folder = sys.argv[1]  # setuptools changes sys.argv
print(backend.build_sdist(folder), backend.build_wheel(folder))
"""


def build_packages(job: Job, tree: Path) -> None:
    """Build every wheel and sdist into the release's folder."""
    for place in PACKAGES.values():
        job.run([sys.executable, "-W", "ignore", "-c", BUILD, job.out], cwd=tree / place)
    for path in job.out.glob("*.tar.gz"):
        make_reproducible(path, job.epoch)


def build_charts(job: Job, tree: Path) -> None:
    """Package the charts."""
    for name in CHARTS:
        job.run([job.helm, "package", tree / "helm" / name, "--destination", job.out])
        make_reproducible(job.chart(name), job.epoch)


def push_charts(job: Job) -> dict[str, str]:
    """Push the charts; their digests by reference."""
    plain = ["--plain-http"] if job.plain_http else []
    pushed = {}
    for name in CHARTS:
        said = job.run([job.helm, "push", job.chart(name), f"oci://{job.registry}/charts", *plain])
        found = re.search(r"Digest: (sha256:[0-9a-f]{64})", said)
        if found is None:
            raise SystemExit(f"helm push named no digest: {said}")
        pushed[f"{job.registry}/charts/{name}"] = found[1]
    return pushed


def make_reproducible(path: Path, epoch: int) -> None:
    """Write an archive anew, with nothing in it of the machine and the hour."""
    with tarfile.open(path) as old:
        members = sorted(((entry, old.extractfile(entry)) for entry in old.getmembers()), key=lambda pair: pair[0].name)
        buffer = io.BytesIO()
        with (
            gzip.GzipFile(fileobj=buffer, mode="wb", mtime=epoch, filename="") as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
        ):
            for entry, content in members:
                entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = epoch, 0, 0, "", ""
                entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
                entry.pax_headers = {}
                new.addfile(entry, content)
    path.write_bytes(buffer.getvalue())
