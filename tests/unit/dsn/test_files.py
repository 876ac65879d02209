"""Files that cannot be used: why, in words that repeat no path."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.dsn.files import UnusableFileError, content

MAKE: dict[str, Callable[[Path], object]] = {
    "a file that does not exist": str,
    "a directory instead of a file": Path.mkdir,
    "a pipe instead of a file": os.mkfifo,
    "an empty file": Path.touch,
    "a file of more than a megabyte": lambda path: path.write_bytes(b"x" * 1_000_001),
}


@pytest.mark.parametrize("why", MAKE)
def test_an_unusable_file_is_named_at_once(tmp_path: Path, why: str) -> None:
    """A pipe, too: to open one would wait for whoever writes, for good."""
    MAKE[why](tmp_path / "secret")

    with pytest.raises(UnusableFileError, match=f"^{why}$"):
        content(str(tmp_path / "secret"))
