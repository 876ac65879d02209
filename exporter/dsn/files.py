"""Files that hold secrets and certificates, and plain words for why one cannot be used."""

import hashlib
import os
import stat
from pathlib import Path

_LARGEST = 1_000_000


class UnusableFileError(Exception):
    """Why a file cannot be used; the text follows "names", and repeats no path.

    Somebody may have put the secret itself where its file's path belongs.
    """


def content(path: str, *, may_be_empty: bool = False) -> bytes:
    """A file's content; an empty one is refused unless it means something."""
    try:
        if stat.S_ISFIFO(Path(path).stat().st_mode):  # to open one waits for whoever writes, for good
            raise UnusableFileError("a pipe instead of a file")
        with Path(path).open("rb") as file:
            found = file.read(_LARGEST + 1)
    except FileNotFoundError:
        why = "a file that does not exist"
    except IsADirectoryError:
        why = "a directory instead of a file"
    except PermissionError:
        why = "a file that this process may not read"
    except (OSError, ValueError):
        why = "a file that cannot be read"
    else:
        if len(found) > _LARGEST:
            raise UnusableFileError("a file of more than a megabyte")
        if not may_be_empty and not found.strip(b"\r\n"):
            raise UnusableFileError("an empty file")
        return found
    # Raised here and not above: a cause like "no such file" would be taken for a database's missing socket.
    raise UnusableFileError(why)


def text(path: str, *, may_be_empty: bool = False) -> str:
    """The same as text."""
    found = content(path, may_be_empty=may_be_empty)
    try:
        return found.decode()
    except UnicodeDecodeError:
        raise UnusableFileError("a file that is not UTF-8 text") from None


def why_no_password_file(path: str) -> str:
    """Return why drivers take no password from a file, as what its name leads to; nothing for a file that they use.

    Both ignore a file that group or others may access, without an error, and so does `psql`:
    https://www.postgresql.org/docs/current/libpq-pgpass.html.
    """
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return "a file that does not exist"
    except (OSError, ValueError):
        return "a file that cannot be read"
    if not stat.S_ISREG(mode):
        return "no plain file"
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"a file that not only its owner may access: its mode is {stat.S_IMODE(mode):04o}, drivers ask for 0600"
    return "" if os.access(path, os.R_OK) else "a file that this process may not read"


def document_state(path: str) -> str:
    """Return what changes whenever a file's content does, or the reason why it cannot be read; never its content."""
    try:
        return hashlib.sha256(content(path)).hexdigest()
    except UnusableFileError as error:
        return str(error)
