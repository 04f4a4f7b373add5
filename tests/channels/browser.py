"""A real Chromium for tests of the page, spoken to over its DevTools protocol.

`scripts/test` installs it, and axe-core for accessibility, where it can.

Source: https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).parents[2]
AXE = ROOT / ".venv/axe/node_modules/axe-core/axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

PATIENCE = 60.0
"""Seconds for what must happen in a browser on a busy machine."""


def missing() -> str:
    """Return what is missing for these tests; nothing where all is there."""
    if not any(map(shutil.which, NAMES)):
        return "NO BROWSER: the page is not tested. Install chromium (scripts/test does, as root where there is apt)"
    if not AXE.exists():
        return "NO AXE-CORE: accessibility is not tested. Install npm and run scripts/test"
    return ""


class Tab:
    """A page in the browser.

    Args:
        socket: To it alone.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.problems: list[str] = []
        """What the page said to the console, and what went wrong in it."""

    async def command(self, method: str, **params: Any) -> Any:
        """Send a command and return its result."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        while True:
            message = json.loads(await self._socket.receive_str())
            if message.get("id") == self._number:
                assert "error" not in message, message["error"]
                return message["result"]
            self._note(message)

    async def run(self, script: str) -> Any:
        """Return what a script comes to, a promise awaited."""
        found = await self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    async def until(self, script: str) -> Any:
        """Wait until a script comes to something true, and return that."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await self.run(script)):
                await asyncio.sleep(0.05)
        return found

    async def open(self, url: str) -> None:
        """Go to a page and wait until it is there."""
        await self.command("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def type(self, text: str) -> None:
        """Write where the focus is."""
        await self.command("Input.insertText", text=text)

    async def key(self, key: str, code: int, text: str = "") -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if text and kind == "keyDown" else {}
            await self.command(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **typed
            )

    async def enter(self) -> None:
        """Press the key Enter."""
        await self.key("Enter", 13, "\r")

    async def click(self, selector: str) -> None:
        """Click with the mouse into the middle of the first element that is found."""
        box = f"document.querySelector({json.dumps(selector)})"
        await self.run(f"{box}.scrollIntoView({{block: 'center'}})")
        x, y = await self.run(f"(r => [r.x + r.width / 2, r.y + r.height / 2])({box}.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            await self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def look(self, width: int, *, dark: bool) -> None:
        """Be so wide, and prefer light or dark."""
        await self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.command("Emulation.setEmulatedMedia", features=[scheme])

    async def violations(self) -> list[str]:
        """Return what axe-core finds: https://www.deque.com/axe/"""
        await self.run(AXE.read_text())
        return await self.run(  # type: ignore[no-any-return]
            "axe.run().then(found => found.violations.flatMap(one => one.nodes.map("
            "node => one.id + ': ' + node.html + ' ' + node.failureSummary)))"
        )

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.problems.append(str(params["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(params["entry"]["text"])


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator["Browser"]:
    """Start a browser with a profile of its own; end it afterwards."""
    program = next(path for path in map(shutil.which, NAMES) if path)
    process = await asyncio.create_subprocess_exec(
        program,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port_file = folder / "DevToolsActivePort"
        async with asyncio.timeout(PATIENCE):
            while not (port_file.exists() and port_file.read_text().count("\n")):
                assert process.returncode is None, f"{program} ended with status {process.returncode}"
                await asyncio.sleep(0.05)
        async with aiohttp.ClientSession() as http:
            yield Browser(http, f"http://127.0.0.1:{port_file.read_text().split()[0]}")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        shutil.rmtree(folder, ignore_errors=sys.version_info < (3, 12))


class Browser:
    """Opens tabs, all of them of one user.

    Args:
        http: To ask.
        url: Of its DevTools.
    """

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    @asynccontextmanager
    async def tab(self) -> AsyncIterator[Tab]:
        """Open a tab."""
        async with self._http.put(f"{self._url}/json/new?about:blank") as answer:
            target = await answer.json(content_type=None)
        async with self._http.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=2**26) as socket:
            tab = Tab(socket)
            for domain in ("Page", "Runtime", "Log"):
                await tab.command(f"{domain}.enable")
            yield tab
