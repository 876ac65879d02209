"""The control page: a button for each key, without JavaScript."""

from collections.abc import Awaitable, Callable
from html import escape
from pathlib import Path
from string import Template

from aiohttp import web

from db_health_demo.faults import ACTIONS
from db_health_demo.ports import LOOPBACK
from db_health_demo.watcher import Status

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


async def serve(
    port: int, exporter: str, *, status: Callable[[], Status], do: Callable[[str], Awaitable[None]]
) -> web.AppRunner:
    """Serve the page on loopback until the runner is cleaned up; a POST does one action and redirects to the page."""
    own = {f"http://{host}:{port}" for host in (LOOPBACK, "localhost")}

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=render(status(), exporter), content_type="text/html", headers=HEADERS)

    async def act(request: web.Request) -> web.Response:
        # A browser names the origin of the request, which must be this page; curl names none.
        if f"http://{request.host}" not in own or request.headers.get("Origin", f"http://{request.host}") not in own:
            return web.Response(status=403, text="only from this page\n")
        if (name := request.match_info["name"]) not in ACTIONS:
            return web.Response(status=404, text=f"there are: {', '.join(ACTIONS)}\n")
        await do(name)
        return web.Response(status=303, headers={"Location": "/"})

    application = web.Application(client_max_size=1024)
    application.add_routes([web.get("/", page), web.post("/do/{name}", act)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    return runner


def render(status: Status, exporter: str) -> str:
    """Return the page."""
    buttons = "".join(
        f'<button class="{name}" formaction="/do/{name}">{label}<small>{story}<br>→ {expected}</small></button>'
        for name, (_, label, story, expected) in ACTIONS.items()
    )
    words = {name: escape(str(getattr(status, name))) for name in Status.__slots__}
    words |= {"limit": str(status.maximum or 1), "full": str(0.9 * status.maximum), "exporter": exporter}
    words |= {"faults": status.faults or "nothing", "location": words["location"] or "nowhere for long"}
    return Template(Path(__file__).with_name("control.html").read_text()).substitute(words, buttons=buttons)
