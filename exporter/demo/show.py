"""Two ways to show what the stage tells: a screen that updates in place, or lines one after the other."""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TYPE_CHECKING

from exporter.demo import screen
from exporter.demo.actions import ACTIONS
from exporter.demo.status import LOG, Links, Message, Status

if TYPE_CHECKING:
    from exporter.demo.terminal import Terminal

REMIND = 10.0  # seconds between two lines where nothing changes


class Lines:
    """Plain lines, for pipes, logs and transcripts."""

    def __init__(self, terminal: Terminal, *, scripted: bool = False) -> None:
        """Write to the terminal's output; `scripted` where the tour tells what happens."""
        self._terminal, self._scripted = terminal, scripted
        self._verdict = ""
        self._said_at = 0.0

    def take(self, message: Message) -> None:
        """Say what is new."""
        if message.failure:
            sys.stderr.write(f"db-health-exporter demo: {message.failure}\n")
        if message.say is not None:
            self._line(message.say if message.scripted else f"{_clock()}  {message.say}")
        if message.links:
            for line in introduction(message.links, keys=self._terminal.keyboard is not None):
                self._line(line)
        if message.status and not self._scripted:
            self._tell(message.status)

    def refresh(self) -> None:
        """Nothing moves here."""

    def ending(self) -> None:
        """Nothing has to be given back."""

    def farewell(self) -> None:
        """Say that all is over."""
        self._line("everything has ended; nothing is left behind")

    def _tell(self, status: Status) -> None:
        now = time.monotonic()
        if status.verdict == self._verdict and now - self._said_at < REMIND:
            return
        pool = status.pool
        self._line(
            f"{_clock()}  {status.verdict}: pool {pool.used}/{pool.most}, {pool.pending} waiting;"
            f" pooled probe {status.probes.get('pooled', 'unknown')}"
        )
        if status.verdict != self._verdict:
            self._line(f"          {status.sentence} {status.next_step}")
        self._verdict, self._said_at = status.verdict, now

    def _line(self, text: str) -> None:
        self._terminal.write(f"{text}\n")


class Live:
    """A screen that updates in place; what happened is told again when it is over."""

    def __init__(self, terminal: Terminal) -> None:
        """Draw on this terminal once there is something to see; until then, lines."""
        self._terminal = terminal
        self._log: deque[str] = deque(maxlen=LOG)
        self._status = Status()
        self._links: Links | None = None
        self._failure = ""
        self._over = False

    def take(self, message: Message) -> None:
        """Remember, and redraw."""
        if message.say is not None:
            if self._links is None or self._over:
                self._terminal.write(f"  {message.say}\n")
            else:
                self._log.append(f"{_clock()}  {message.say}")
        if message.status is not None:
            if message.status.verdict != self._status.verdict:
                self._log.append(f"{_clock()}  verdict {message.status.verdict}")
            self._status = message.status
        self._links = message.links or self._links
        self._failure = message.failure or self._failure
        self.refresh()

    def refresh(self) -> None:
        """Draw, in the size that the terminal has now."""
        if self._links is None or self._over:
            return
        width, height = self._terminal.size()
        style = screen.Style(self._terminal.colours)
        self._terminal.show(
            screen.render(self._status, self._links, list(self._log), width=width, height=height, style=style)
        )

    def ending(self) -> None:
        """Draw no more: the terminal has its own screen back."""
        self._over = True

    def farewell(self) -> None:
        """Tell what has happened, in the terminal's own screen."""
        for line in self._log:
            self._terminal.write(f"  {line}\n")
        if self._failure:
            sys.stderr.write(f"db-health-exporter demo: {self._failure}\n")
        self._terminal.write("  everything has ended; nothing is left behind\n")


def introduction(links: Links, *, keys: bool) -> list[str]:
    """Return what a person needs to begin: links, keys, and what was shortened for the show."""
    lines = ["", *(f"  {name:<10}{address}" for name, address in links.lines()), ""]
    if keys:
        lines += [f"  {'keys':<10}{', '.join(f'{each.key} {each.label}' for each in ACTIONS)}, q quit", ""]
    return [*lines, f"  shortened for the show: {links.pace()}", ""]


def _clock() -> str:
    return time.strftime("%H:%M:%S")
