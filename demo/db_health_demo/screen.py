"""The demo's output: a screen that updates in place, or lines where there is no terminal."""

import asyncio
import os
import select
import sys
import termios
import time
import tty
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from db_health_demo.faults import ACTIONS
from db_health_demo.watcher import Status

USUAL_HEIGHT = 24  # lines; a smaller terminal shows the essential only
KEYS = [*((key, label) for key, label, _, _ in ACTIONS.values()), ("q", "quit")]
GOOD, BAD, OK = "bold green", "bold red", 200


class Screen:
    """Shows statuses and news and reads keys: live in a terminal, as lines elsewhere and during the tour."""

    def __init__(self, *, scripted: bool) -> None:
        self._keyboard = _foreground_terminal()
        if self._keyboard is not None:
            self._before = termios.tcgetattr(self._keyboard)
            tty.setcbreak(self._keyboard)
        self._console = Console(highlight=False)
        usable = self._keyboard is not None and self._console.is_terminal and not self._console.is_dumb_terminal
        self._live = Live(console=self._console, screen=True, auto_refresh=False) if usable and not scripted else None
        self._scripted, self._verdict = scripted, ""
        self._links: dict[str, str] = {}
        self._news: deque[str] = deque(maxlen=40)

    def enter(self, links: dict[str, str], press: Callable[[str], None]) -> None:
        """Show the links, and pass single keys to `press` from now on."""
        self._links = links
        if self._keyboard is not None:
            termios.tcflush(self._keyboard, termios.TCIFLUSH)
            asyncio.get_running_loop().add_reader(self._keyboard, self._read, press)
            links = {**links, "keys": ", ".join(f"{key} {label}" for key, label in KEYS)}
        if self._live is None:
            self._print("\n".join(["", *(f"  {name:<11}{text}" for name, text in links.items()), ""]))
        else:
            self._live.start()

    def leave(self) -> None:
        """Restore the terminal, and print the news there."""
        if self._live is not None and self._links:
            with suppress(OSError):
                self._live.stop()
            self._print("\n".join(self._news))
        self._live = None
        self.restore()

    def restore(self, text: str = "") -> None:
        """Restore the keyboard, and write `text`, which restores the rest, unless that has been done."""
        if self._keyboard is not None:
            with suppress(OSError, termios.error):
                termios.tcsetattr(self._keyboard, termios.TCSANOW, self._before)
                os.write(self._keyboard, text.encode())

    def say(self, text: str) -> None:
        """Show a piece of news."""
        line = text if self._scripted and self._links else f"{time.strftime('%H:%M:%S')}  {text}"
        if self._live is None or not self._links:
            self._print(line)
        else:
            self._news.append(line)

    def show(self, status: Status) -> None:
        """Show a status: on the screen at once, as a line where the verdict has changed, or at intervals."""
        changed, self._verdict = status.verdict != self._verdict, status.verdict
        if self._scripted or not self._links:
            return
        if self._live is not None:
            if changed:
                self.say(f"verdict {status.verdict}")
            if select.select([], [1], [], 0)[1]:  # a terminal paused by Ctrl-S must not pause the demo
                screen = render(status, self._links, reversed(self._news), height=self._console.height)
                with suppress(OSError):
                    self._live.update(screen, refresh=True)
        elif changed:
            pool = f"pool {status.used}/{status.maximum}, {status.pending} waiting"
            probe = status.probes.get("pooled", "unknown")
            self.say(f"{status.verdict}: {pool}; pooled probe {probe}\n          {status.advice}")

    def _read(self, press: Callable[[str], None]) -> None:
        """Pass typed keys on; Ctrl-D where the terminal has hung up."""
        typed = b"\x04"
        with suppress(OSError):
            typed = os.read(self._keyboard or 0, 64) or typed
        for key in typed.decode(errors="replace").lower():
            press(key)

    def _print(self, text: str) -> None:
        with suppress(OSError, SystemExit):  # rich would exit at a closed pipe; the demo does not
            self._console.out(text)


def _foreground_terminal() -> int | None:
    """Return standard input where it is a terminal whose foreground is ours: from the background it stays untouched."""
    with suppress(OSError, AttributeError, ValueError):
        return descriptor if os.tcgetpgrp(descriptor := sys.stdin.fileno()) == os.getpgrp() else None
    return None


def render(status: Status, links: dict[str, str], news: Iterable[str], *, height: int) -> Padding:
    """Return the screen, which a terminal cuts at its height: the latest news first."""
    rows = {"demo": "Ctrl-C ends everything", **links} if height >= USUAL_HEIGHT else {}
    colour = {"healthy": GOOD, "unknown": "bold yellow"}.get(status.verdict, BAD)
    title = Text.assemble((f"● {status.verdict}", colour), f" for {status.since:.0f} s")
    body = Group(
        _grid({name: Text(text) for name, text in rows.items()}),
        Panel(status.advice, title=title, title_align="left", height=5, border_style=colour),
        _grid(_figures(status)),
        Columns([Text.assemble((key, "bold"), (f" {label}", "dim")) for key, label in KEYS], padding=(0, 2)),
        Text("\n".join(news), style="dim", no_wrap=True, overflow="crop"),
    )
    return Padding(body, (0, 2))


def _grid(rows: dict[str, Text]) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", min_width=9, no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    for name, text in rows.items():
        grid.add_row(name, text)
    return grid


def _figures(status: Status) -> dict[str, Text]:
    full = status.used >= status.maximum and status.pending
    bar = "█" * status.used + "░" * (status.maximum - status.used)
    use = f"  {status.used} of {status.maximum} in use · {status.pending} waiting · oldest {status.oldest:.1f} s"
    pool = Text.assemble((bar, BAD if full else GOOD), use) if status.maximum else Text("not reported", BAD)
    failures = {outcome: rate for outcome, rate in status.requests.items() if rate}
    answered = failures.pop("answered", 0.0)
    errors = f"{sum(failures.values()):.0f} failed a second {', '.join(failures)}"
    words = (f"{path} {words}   " for path, words in status.probes.items())
    probes = [(each.replace(" success", ""), "" if "success" in each else BAD) for each in words]
    answers = [(f"{path} {code}   ", GOOD if code == OK else BAD) for path, code in status.endpoints.items()]
    return {
        "app pool": pool,
        "taken at": Text(status.location, "yellow"),
        "requests": Text.assemble(f"{answered:.0f} answered, ", (errors, BAD if failures else "")),
        "probes": Text.assemble(*probes),
        "kubelet": Text.assemble(*answers),
        "broken": Text(status.faults or "nothing", "yellow" if status.faults else "dim"),
    }
