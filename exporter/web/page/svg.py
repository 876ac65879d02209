"""The page's drawings as inline SVG: marks that differ by shape, bars, and recent probes as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.web.page.markup import Html, html, join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model.result import ProbeResult

WIDTH, HEIGHT = 300, 40
SLOTS = 60
SMALLEST_SCALE = 0.005  # seconds: noise below is not drawn large

# A check in a circle, an exclamation mark in a triangle, a cross in an octagon, a dash in a dashed circle.
_OUTLINES = {
    "good": '<circle cx="8" cy="8" r="7"/><path d="M4.5 8.5 7 11l4.5-6"/>',
    "warn": '<path d="M8 1.5 15 14.5H1z"/><path d="M8 6v4.5M8 12v1"/>',
    "bad": '<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path d="m5 5 6 6m0-6-6 6"/>',
    "none": '<circle cx="8" cy="8" r="7" stroke-dasharray="3 2"/><path d="M5 8h6"/>',
}
# Of the icon in the browser's tab, which style sheets do not reach; those of the page are in page.css.
_ICON_COLORS = {"good": "1a7f37", "warn": "9a6700", "bad": "cf222e", "none": "6e7781"}


def mark(kind: str) -> Html:
    """Draw a mark; `symbols` must be on the page once."""
    return html('<svg class="mark $kind" aria-hidden="true"><use href="#$kind"/></svg>', kind=kind)


def symbols() -> Html:
    """Return the outlines that every mark refers to."""
    symbol = (
        '<symbol id="$kind" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.6">$outline</symbol>'
    )
    outlines = (html(symbol, kind=kind, outline=Html(outline)) for kind, outline in _OUTLINES.items())
    return html('<svg class="symbols">$outlines</svg>', outlines=join(outlines))


def icon(kind: str) -> str:
    """Return a mark as a data URL, for the browser's tab."""
    outline = _OUTLINES[kind].replace('"', "'")
    return (
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' fill='none'"
        f" stroke='%23{_ICON_COLORS[kind]}' stroke-width='2'>{outline}</svg>"
    )


def bar(used: float, limit: float, kind: str) -> Html:
    """Draw how much of a limit is used; the numbers stand beside it in words."""
    share = min(1.0, used / limit) if limit else 0.0
    return html(
        '<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="100" height="1" fill="var(--track)"/>'
        '<rect width="$width" height="1" class="$kind" fill="currentColor"/></svg>',
        width=f"{share * 100:.3g}",
        kind=kind,
    )


def sparkline(results: Sequence[ProbeResult]) -> tuple[Html, str]:
    """Draw recent probes, the oldest on the left, and return the drawing and the same in words.

    The line is the time of each probe that passed, scaled to the slowest. It breaks off where a probe failed, and a
    stroke at the top marks the failure.
    """
    shown = results[-SLOTS:]
    slowest = max((result.seconds for result in shown if result.passed), default=0.0)
    words = _describe(shown, slowest)
    line, failures = _paths(shown, scale=max(slowest, SMALLEST_SCALE))
    drawing = html(
        '<svg class="spark" viewBox="0 0 $width $height" preserveAspectRatio="none" role="img" fill="none"'
        ' stroke="currentColor" aria-label="$words">'
        '<path d="M0 ${base}H$width" stroke="var(--track)"/>'
        '<path class="good" stroke-width="1.5" stroke-linecap="round" vector-effect="non-scaling-stroke" d="$line"/>'
        '<path class="bad" stroke-width="1.5" vector-effect="non-scaling-stroke" d="$failures"/></svg>',
        width=WIDTH,
        height=HEIGHT,
        base=HEIGHT - 1,
        words=words,
        line=line,
        failures=failures,
    )
    return drawing, words


def _paths(results: Sequence[ProbeResult], *, scale: float) -> tuple[str, str]:
    """Return the SVG path data of the line and of the failures."""
    line, failures, command = [], [], "M"
    for slot, result in enumerate(results, SLOTS - len(results)):
        x = (slot + 0.5) * WIDTH / SLOTS
        if result.passed:
            y = HEIGHT - 3 - result.seconds / scale * (HEIGHT - 14)
            line.append(f"{command}{x:g} {round(y, 1):g}")
            command = "L"
        else:
            failures.append(f"M{x:g} 2v7")
            command = "M"
    return "".join(line), "".join(failures)


def _describe(results: Sequence[ProbeResult], slowest: float) -> str:
    if not results:
        return "none yet"
    failed = sum(not result.passed for result in results)
    which = "the slowest that passed" if failed else "the slowest"
    took = f", {which} took {slowest * 1000:.1f} ms" if failed < len(results) else ""
    return f"{failed or 'none'} of {len(results)} failed{' (red, at the top)' if failed else ''}{took}"
