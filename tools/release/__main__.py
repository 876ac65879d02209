"""`python -m tools.release --registry REGISTRY` releases the commit that is checked out; `make release` calls it."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.release import evidence, image, packages, request, source
from tools.release.job import ARCHITECTURES, CHARTS, NAME, Job
from tools.version import ROOT, version


def plan(job: Job) -> list[str]:
    """What a release does, a line for each step."""
    fault = source.changelog_fault(_changelog(job), job)
    charts = ", ".join(f"oci://{job.registry}/charts/{name} {job.version}" for name in CHARTS)
    return [
        f"check that CHANGELOG.md has an entry for {job.version}" + (f"; this ends it now: {fault}" if fault else ""),
        f"write that entry to {job.out}/changes.md",
        f"export {job.commit[:12]}, with version {job.version} and registry {job.registry}",
        f"build wheels and sdists of {', '.join(source.PACKAGES)} into {job.out}",
        f"package the charts {', '.join(CHARTS)}",
        f"build the image on {job.base} for {' and '.join(ARCHITECTURES)}; take out each SBOM",
        f"push {job.image}",
        f"push {charts}",
        f"write provenance.intoto.json and {evidence.SUMS}",
        f"sign with {job.key}" if job.key else "sign nothing: no KEY",
    ]


def _changelog(job: Job) -> str:
    return source.content(job, "CHANGELOG.md").decode()


def check(job: Job) -> None:
    """Look for the tools and at the changelog.

    Raises:
        SystemExit: one is missing, or announces no such version.
    """
    for tool, cure in (("buildah", "install it"), (job.helm, "install it, or name it: HELM=/path/to/helm")):
        if shutil.which(tool) is None:
            raise SystemExit(f"a release needs {tool}: {cure}")
    if fault := source.changelog_fault(_changelog(job), job):
        raise SystemExit(fault)


def release(job: Job) -> None:
    """Do it."""
    shutil.rmtree(job.out, ignore_errors=True)
    job.out.mkdir(parents=True)
    (job.out / "changes.md").write_text(source.changes(_changelog(job), job.version), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        tree = source.export(job, Path(folder, "tree"))
        packages.build_packages(job, tree)
        packages.build_charts(job, tree)
        image.build(job, tree, Path(folder))
    pushed = {f"{job.registry}/{NAME}": image.push(job), **packages.push_charts(job)}
    evidence.write(job, pushed)
    evidence.sign(job, pushed)
    for name, digest in pushed.items():
        print(f"{name}:{job.version}@{digest}")  # noqa: T201 - the release's result


def read(arguments: Sequence[str]) -> tuple[Job, argparse.Namespace]:
    """The release that the arguments ask for, and what to do of it."""
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    parser.add_argument("--registry", default="", help="such as ghcr.io/db-health-exporter or localhost:5000")
    parser.add_argument("--version", default="", help="the tree's version by default")
    parser.add_argument("--out", type=Path, help="dist/VERSION by default")
    parser.add_argument(
        "--base", default="docker.io/library/python:3.13-slim", help="the image's base; {arch} in it is amd64 or arm64"
    )
    parser.add_argument("--image-flags", default="", help="further flags of buildah build")
    parser.add_argument("--key", type=Path, help="a private key (PEM, ECDSA P-256) to sign with")
    parser.add_argument("--plain-http", action="store_true", help="the registry speaks HTTP; so does one on localhost")
    parser.add_argument("--helm", default="helm", help="the Helm that packages and pushes the charts")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--check", action="store_true", help="end where a release would be refused, and do nothing")
    chosen = parser.parse_args(arguments)
    registry = request.registry(chosen.registry)
    wanted = request.version(chosen.version or version())
    commit, epoch = request.commit(ROOT)
    job = Job(
        root=ROOT,
        out=request.out(chosen.out or ROOT / "dist" / wanted),
        registry=registry,
        version=wanted,
        commit=commit,
        epoch=epoch,
        base=request.base(chosen.base),
        image_flags=request.image_flags(chosen.image_flags),
        key=request.key(chosen.key) if chosen.key else None,
        plain_http=chosen.plain_http or request.is_local(registry),
        helm=chosen.helm,
    )
    return job, chosen


def main(arguments: Sequence[str]) -> None:
    """Release, or show how."""
    job, asked = read(arguments)
    if asked.dry_run:
        for number, line in enumerate(plan(job), 1):
            print(f"{number}. {line}")  # noqa: T201 - what a dry run is for
        return
    check(job)
    if asked.check:
        return
    if changes := source.git(ROOT, "status", "--porcelain"):
        print(f"not released, since it is not committed:\n{changes}", file=sys.stderr)  # noqa: T201
    release(job)


if __name__ == "__main__":
    main(sys.argv[1:])
