"""The drawings of the page show what was measured, and interpolate nothing."""

import re

import pytest

from exporter.model.outcome import Outcome
from exporter.model.result import ProbeResult
from exporter.web.page.svg import sparkline


def results(outline: str) -> list[ProbeResult]:
    """A result for each letter: `p` passed in 10 ms, `f` failed after 800 ms."""
    passed, failed = (Outcome.SUCCESS, 0.010), (Outcome.QUERY_TIMEOUT, 0.800)
    return [ProbeResult(*(passed if each == "p" else failed), taken_at=0.0, wall_time=0.0) for each in outline]


@pytest.mark.parametrize(
    ("outline", "strokes", "failures"),
    [("", [], 0), ("ppp", [3], 0), ("ppfffppp", [2, 3], 3), ("fpf", [1], 2), ("ff", [], 2)],
)
def test_the_line_breaks_off_at_a_failure(outline: str, strokes: list[int], failures: int) -> None:
    """A line through an outage would look as if probes had passed."""
    drawing, _ = sparkline(results(outline))
    line, top = re.findall(r'class="(?:good|bad)"[^>]* d="([^"]*)"', drawing)

    assert [stroke.count("L") + 1 for stroke in line.split("M")[1:]] == strokes
    assert top.count("M") == failures


@pytest.mark.parametrize(
    ("outline", "words"),
    [
        ("", "none yet"),
        ("pp", "none of 2 failed, the slowest took 10.0 ms"),
        ("ppf", "1 of 3 failed (red, at the top), the slowest that passed took 10.0 ms"),
        ("f", "1 of 1 failed (red, at the top)"),
    ],
)
def test_line_is_described_in_words(outline: str, words: str) -> None:
    """The text for screen readers says the same as the drawing."""
    assert sparkline(results(outline))[1] == words
