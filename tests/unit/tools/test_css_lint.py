"""The style sheets' linter finds mistakes that a browser silently ignores."""

from pathlib import Path

import pytest

from tools import css_lint

MISTAKES = {
    "body{color red}": "EOF reached",
    "@media(print){b{color red}}": "EOF reached",
    "}": "EOF reached",
    "p{margin:0;padding:0;margin:1px}": "margin is set twice",
    "a{color:var(--link)}": "--link is used and never set",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_each_mistake_is_named(text: str) -> None:
    """One line says what is wrong."""
    assert [MISTAKES[text] in line for line in css_lint.mistakes(text)] == [True]


def test_correct_sheet_has_no_mistakes() -> None:
    """Variables, media queries, font faces and comments are CSS."""
    text = ":root{--ink:#000}/* dark */@media(prefers-color-scheme:dark){:root{--ink:#fff}}p{color:var(--ink)}"

    assert css_lint.mistakes(text + "@font-face{font-family:x;src:local(x)}") == []


def test_mistake_ends_with_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`make lint` stops at it and names the file."""
    file = tmp_path / "page.css"
    file.write_text("p{margin 0}")

    assert css_lint.main([str(file)]) == 1
    assert "page.css: line 1" in capsys.readouterr().out
