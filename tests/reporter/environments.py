"""Environments as applications have them, one for each lock in `requirements`, made when first needed and kept."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).parent / "requirements"
REPORTER = ROOT / "reporter"
BUILT_FROM = ("pyproject.toml", "build_backend.py", "db_health_reporter.pth")  # everything else is read from the tree
VERSIONS = ("1.4", "2.0", "2.1")
DRIVERS = {
    "1.4": ("psycopg2", "asyncpg"),
    "2.0": ("psycopg2", "psycopg", "asyncpg", "psycopg_async"),
    "2.1": ("psycopg2", "psycopg", "asyncpg", "psycopg_async"),
}
"""SQLAlchemy 1.4 has no dialect for psycopg 3."""


def python(version: str) -> Path:
    """Return the interpreter of the environment with this SQLAlchemy, or with the frameworks."""
    return interpreter(f"sqlalchemy-{version}" if version in VERSIONS else version)


def interpreter(lock: str) -> Path:
    """Return the interpreter of the environment of a lock; the reporter is in it as it is in the tree."""
    home = ROOT / ".venvs" / f"{lock}-python{sys.version_info.major}.{sys.version_info.minor}"
    home.parent.mkdir(exist_ok=True)
    with (home.parent / f"lock-{lock}").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the tests may run in several processes
        requirements = REQUIREMENTS / f"{lock}.txt"
        if _is_outdated(home / "requirements", _fingerprint(requirements)):
            shutil.rmtree(home, ignore_errors=True)
            venv.create(home, with_pip=False)  # the tests' own pip installs into it
            _install(home, "--no-deps", "--require-hashes", "-r", requirements)
            (home / "requirements").write_text(_fingerprint(requirements))
        built_from = _fingerprint(*(REPORTER / name for name in BUILT_FROM))
        if _is_outdated(home / "reporter", built_from):
            _install(home, "--no-deps", "-e", REPORTER)
            (home / "reporter").write_text(built_from)
    return home / "bin/python"


def _is_outdated(stamp: Path, fingerprint: str) -> bool:
    return not stamp.exists() or stamp.read_text() != fingerprint


def _fingerprint(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _install(home: Path, *arguments: str | Path) -> None:
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", home / "bin/python", "--quiet"]
    done = subprocess.run(
        [*pip, "install", "--disable-pip-version-check", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the environment {home.name} cannot be made: {done.stderr}")
