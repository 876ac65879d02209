"""The status as lines for a terminal of any size: pure text, coloured where that is wanted."""

from __future__ import annotations

import math
import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.demo.actions import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.demo.status import Links, Pool, Status

BARS = "▁▂▃▄▅▆▇█"
FASTEST, SLOWEST = 0.0005, 0.8  # seconds: the ends of the sparkline's logarithmic scale
WIDEST = 100
MARGIN = "  "
NAME = 10  # columns
USUAL_HEIGHT = 24
OK = 200
COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")


@dataclass(frozen=True, slots=True)
class Style:
    """Colours, or none."""

    colours: bool

    def bold(self, text: str) -> str:
        """Stress."""
        return self._wrap("1", text)

    def dim(self, text: str) -> str:
        """Step back."""
        return self._wrap("2", text)

    def good(self, text: str) -> str:
        """Say that all is well."""
        return self._wrap("1;32", text)

    def bad(self, text: str) -> str:
        """Say that something is wrong."""
        return self._wrap("1;31", text)

    def warn(self, text: str) -> str:
        """Say that something is not known or not quite right."""
        return self._wrap("1;33", text)

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours and text else text


def render(status: Status, links: Links, log: Sequence[str], *, width: int, height: int, style: Style) -> list[str]:
    """Return at most `height` lines; the log gets what room is left."""
    width = min(width, WIDEST) - 2 * len(MARGIN)
    body = [*_verdict(status, width, style), *_figures(status, width, style), "", *_keys(width, style), ""]
    if height >= USUAL_HEIGHT:  # in a smaller terminal only the essential is shown
        body = [*_head(links, width, style), "", *body]
    room = max(0, height - len(body))
    lines = [*body, *(style.dim(line) for line in list(log)[max(0, len(log) - room) :])]
    return [MARGIN + clip(line, width) if line else "" for line in lines[:height]]


def clip(line: str, width: int) -> str:
    """Cut what does not fit; colours take no room."""
    parts, room = [], width
    for number, part in enumerate(COLOUR.split(line)):
        if number % 2:
            parts.append(part)
        else:
            parts.append(part[:room])
            room -= len(parts[-1])
    return "".join(parts)


def sparkline(seconds: Sequence[float]) -> str:
    """Return a bar for each latency, on a logarithmic scale."""
    scale = math.log(SLOWEST / FASTEST)
    shares = (math.log(max(each, FASTEST) / FASTEST) / scale for each in seconds)
    return "".join(BARS[min(len(BARS) - 1, int(share * len(BARS)))] for share in shares)


def _head(links: Links, width: int, style: Style) -> Iterator[str]:
    left, right = "db-health-exporter · demo", "Ctrl-C ends everything"
    yield style.bold(left) + style.dim(right.rjust(width - len(left)))
    for name, address in links.lines():
        note = style.dim("   the keys below as buttons") if name == "control" else ""
        yield f"{style.dim(name.ljust(NAME))}{address}{note}"
    yield style.dim(f"{'shortened'.ljust(NAME)}{links.pace()}")


def _verdict(status: Status, width: int, style: Style) -> Iterator[str]:
    paint = {"healthy": style.good, "unknown": style.warn}.get(status.verdict, style.bad)
    broken = style.dim(f"   broken: {', '.join(status.faults)}") if status.faults else ""
    yield f"{paint(f'● {status.verdict}')}{style.dim(f'  for {status.since:.0f} s')}{broken}"
    words = textwrap.wrap(f"{status.sentence} {status.next_step}", width - 2)[:3]
    yield from (f"  {line}" for line in [*words, *[""] * (3 - len(words))])


def _figures(status: Status, width: int, style: Style) -> Iterator[str]:
    yield f"{style.dim('app pool'.ljust(NAME))}{_pool(status.pool, style)}"
    held = f"held since {status.pool.location}" if status.pool.location else ""
    yield " " * NAME + style.warn(held)
    yield f"{style.dim('requests'.ljust(NAME))}{_requests(status, style)}"
    probes = " · ".join(_probe(path, words, style) for path, words in status.probes.items())
    yield f"{style.dim('probes'.ljust(NAME))}{probes}"
    yield f"{style.dim('latency'.ljust(NAME))}{sparkline(status.latencies[-(width - NAME) :])}"
    codes = ((path, code, style.good if code == OK else style.bad) for path, code in status.endpoints.items())
    answers = "   ".join(f"{path} {paint(str(code or 'silent'))}" for path, code, paint in codes)
    yield f"{style.dim('kubelet'.ljust(NAME))}{answers}"


def _pool(pool: Pool, style: Style) -> str:
    if not pool.most:
        return style.warn("not reported" if not pool.silent else "silent")
    bar = "█" * pool.used + "░" * (pool.most - pool.used)
    paint = style.bad if pool.used >= pool.most and pool.pending else style.good
    waiting = f"{pool.pending} waiting"
    text = f"{paint(bar)}  {pool.used} of {pool.most} in use · {style.bad(waiting) if pool.pending else waiting}"
    return f"{text} · oldest {pool.oldest:.1f} s{style.bad(' · silent') if pool.silent else ''}"


def _requests(status: Status, style: Style) -> str:
    if status.answered is None:
        return style.bad("the application does not answer")
    failed = f"{status.failed:.0f} failed a second"
    text = f"{status.answered:.0f} answered, {style.bad(failed) if status.failed else failed}"
    return f"{text}{style.dim(f' ({status.error})') if status.failed and status.error else ''}"


def _probe(path: str, words: str, style: Style) -> str:
    """Say the latency of what passes and the outcome of what does not."""
    outcome, _, latency = words.partition(" ")
    return f"{path} {latency}" if outcome == "success" else style.bad(f"{path} {outcome}")


def _keys(width: int, style: Style) -> Iterator[str]:
    """Lay the keys out in columns."""
    cells = [(each.key, each.label) for each in ACTIONS] + [("q", "quit")]
    column = max(len(label) for _, label in cells) + 4
    across = max(1, width // column)
    for first in range(0, len(cells), across):
        row = cells[first : first + across]
        yield "".join(f"{style.bold(key)} {style.dim(label)}{' ' * (column - 2 - len(label))}" for key, label in row)
