"""The page in a real browser: no errors, up to date, readable, and complete without scripts."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.browser.devtools import Tab, tab
from tests.conftest import StartExporter
from tests.observability import places
from tests.observability.scene import Application, application_port
from tests.support.exporter import Exporter
from tests.support.postgres import Postgres
from tests.support.server_factory import ServerFactory
from tests.support.waiting import until

PICTURES = places.ROOT / "docs/pictures"
CONTRAST = Path(__file__).with_name("contrast.js").read_text()
ENVIRONMENT = {"PROBE_INTERVAL": "5", "FRESH_PROBE_INTERVAL": "60", "POD_IP": "127.0.0.1", "APP_POOL_WEDGED_AFTER": "3"}
SCREENS = [(390, False), (390, True), (1280, False), (1280, True)]
SCHEMES = {False: "light", True: "dark"}


@asynccontextmanager
async def browser(server_factory: ServerFactory) -> AsyncIterator[Tab]:
    """Open a tab in a browser of the test's own."""
    async with tab(places.chromium(), server_factory.folder("chromium")) as made:
        yield made


@pytest.fixture
def exporter(server: Postgres, start_exporter: StartExporter) -> Exporter:
    """One exporter with the default intervals."""
    made = start_exporter(server.url(), **ENVIRONMENT)
    made.wait_for_verdict("healthy", within=20)
    return made


@pytest.fixture
def application(server_factory: ServerFactory, server: Postgres, exporter: Exporter, cleanup: ExitStack) -> Application:
    """A busy application whose pool the page shows."""
    made = Application(server_factory, server.url(), reports_to=application_port(exporter))
    cleanup.callback(made.close)
    until(lambda: 'pool="orders"' in exporter.get("/metrics").text, within=20, what="the application reports")
    return made


def address(exporter: Exporter) -> str:
    """Return the page's URL."""
    return f"http://{exporter.host}:{exporter.port}/"


async def test_the_page_requests_nothing_but_itself(server_factory: ServerFactory, exporter: Exporter) -> None:
    """No error in the console and no request to another address, while it refreshes itself."""
    async with browser(server_factory) as page:
        await page.open(address(exporter))
        await page.until("document.querySelector('h1').textContent.includes('answers')", within=5)
        await page.value("document.querySelector('header').old = document.getElementById('rest').old = true")
        await page.until("!document.getElementById('rest').old", within=10)  # refreshed
        assert await page.value("document.querySelector('header').old")  # unchanged: not read aloud again

        assert page.console_errors == []
        requested = {url for url in page.requests if not url.startswith("data:")}
        assert requested == {address(exporter)}


async def test_the_verdict_changes_within_five_seconds_of_a_fault(
    server_factory: ServerFactory,
    server: Postgres,
    exporter: Exporter,
) -> None:
    """With the default interval an open page shows that the database stopped, what to do, and that it is back."""
    async with browser(server_factory) as page:
        await page.open(address(exporter))
        await page.until("document.title.startsWith('healthy')", within=5)

        server.stop("immediate")
        began = time.monotonic()
        await page.until("document.title.startsWith('database down')", within=15)
        took = time.monotonic() - began

        assert took < 5, f"{took:.1f} s"
        words = await page.value("document.querySelector('header').innerText")
        assert "Nothing listens" in words
        assert "Next:" in words
        assert await page.value("document.querySelectorAll('header svg.mark.bad').length") == 1

        server.start()
        await page.until("document.title.startsWith('healthy')", within=15)
        assert page.console_errors == []


async def test_the_page_says_when_the_exporter_is_gone(server_factory: ServerFactory, exporter: Exporter) -> None:
    """The page then says that its contents are old."""
    async with browser(server_factory) as page:
        await page.open(address(exporter))
        assert await page.value("document.getElementById('lost').hidden")

        exporter.close()
        await page.until("!document.getElementById('lost').hidden", within=10)

        assert "does not answer" in await page.value("document.getElementById('lost').innerText")
        assert await page.value("document.querySelector('h1').innerText")


async def test_without_scripts_the_page_is_complete_and_reloads_itself(
    server_factory: ServerFactory,
    exporter: Exporter,
    application: Application,
) -> None:
    """Without scripts the content is the same, and the browser reloads the page."""
    assert application.process.poll() is None
    async with browser(server_factory) as page:
        await page.send("Emulation.setScriptExecutionDisabled", value=True)
        await page.send("Page.navigate", url=address(exporter))

        async with asyncio.timeout(15):
            while page.requests.count(address(exporter)) < 2:
                await asyncio.sleep(0.1)
        for words in ("orders (worker 1)", "sidecar", "Next:"):
            await page.until(f"document.body?.innerText.includes({words!r})", within=10)


@pytest.mark.timeout(180)
async def test_the_page_is_readable_on_every_screen(
    server_factory: ServerFactory,
    cleanup: ExitStack,
    server: Postgres,
    start_exporter: StartExporter,
) -> None:
    """Contrast of WCAG AA, in light and dark; nothing wider than the screen; pictures for the documentation."""
    exporter = start_exporter(server.url(), **ENVIRONMENT | {"PROBE_INTERVAL": "0.2", "FRESH_PROBE_INTERVAL": "1"})
    application = Application(server_factory, server.url(), reports_to=application_port(exporter))
    cleanup.callback(application.close)
    async with browser(server_factory) as page:
        await page.open(address(exporter))
        await page.until("document.body.innerText.includes('orders (worker 1)')", within=20)
        await page.until("/none of [3-6]\\d failed/.test(document.body.innerText)", within=60)  # a full sparkline
        await check_on_every_screen(page, exporter, title="healthy", name="healthy")

        application.inject("wedge")
        await check_on_every_screen(page, exporter, title="application's pool wedged", name="wedged")

        server.stop("immediate")
        await check_on_every_screen(page, exporter, title="database down", name="down")
        assert page.console_errors == []

        await page.emulate_screen(width=1280, dark=False)
        await page.value("document.querySelector('.faint').style.color = '#aaa'")
        assert (await page.value(CONTRAST))["poor"]  # proves that the check can fail


async def check_on_every_screen(page: Tab, exporter: Exporter, *, title: str, name: str) -> None:
    """Wait for a verdict; check contrast and width on every screen and keep a screenshot of each."""
    await page.open(address(exporter))
    await page.until(f"document.title.startsWith({title!r})", within=20)
    for width, dark in SCREENS:
        await page.emulate_screen(width=width, dark=dark)
        await page.open(address(exporter))

        found = await page.value(CONTRAST)
        assert found["poor"] == []
        assert found["seen"] > 10
        assert await page.value("document.scrollingElement.scrollWidth <= innerWidth")
        keep(await page.screenshot(), f"page-{name}-{width}-{SCHEMES[dark]}.png")


def keep(screenshot: bytes, name: str) -> None:
    """Write a picture for the documentation where there is none: `rm docs/pictures/page-*` renews them all."""
    file = PICTURES / name
    if not file.exists():
        PICTURES.mkdir(exist_ok=True)
        file.write_bytes(screenshot)
