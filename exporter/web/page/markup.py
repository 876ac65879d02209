"""HTML from templates: every value is escaped unless it is HTML already."""

from __future__ import annotations

from html import escape
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_TEXT = 200  # characters of a driver's message or of a place in code


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


EMPTY = Html()


def html(template: str, **values: object) -> Html:
    """Fill the `$name` placeholders of a template with values, escaped where they are not `Html`."""
    return Html(Template(template).substitute({name: _escape(value) for name, value in values.items()}))


def join(parts: Iterable[Html]) -> Html:
    """Put one part after the other."""
    return Html("".join(parts))


def shorten(text: str) -> str:
    """Cut off what a driver or an application says beyond a line or two."""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def _escape(value: object) -> Html:
    return value if isinstance(value, Html) else Html(escape(str(value)))
