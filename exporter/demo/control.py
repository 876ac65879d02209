"""The control page: what the keys do, as buttons, without JavaScript."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from exporter.demo.actions import ACTIONS, BY_NAME
from exporter.demo.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from exporter.demo.status import Status

STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.1rem;font-weight:600}
.verdict{border-left:.4rem solid #b3261e;padding:.2rem 1rem;margin:1rem 0}
.verdict.healthy{border-color:#2e7d32}.verdict.unknown{border-color:#888}
.verdict b{font-size:1.4rem}
form{display:grid;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr));gap:.6rem}
button{font:inherit;text-align:left;padding:.6rem .8rem;border:1px solid #8888;border-radius:.4rem;
background:#8881;cursor:pointer}
button small{display:block;opacity:.7}
button.heal{border-color:#2e7d32}
meter{width:8rem}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Control:
    """Serves the page on loopback; a POST does one thing and leads back."""

    def __init__(self, status: Callable[[], Status], *, do: Callable[[str], Awaitable[None]], page: str) -> None:
        """Show this status; `page` is the exporter's address."""
        self.url = ""
        self._status, self._do, self._page = status, do, page
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> None:
        """Listen."""
        application = web.Application(client_max_size=1024)
        application.add_routes([web.get("/", self._look), web.post("/do/{name}", self._act)])
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, port).start()
        self.url = f"http://{LOOPBACK}:{port}"

    async def end(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _look(self, _: web.Request) -> web.Response:
        return web.Response(text=render(self._status(), self._page), content_type="text/html", headers=HEADERS)

    async def _act(self, request: web.Request) -> web.Response:
        if not self._is_own(request):
            return web.Response(status=403, text="only from this page\n")
        name = request.match_info["name"]
        if name not in BY_NAME:
            return web.Response(status=404, text=f"there are: {', '.join(BY_NAME)}\n")
        await self._do(name)
        return web.Response(status=303, headers={"Location": "/"})

    def _is_own(self, request: web.Request) -> bool:
        """Tell whether no other site's page asks: a browser says whose page it is, curl says nothing."""
        own = {self.url, self.url.replace(LOOPBACK, "localhost")}
        return f"http://{request.host}" in own and request.headers.get("Origin", self.url) in own


def render(status: Status, page: str) -> str:
    """Return the page."""
    pool = status.pool
    held = f", one held since {pool.location}" if pool.location else ""
    broken = ", ".join(status.faults) or "nothing"
    buttons = "".join(
        f'<button class="{each.name}" formaction="/do/{each.name}">{escape(each.label)}'
        f"<small>{escape(each.story)}<br>→ {escape(each.expect)}</small></button>"
        for each in ACTIONS
    )
    kind = status.verdict if status.verdict in {"healthy", "unknown"} else "ill"
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{status.verdict} · demo</title>
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="2"><style>{STYLE}</style></head>
<body><h1>db-health-exporter · demo</h1>
<div class="verdict {kind}"><b>{escape(status.verdict)}</b>
<p>{escape(status.sentence)}<br>{escape(status.next_step)}</p></div>
<p>Broken now: {escape(broken)}.<br>
The application's pool: <meter max="{pool.most or 1}" high="{0.9 * pool.most}" optimum="0" value="{pool.used}"></meter>
{pool.used} of {pool.most} in use, {pool.pending} waiting{escape(held)}.</p>
<form method="post">{buttons}</form>
<p>The exporter: <a href="{page}/">page</a> · <a href="{page}/healthz?verbose">health</a> ·
<a href="{page}/app/livez?verbose">app/livez</a> · <a href="{page}/metrics">metrics</a></p></body></html>"""
