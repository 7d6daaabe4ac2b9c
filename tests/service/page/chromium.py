"""A real Chromium, driven over the DevTools protocol: what the tests of the page look through."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from harness.browser import chromium_environment, look_up_chromium

_ROOT = Path(__file__).parents[3]
_STARTED_SECONDS = 180.0
_WAIT_SECONDS = 120.0
GUARD = "trap '' TERM INT HUP; read _; kill -KILL -$0"
"""Ends the browser and its children when the tests were killed: the pipe to them breaks. A signal to the whole group of the tests (`timeout`, a terminal) must not end it first."""
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-domain-reliability",
    # A page needs one process, not a second in reserve, nor the browser's own surfaces that nobody sees.
    "--disable-features=SpareRendererForSitePerProcess,PreloadTopChromeWebUI,WebUITabStrip,Translate,OptimizationHints,MediaRouter",
    "--process-per-site",
    "--metrics-recording-only",
    "--mute-audio",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
    # Whatever the page should ask of the world, it would fail at once; the tests count that it does not ask.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


_PLAY = """(() => {
  const real = window.fetch.bind(window);
  window.played = [];
  window.asked = [];
  window.fetch = (url, options = {}) => {
    const path = String(url).split("?")[0];
    window.asked.push({ path, method: options.method, headers: options.headers || {}, body: options.body ? JSON.parse(options.body) : null });
    const at = window.played.findIndex((one) => one.method === options.method && one.path === path);
    if (at < 0) return real(url, options);
    const [one] = window.played.splice(at, 1);
    if (one.offline) return Promise.reject(new TypeError("Failed to fetch"));
    const body = new ReadableStream({ start(control) {
      const write = (text) => control.enqueue(new TextEncoder().encode(text));
      one.chunks.forEach(write);
      window.more = write;
      if (one.ends) control.close();
      else if (options.signal) options.signal.addEventListener("abort", () => control.error(new DOMException("", "AbortError")));
    } });
    return Promise.resolve(new Response(body, { status: one.status, headers: one.headers }));
  };
})()"""
"""Stands between the page and the network: what is played answers once, everything is noted, the rest goes to the service."""


def stream(*events: tuple[str, Any]) -> str:
    """Server-sent events as the service writes them."""
    return "".join(f"event: {name}\ndata: {json.dumps(told)}\n\n" for name, told in events)


class Chromium:
    """One browser with a profile of its own; each page is a context apart, with its own cookies."""

    def __init__(self) -> None:
        found = look_up_chromium(_ROOT)
        assert found, "no Chromium: `make setup` fetches it, or install the package chromium"
        self.profile = Path(tempfile.mkdtemp(prefix="page-"))
        self.log = self.profile / "log"
        environment = {
            **chromium_environment(_ROOT),
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.profile),
            "LANG": "C.UTF-8",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(found), *_FLAGS, f"--user-data-dir={self.profile}", "about:blank"],
                stdout=log,
                stderr=log,
                env=environment,
                process_group=0,
            )
        self._guard = subprocess.Popen(["/bin/sh", "-c", GUARD, str(self.process.pid)], stdin=subprocess.PIPE)
        self._ids = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.pages: dict[str, Tab] = {}

    async def open(self) -> None:
        """Connect to the address that the browser wrote down."""
        port = self.profile / "DevToolsActivePort"
        ends = time.monotonic() + _STARTED_SECONDS
        while not (port.exists() and port.read_text().count("\n")):
            assert self.process.poll() is None, self.log.read_text(errors="replace")[-3000:]
            assert time.monotonic() < ends, self.log.read_text(errors="replace")[-3000:]
            await asyncio.sleep(0.05)
        number, path = port.read_text().split("\n")[:2]
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(f"ws://127.0.0.1:{number}{path}", max_msg_size=0)
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        """End the browser with all its children, and forget its profile."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        if hasattr(self, "_reading"):
            self._reading.cancel()
            await asyncio.wait([self._reading])
            await self._socket.close()
        if hasattr(self, "_http"):
            await self._http.close()
        self.process.wait()
        assert self._guard.stdin
        self._guard.kill()
        self._guard.wait()
        self._guard.stdin.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                if (waiting := self._waiting.pop(told["id"], None)) is not None:  # else nobody waited so long
                    waiting.set_result(told)
            elif told.get("sessionId") in self.pages:
                self.pages[told["sessionId"]].heard(told["method"], told["params"])

    async def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """One command and its result."""
        self._ids += 1
        number = self._ids
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_json(
                {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
            )
            told = await asyncio.wait_for(waiting, _WAIT_SECONDS)
        finally:
            self._waiting.pop(number, None)
        assert "error" not in told, f"{method}: {told['error']}"
        result: dict[str, Any] = told["result"]
        return result

    async def tab(
        self, origin: str, width: int = 1280, height: int = 800, scheme: str = "light", context: str | None = None
    ) -> Tab:
        """A fresh page without cookies, or one beside others with theirs."""
        if context is None:
            context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = (await self.call("Target.createTarget", url="about:blank", browserContextId=context))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        tab = self.pages[session] = Tab(self, session, context, origin)
        for domain in ("Page", "Runtime", "Network", "Log"):
            await tab.call(f"{domain}.enable")
        await tab.call("Page.addScriptToEvaluateOnNewDocument", source=_PLAY)
        await tab.look(width, height, scheme)
        return tab


class Tab:
    """One page: what it asked for, what it logged, and whether it opened a dialog."""

    def __init__(self, browser: Chromium, session: str, context: str, origin: str) -> None:
        self.browser, self.session, self.context, self.origin = browser, session, context, origin
        self.requests: list[str] = []
        self.alerts: list[str] = []
        self.errors: list[str] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    def heard(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.javascriptDialogOpening":
            self.alerts.append(params["message"])
            self._later(self.call("Page.handleJavaScriptDialog", accept=False))
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(f"{params['entry']['source']}: {params['entry']['text']}")

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        return await self.browser.call(method, self.session, **params)

    async def close(self) -> None:
        self.browser.pages.pop(self.session, None)
        await self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)

    async def look(self, width: int, height: int, scheme: str, *, zoom: float = 1) -> None:
        """A window of that size, in light or dark."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=int(width / zoom),
            height=int(height / zoom),
            deviceScaleFactor=zoom,
            mobile=False,
        )
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def go(self, path: str = "/") -> None:
        await self.call("Page.navigate", url=self.origin + path)
        await self.until("document.readyState === 'complete' && document.body.dataset.view !== 'starting'")

    async def run(self, script: str) -> Any:
        """The value of an expression, awaited."""
        told = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def until(self, condition: str) -> Any:
        """Wait for a condition to become true."""
        ends = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                value = await self.run(f"!!({condition})")
            except AssertionError as error:  # the page may be on its way to the next one
                value, last = None, str(error)
            else:
                last = ""
            if value:
                return value
            assert time.monotonic() < ends, f"never: {condition} {last}\n{await self.text()}\n{self.errors}"
            await asyncio.sleep(0.03)

    async def text(self) -> str:
        return str(await self.run("document.body.innerText"))

    async def play(
        self,
        method: str,
        path: str,
        *chunks: str,
        status: int = 200,
        headers: dict[str, str] | None = None,
        ends: bool = True,
        offline: bool = False,
    ) -> None:
        """Let the next such request of the page be answered so, instead of by the service."""
        one = {"method": method, "path": path, "chunks": chunks, "status": status, "headers": headers or {}}
        await self.run(f"void window.played.push({json.dumps({**one, 'ends': ends, 'offline': offline})})")

    async def press(self, key: str, *, shift: bool = False) -> None:
        """One key, as from a keyboard."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowRight": 39, "ArrowDown": 40}
        typed = {"Enter": "\r", " ": " "}.get(key, "")
        told = {
            "key": key,
            "code": {" ": "Space"}.get(key, key),
            "windowsVirtualKeyCode": codes[key],
            "modifiers": 8 if shift else 0,
        }
        await self.call("Input.dispatchKeyEvent", type="keyDown", **told, **({"text": typed} if typed else {}))
        await self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    async def type(self, text: str) -> None:
        await self.call("Input.insertText", text=text)

    async def click(self, selector: str) -> None:
        await self.until(f"document.querySelector({json.dumps(selector)})")
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def focused(self) -> str:
        """Id or visible name of what has the focus."""
        return str(
            await self.run(
                "(e => e === document.body ? '' : e.id || e.getAttribute('aria-label') || e.textContent.trim())(document.activeElement)"
            )
        )

    async def picture(self) -> bytes:
        """What the window shows, as PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"])

    def elsewhere(self) -> list[str]:
        """Requests to anything but the page's own origin; what a page makes itself (blob:, data:) leaves no machine."""
        return [
            url
            for url in self.requests
            if not re.match(rf"{re.escape(self.origin)}/|blob:{re.escape(self.origin)}/|data:|about:", url)
        ]

    async def log_in(self, username: str, password: str) -> None:
        await self.go()
        await self.run(f"document.querySelector('#username').value = {json.dumps(username)}")
        await self.run(f"document.querySelector('#password').value = {json.dumps(password)}")
        await self.click("#login-form [type=submit]")
        await self.until("document.body.dataset.view === 'desk'")

    async def ask(self, question: str) -> None:
        """Ask by keyboard, and wait for the whole answer."""
        before = await self.run("document.querySelectorAll('.answer').length")
        await self.run("document.querySelector('#question').focus()")
        await self.type(question)
        await self.press("Enter")
        await self.until(
            f"document.querySelectorAll('.answer').length === {before + 1} && document.querySelector('.answer:last-of-type').getAttribute('aria-busy') === 'false' && document.querySelector('#stop').hidden"
        )
