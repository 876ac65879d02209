"""The locks name every package, and every command that installs from one uses `--no-deps`."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLERS = ("Makefile", "tools/image/install.py", "tests/reporter/environments.py")
LOCKS = sorted([*ROOT.glob("requirements/*.txt"), *ROOT.glob("tests/reporter/requirements/*.txt")])


@pytest.mark.parametrize("installer", INSTALLERS)
def test_pip_resolves_nothing(installer: str) -> None:
    """If pip resolved, it would find versions newer than the lock's, without a hash, and install nothing."""
    text = re.sub(r'",\s+"', " ", (ROOT / installer).read_text())  # a list of arguments is one command
    lines = [line for line in text.splitlines() if "--require-hashes" in line]

    assert lines
    assert all("--no-deps" in line for line in lines)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_locks_have_hashes_and_no_addresses(lock: Path) -> None:
    """Every line pins one version and is followed by its hashes; no line names an index."""
    text = lock.read_text()
    pins = re.findall(r"(?m)^([a-z0-9][^\s]*) \\$", text)

    assert pins
    assert all(re.fullmatch(r"[a-z0-9._-]+==[^\s]+", pin) for pin in pins)
    assert len(re.findall(r"(?m)^\S.*\\\n    --hash=sha256:", text)) == len(pins)
    assert "://" not in text
