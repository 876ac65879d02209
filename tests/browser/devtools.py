"""A headless Chromium, driven over the DevTools protocol."""

import asyncio
import base64
import itertools
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

Json = dict[str, Any]
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # the sandbox does not work for root in a container
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing leaves this machine
    "--remote-debugging-port=0",
)


class Tab:
    """One page, with the URLs it requested and the errors and warnings of its console."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Start to read the protocol's messages."""
        self.requests: list[str] = []
        self.console_errors: list[str] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Stop reading."""
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading

    async def send(self, method: str, **parameters: Any) -> Json:
        """Call a method of the DevTools protocol and return its result."""
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        answer = await asyncio.wait_for(self._answers[number], timeout=20)
        assert "error" not in answer, (method, answer)
        found: Json = answer["result"]
        return found

    async def value(self, expression: str) -> Any:
        """Evaluate an expression in the page."""
        answer = await self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, expression: str, *, within: float) -> None:
        """Wait until an expression is true in the page."""
        async with asyncio.timeout(within):
            while not await self.value(expression):
                await asyncio.sleep(0.05)

    async def open(self, url: str) -> None:
        """Open a URL and wait until the page is complete."""
        await self.send("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'", within=15)

    async def emulate_screen(self, *, width: int, dark: bool) -> None:
        """Emulate a screen of this width that prefers a dark or a light scheme."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=844 if width < 600 else 900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])

    async def screenshot(self) -> bytes:
        """Return the whole page as a PNG."""
        answer = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    async def _read(self) -> None:
        async for message in self._socket:
            event: Json = message.json()
            if "id" in event:
                self._answers.pop(event["id"]).set_result(event)
            else:
                self._record(event["method"], event["params"])

    def _record(self, method: str, event: Json) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])
        elif method == "Log.entryAdded" and event["entry"]["level"] in {"error", "warning"}:
            self.console_errors.append(event["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and event["type"] in {"error", "warning"}:
            self.console_errors.append(str(event["args"]))
        elif method == "Runtime.exceptionThrown":
            self.console_errors.append(str(event["exceptionDetails"]))


@asynccontextmanager
async def tab(program: str, folder: Path) -> AsyncIterator[Tab]:
    """Start a browser with one empty tab; both end with the block."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        port = await _port(folder / "profile/DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [each for each in await answer.json() if each["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = Tab(socket)
                for domain in ("Page", "Network", "Log", "Runtime"):
                    await page.send(f"{domain}.enable")
                yield page
                await page.close()
    finally:
        process.kill()
        process.wait()


async def _port(file: Path) -> int:
    async with asyncio.timeout(30):
        while not (file.exists() and file.read_text().count("\n")):
            await asyncio.sleep(0.05)
    return int(file.read_text().splitlines()[0])
