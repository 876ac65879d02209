"""The tree that is released: one commit's files, the release's version and registry in them, one time on all."""

import io
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from tools import version
from tools.release.job import OWN_REGISTRY, PROJECT, Job

PACKAGES = {"db-health-exporter": ".", "db-health-reporter": "reporter", "db-health-demo": "demo"}


def git(root: Path, *words: str) -> str:
    """What git prints."""
    command = ["git", *words]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


def content(job: Job, path: str) -> bytes:
    """A file as the commit has it, whatever has become of it since."""
    command = ["git", "show", f"{job.commit}:{path}"]
    return subprocess.run(command, cwd=job.root, capture_output=True, check=True).stdout  # noqa: S603


def export(job: Job, folder: Path) -> Path:
    """Write the commit's files into a folder, which must not exist."""
    archive = subprocess.run(  # noqa: S603 - git and a commit's name
        ["git", "archive", "--format=tar", job.commit],  # noqa: S607
        cwd=job.root,
        capture_output=True,
        check=True,
    ).stdout
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    version.write(folder, job.version)
    for path in (folder / "helm").rglob("*"):
        if path.is_file() and OWN_REGISTRY in (text := path.read_text(encoding="utf-8")):
            path.write_text(text.replace(OWN_REGISTRY, job.registry), encoding="utf-8")
    for place in PACKAGES.values():
        readme = folder / place / "README.md"
        readme.write_text(with_addresses(readme, folder, job.commit), encoding="utf-8")
        if place != ".":
            shutil.copy(folder / "LICENSE", folder / place / "LICENSE")
    for path in folder.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (job.epoch, job.epoch))
    return folder


def with_addresses(page: Path, root: Path, commit: str) -> str:
    """A page with the address of the commit's file in place of each link in the tree: an index shows it by itself."""

    def address(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(page.parent / link[3]))
        kind = "raw" if link[1] else "tree" if target.is_dir() else "blob"
        return f"{link[1]}[{link[2]}]({PROJECT}/{kind}/{commit}/{target.relative_to(root)}{link[4]})"

    return re.sub(r"(!?)\[([^]]*)\]\(([^):#\s]+)(#[^)\s]*|)\)", address, page.read_text(encoding="utf-8"))


def changelog_entry(text: str, wanted: str) -> str | None:
    """The title of a version's entry, such as "0.1.0 (2026-12-01)"; a pre-release needs its version's."""
    number = re.escape(wanted.partition("-")[0])
    found = re.search(rf"^## (\[?{number}\]?(?: .*)?)$", text, re.MULTILINE)
    return found[1] if found else None


def changes(text: str, wanted: str) -> str:
    """A version's entry without its title: the notes of its release."""
    title = changelog_entry(text, wanted) or ""
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0].strip() + "\n"


def changelog_fault(text: str, job: Job) -> str | None:
    """Why the changelog lets nothing be released; what stays on this machine or is a pre-release needs no date."""
    title = changelog_entry(text, job.version)
    if title is None:
        return f"CHANGELOG.md has no entry for {job.version}: give it one, as in: ## {job.version} (2026-12-31)"
    if "-" not in job.version and not job.plain_http and re.search(r"\d{4}-\d\d-\d\d", title) is None:
        return f"CHANGELOG.md: give {job.version} its date, as in: ## {job.version} (2026-12-31)"
    return None
