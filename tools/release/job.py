"""What a release is asked for, and the commands that it runs."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OWN_REGISTRY = "ghcr.io/db-health-exporter"
NAME = "db-health-exporter"
PROJECT = f"https://github.com/{NAME}/{NAME}"
CHARTS = (NAME, f"{NAME}-lib")
ARCHITECTURES = ("amd64", "arm64")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One release: where it comes from, what it is called, where it goes."""

    root: Path
    out: Path
    registry: str
    version: str
    commit: str
    epoch: int
    base: str
    image_flags: tuple[str, ...] = ()
    key: Path | None = None
    plain_http: bool = False
    helm: str = "helm"

    @property
    def image(self) -> str:
        """The image's reference in the registry."""
        return f"{self.registry}/{NAME}:{self.version}"

    def local_image(self, architecture: str) -> str:
        """The name of one platform's image on this machine."""
        return f"localhost/{NAME}:{self.version}-{architecture}"

    def chart(self, name: str) -> Path:
        """A chart's package."""
        return self.out / f"{name}-{self.version}.tgz"

    def sbom(self, architecture: str) -> Path:
        """The SBOM of one platform's image."""
        return self.out / f"{NAME}-image-{self.version}-{architecture}.cdx.json"

    def environment(self) -> dict[str, str]:
        """The variables of what it runs: one clock for everything."""
        return {**os.environ, "SOURCE_DATE_EPOCH": str(self.epoch), "PYTHONHASHSEED": "0"}

    def run(self, command: Sequence[str | Path], *, cwd: Path | None = None, stdin: str | None = None) -> str:
        """Run a command and give its output.

        Raises:
            SystemExit: it failed; the message ends with its output.
        """
        print("+", *command, file=sys.stderr)  # noqa: T201 - a release shows what it does
        done = subprocess.run(  # noqa: S603 - the release's own commands
            [*map(str, command)],
            cwd=cwd or self.root,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout + done.stderr
