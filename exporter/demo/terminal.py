"""The terminal: single keys, a screen of its own, and everything as it was before afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import termios
import tty
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"  # another screen, no cursor, no wrapping, empty
LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"


class Terminal:
    """Shows screens and reads keys where there is a terminal to do so; `usable` tells."""

    def __init__(self) -> None:
        """Look at what standard input and output are; nothing is changed yet."""
        self._keyboard = sys.stdin.fileno() if sys.stdin is not None and _is_ours(sys.stdin.fileno()) else None
        self.live = self._keyboard is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.colours = self.live and "NO_COLOR" not in os.environ
        self._before = termios.tcgetattr(self._keyboard) if self._keyboard is not None else None
        self._on_screen = False

    @property
    def keyboard(self) -> int | None:
        """Where keys come from, if anywhere."""
        return self._keyboard

    def enter(self) -> None:
        """Read single keys from now on; Ctrl-C and Ctrl-Z keep their meaning."""
        if self._keyboard is not None:
            tty.setcbreak(self._keyboard, termios.TCSANOW)

    def show(self, lines: Sequence[str]) -> None:
        """Replace what is on the screen, without flicker."""
        if not self._on_screen:
            self._on_screen = True
            self.write(ENTER)
        self.write("\x1b[H" + "\r\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J")

    def leave(self) -> None:
        """Give everything back as it was."""
        if self._on_screen:
            self._on_screen = False
            self.write(LEAVE)
        if self._keyboard is not None and self._before is not None:
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(self._keyboard, termios.TCSANOW, self._before)

    def write(self, text: str) -> None:
        """Write; a terminal that has hung up, or a pipe that nobody reads, is no reason to fail."""
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.write(text)
            sys.stdout.flush()

    def size(self) -> tuple[int, int]:
        """Return columns and lines as they are now."""
        size = shutil.get_terminal_size()
        return size.columns, size.lines

    def key(self) -> str:
        """Return what was typed; nothing where the terminal is gone."""
        if self._keyboard is None:
            return ""
        with contextlib.suppress(OSError):
            return os.read(self._keyboard, 64).decode(errors="replace")
        return ""


def _is_ours(descriptor: int) -> bool:
    """Tell whether this is a terminal and we are in its foreground: from the background it must not be touched."""
    try:
        return os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False
