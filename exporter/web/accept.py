"""Content negotiation: the choice among the offered forms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

_REFUSED = re.compile(r";\s*q=0(\.0*)?\s*(;|$)")


def first_accepted(header: str, offered: Container[str]) -> str | None:
    """Return the first offered type or coding that an `Accept` or `Accept-Encoding` header names, or None.

    `;q=0` is a refusal. Other qualities are not weighed, since clients list what they prefer first. Wildcards name
    nothing.
    """
    for item in header.lower().split(","):
        name = item.partition(";")[0].strip()
        if name in offered and not _REFUSED.search(item):
            return name
    return None
