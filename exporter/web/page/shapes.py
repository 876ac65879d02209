"""The drawings of the page, as inline SVG: marks that differ by shape, bars, the recent probes as a line."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model.result import ProbeResult

WIDTH, HEIGHT = 300, 40
SLOTS = 60
LEAST_FULL = 0.005  # seconds: noise below is not drawn large

_OUTLINES = {
    "good": '<circle cx="8" cy="8" r="7"/><path d="M4.5 8.5 7 11l4.5-6"/>',
    "warn": '<path d="M8 1.5 15 14.5H1z"/><path d="M8 6v4.5M8 12v1"/>',
    "bad": '<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path d="m5 5 6 6m0-6-6 6"/>',
    "none": '<circle cx="8" cy="8" r="7" stroke-dasharray="3 2"/><path d="M5 8h6"/>',
}


def mark(kind: str) -> str:
    """Draw a mark: a check in a circle, a triangle, an octagon with a cross, a dashed circle."""
    return f'<svg class="mark {kind}" aria-hidden="true"><use href="#{kind}"/></svg>'


def marks() -> str:
    """Return what `mark` draws from; once on the page."""
    look = 'viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.6"'
    symbols = "".join(f'<symbol id="{kind}" {look}>{outline}</symbol>' for kind, outline in _OUTLINES.items())
    return f'<svg class="defs">{symbols}</svg>'


def icon(kind: str) -> str:
    """Return the same mark as the address of an icon for the browser's tab."""
    colors = {"good": "1a7f37", "warn": "9a6700", "bad": "cf222e", "none": "6e7781"}
    drawing = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' fill='none' stroke='%23{colors[kind]}'"
        f" stroke-width='2'>{_OUTLINES[kind]}</svg>"
    )
    return "data:image/svg+xml," + escape(drawing.replace('"', "'"), quote=True)


def bar(used: float, limit: float, kind: str) -> str:
    """Draw how much of a limit is used; what it means stands in words beside it."""
    share = min(1.0, used / limit) if limit else 0.0
    return (
        '<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="100" height="1" fill="var(--track)"/>'
        f'<rect width="{share * 100:.3g}" height="1" class="{kind}" fill="currentColor"/></svg>'
    )


def sparkline(readings: Sequence[ProbeResult]) -> tuple[str, str]:
    """Draw recent probes from left to right, and say the same in words.

    The line is the time of those that passed, up to the slowest, and breaks off where one failed: a stroke at the top.
    """
    shown = readings[-SLOTS:]
    slowest = max((reading.seconds for reading in shown if reading.passed), default=0.0)
    full = max(slowest, LEAST_FULL)
    line, failures, pen = [], [], "M"
    for slot, reading in enumerate(shown, SLOTS - len(shown)):
        x = (slot + 0.5) * WIDTH / SLOTS
        if reading.passed:
            y = HEIGHT - 3 - reading.seconds / full * (HEIGHT - 14)
            line.append(f"{pen}{x:g} {round(y, 1):g}")
            pen = "L"
        else:
            failures.append(f"M{x:g} 2v7")
            pen = "M"
    words = _words(shown, slowest)
    drawing = (
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" fill="none"'
        f' stroke="currentColor" aria-label="{escape(words)}">'
        f'<path d="M0 {HEIGHT - 1}H{WIDTH}" stroke="var(--track)"/>'
        '<path class="good" stroke-width="1.5" stroke-linecap="round" vector-effect="non-scaling-stroke"'
        f' d="{"".join(line)}"/>'
        f'<path class="bad" stroke-width="1.5" vector-effect="non-scaling-stroke" d="{"".join(failures)}"/></svg>'
    )
    return drawing, words


def _words(readings: Sequence[ProbeResult], slowest: float) -> str:
    if not readings:
        return "none yet"
    failed = sum(not reading.passed for reading in readings)
    which = "the slowest that passed" if failed else "the slowest"
    most = f", {which} took {slowest * 1000:.1f} ms" if failed < len(readings) else ""
    return f"{failed or 'none'} of {len(readings)} failed{' (red, at the top)' if failed else ''}{most}"
