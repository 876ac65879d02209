"""The page's files, read once on first use, and the content security policy that admits exactly these."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from exporter.web.page.markup import Html


@dataclass(frozen=True, slots=True)
class Assets:
    """The document's template, its style sheet and script, and the `Content-Security-Policy` header for them."""

    template: str
    style: Html
    script: Html
    policy: str


@cache
def load_assets() -> Assets:
    """Read `page.html`, `page.css` and `page.js`."""
    folder = files(__package__)
    template, style, script = (folder.joinpath(f"page.{kind}").read_text("utf-8") for kind in ("html", "css", "js"))
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Assets(template, Html(style), Html(script), policy)


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
