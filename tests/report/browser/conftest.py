"""Headless Chromium, driven over its own pipe: no package, no port."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-scrollbars",
)
# Chromium reads requests from descriptor 3 and writes answers to 4, each ended by a NUL.
LAUNCH = "import os, sys; r, w, *a = sys.argv[1:]; os.dup2(int(r), 3); os.dup2(int(w), 4); os.execvp(a[0], a)"
PATIENCE = 60.0  # seconds


@dataclass
class Chromium:
    """A running browser: requests are answered in order, events are kept by session."""

    process: subprocess.Popen[bytes]
    reads: int
    writes: int
    events: list[dict[str, Any]] = field(default_factory=list)
    _asked: int = 0
    _buffer: bytes = b""

    def ask(self, method: str, session: str = "", /, **params: Any) -> dict[str, Any]:
        self._asked += 1
        message = {"id": self._asked, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self.writes, json.dumps(message).encode() + b"\0")
        answer = self._next(lambda said: said.get("id") == self._asked)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def wait(self, session: str, event: str) -> None:
        def wanted(said: dict[str, Any]) -> bool:
            return said.get("sessionId") == session and said.get("method") == event

        if not any(map(wanted, self.events)):
            self._next(wanted)

    def _next(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while True:
            while b"\0" not in self._buffer:
                assert select.select([self.reads], [], [], max(end - time.monotonic(), 0))[0], (
                    "Chromium does not answer"
                )
                self._buffer += os.read(self.reads, 1 << 20)
            text, self._buffer = self._buffer.split(b"\0", 1)
            said = json.loads(text)
            if "method" in said:
                self.events.append(said)
            if wanted(said):
                return said


@dataclass
class Page:
    """A page in a window of its own."""

    browser: Chromium
    session: str
    url: str

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.ask(method, self.session, **params)

    def js(self, expression: str) -> Any:
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def size(self, width: int, height: int = 900) -> None:
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, kind: str = "screen", scheme: str = "light") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", media=kind, features=features)

    def point(self, selector: str, press: bool = False) -> None:
        """Move the mouse to the middle of an element, and press it if asked."""
        chosen = f"document.querySelector({json.dumps(selector)})"
        box = (
            f"(() => {{ const e = {chosen}; e.scrollIntoView({{block: 'center'}}); const b = e.getBoundingClientRect();"
        )
        self.js(f"{chosen}.scrollIntoView({{block: 'center'}}); new Promise(done => setTimeout(done, 50))")
        x, y = self.js(box + " return [b.x + b.width / 2, b.y + b.height / 2]; })()")
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased") if press else ():
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = {"Enter": 13, "Tab": 9, "ArrowRight": 39, "Escape": 27}.get(key, 0)
        down = {"type": "keyDown", "key": key, "windowsVirtualKeyCode": code} | ({"text": text} if text else {})
        self.ask("Input.dispatchKeyEvent", **down)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of the console, and requests for anything but the page."""
        own = [event for event in self.browser.events if event.get("sessionId") == self.session]
        loud = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")
        asked = [e["params"]["request"]["url"] for e in own if e["method"] == "Network.requestWillBeSent"]
        return [*(json.dumps(e) for e in own if e["method"] in loud), *(url for url in asked if url != self.url)]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A browser for all tests of a session; they are skipped where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)}")
    profile = tmp_path_factory.mktemp("profile")
    to_read, answers = os.pipe()
    requests, to_write = os.pipe()
    command = [found, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCH, str(requests), str(answers), *command],
        pass_fds=(requests, answers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(requests)
        os.close(answers)
        browser = Chromium(process, to_read, to_write)
        yield browser
        browser.ask("Browser.close")
        process.wait(PATIENCE)
    os.close(to_read)
    os.close(to_write)


@pytest.fixture
def opened(chromium: Chromium, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """opened(html, width=1280) -> the page in a window so wide; nothing of it may complain."""
    pages: list[tuple[Page, str]] = []

    def opened(html: str, width: int = 1280, height: int = 900) -> Page:
        path = tmp_path / f"page-{len(pages)}.html"
        path.write_text(html, encoding="utf-8")
        target = chromium.ask("Target.createTarget", url="about:blank")["targetId"]
        session = chromium.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(chromium, session, path.as_uri())
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.ask(f"{domain}.enable")
        page.size(width, height)
        page.media()
        page.ask("Page.navigate", url=page.url)
        chromium.wait(session, "Page.loadEventFired")
        pages.append((page, target))
        return page

    yield opened
    for page, target in pages:
        assert page.complaints == []
        chromium.ask("Target.closeTarget", targetId=target)
