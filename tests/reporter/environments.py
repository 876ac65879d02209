"""Environments as applications have them: one for each SQLAlchemy, made when it is first needed and kept."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).parent / "requirements"
VERSIONS = ("1.4", "2.0", "2.1")
DRIVERS = {
    "1.4": ("psycopg2", "asyncpg"),
    "2.0": ("psycopg2", "psycopg", "asyncpg", "psycopg_async"),
    "2.1": ("psycopg2", "psycopg", "asyncpg", "psycopg_async"),
}
"""SQLAlchemy 1.4 has no dialect for psycopg 3."""


def python(version: str) -> Path:
    """The interpreter of the environment with this SQLAlchemy; the reporter is in it as it is in the tree."""
    home = ROOT / ".venvs" / f"sqlalchemy-{version}-python{sys.version_info.major}.{sys.version_info.minor}"
    home.parent.mkdir(exist_ok=True)
    with (home.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests may run in several processes
        stamp, wanted = home / "made-from", _fingerprint(version)
        if not (stamp.exists() and stamp.read_text() == wanted):
            _make(home, version)
            stamp.write_text(wanted)
    return home / "bin/python"


def _fingerprint(version: str) -> str:
    content = _requirements(version).read_bytes() + (ROOT / "reporter/pyproject.toml").read_bytes()
    return hashlib.sha256(content).hexdigest()


def _requirements(version: str) -> Path:
    return REQUIREMENTS / f"sqlalchemy-{version}.txt"


def _make(home: Path, version: str) -> None:
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=True)
    pip: list[str | Path] = [home / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    theirs: list[str | Path] = ["--no-deps", "--require-hashes", "-r", _requirements(version)]
    ours: list[str | Path] = ["--no-deps", "-e", ROOT / "reporter"]
    for what in (theirs, ours):
        done = subprocess.run([*pip, *what], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the environment for SQLAlchemy {version} cannot be made: {done.stderr}")
