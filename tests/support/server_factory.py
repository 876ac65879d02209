"""The folder in which every server of a test run lives, and the reaper that clears it."""

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import IO

from tests.support.embedded import embedded_binaries
from tests.support.needs import need

NOBODY = 65534


class ServerFactory:
    """A short path, as Unix sockets need one, watched by a reaper process."""

    def __init__(self) -> None:
        """Make the folder and start its reaper."""
        self.home = Path(tempfile.mkdtemp(prefix="dbhealth-"))
        self.home.chmod(0o755)
        self._numbers = itertools.count()
        reaper = Path(__file__).with_name("reaper.py")
        self._janitor = subprocess.Popen(
            [sys.executable, "-S", str(reaper), str(self.home)],
            stdin=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )

    def close(self) -> None:
        """Let the reaper clear everything now."""
        self._janitor.communicate()

    def folder(self, name: str, *, private: bool = False) -> Path:
        """A new folder, given to the servers' user where it is private."""
        path = self.home / f"{name}{next(self._numbers)}"
        path.mkdir()
        if private:
            self.give(path)
        return path

    def give(self, path: Path, *, mode: int = 0o700) -> None:
        """Hand a file or folder to the user that the servers run as."""
        path.chmod(mode)
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)

    @property
    def unprivileged(self) -> list[str]:
        """Prefix of a command that drops root: PostgreSQL and PgBouncer refuse it."""
        if os.geteuid() != 0:
            return []
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

    @cached_property
    def binaries(self) -> Path:
        """PostgreSQL's programs, copied where the servers' user may not enter the installed ones."""
        return embedded_binaries(self.home, self.unprivileged)

    @cached_property
    def system_binaries(self) -> Path:
        """The distribution's PostgreSQL, newest first: unlike the embedded one it has TLS."""
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
        need(bool(found), "needs the distribution's PostgreSQL server (package postgresql), for TLS")
        return found[-1].parent

    def run(self, command: Sequence[str | Path], *, cwd: Path | None = None) -> str:
        """Run a command as the servers' user to its end; its output is in the error when it fails."""
        words = [*self.unprivileged, *map(str, command)]
        done = subprocess.run(words, cwd=cwd or self.home, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"{words} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def spawn(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        output: IO[bytes],
        prefix: Sequence[str] = (),
    ) -> subprocess.Popen[bytes]:
        """Start a server; every command of the prefix must exec the next, so that its pid is the server's."""
        words = [*prefix, *self.unprivileged, *map(str, command)]
        return subprocess.Popen(
            words,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
