"""Files that are made of others: which are not what they should be, and what to run."""

from collections.abc import Iterable, Mapping
from pathlib import Path


def stale(files: Mapping[Path, str]) -> list[Path]:
    """Return the files that are missing or hold another text than the one given."""
    return [path for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def write(files: Mapping[Path, str]) -> None:
    """Write each file with its text, and the folders that it needs."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def verdict(changed: Iterable[Path], root: Path) -> int | str:
    """Return the exit status of a check: 0, or what to run, with the files relative to `root`."""
    names = ", ".join(str(path.relative_to(root)) for path in changed)
    return f"run: make generate (it changes {names})" if names else 0
