"""Files that cannot be used: why, in words that repeat no path."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.dsn import parse
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


def open_to_its_group(path: Path) -> None:
    """A file as a Secret's volume has it for a pod with a group, whatever the umask."""
    path.touch()
    path.chmod(0o640)


IGNORED: dict[str, Callable[[Path], object]] = {
    "a file that does not exist": str,
    "no plain file": Path.mkdir,
    "a file that not only its owner may access: its mode is 0640, drivers ask for 0600": open_to_its_group,
}


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
@pytest.mark.parametrize("why", IGNORED)
def test_a_password_file_that_drivers_ignore_is_left_out_and_named(tmp_path: Path, driver: str, why: str) -> None:
    """Given it, libpq would print a line of its own at each connect, and asyncpg a warning of two lines."""
    IGNORED[why](tmp_path / "pgpass")
    target = parse(f"postgresql+{driver}://app@db/app?passfile={tmp_path}/pgpass")

    assert not target.connect_arguments().get("passfile")
    assert [sentence.strip() for sentence in target.sentences] == [f"has passfile, which names {why}; it is left out"]


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
def test_a_password_file_counts_where_no_password_is_given(tmp_path: Path, driver: str) -> None:
    """One of its owner's alone is the driver's to read; with a password its state is of no interest."""
    (tmp_path / "pgpass").touch(0o600)
    used = parse(f"postgresql+{driver}://app@db/app?passfile={tmp_path}/pgpass")
    unused = parse(f"postgresql+{driver}://app:secret@db/app?passfile=/nowhere")

    assert used.connect_arguments()["passfile"] == f"{tmp_path}/pgpass"
    assert used.sentences == unused.sentences == ()
