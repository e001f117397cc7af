"""Debian's chromium without a window, driven through its debugging pipe: JSON messages that end with a NUL."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Page:
    """One page; `logged` holds what its console and its network said."""

    def __init__(self, to: int, back: int) -> None:
        self.to, self.back, self.held, self.number = to, back, b"", 0
        self.logged: list[dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    session: str = ""

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What a command answers."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self.number:
                assert "error" not in said, said
                return said["result"]
            self.logged.append(said)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.held:
            part = os.read(self.back, 1 << 16)
            assert part, "chromium has ended"
            self.held += part
        message, _, self.held = self.held.partition(b"\0")
        return json.loads(message)

    def open(self, url: str, width: int, scheme: str = "light") -> None:
        """Load a page, and wait until it has loaded."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500
        )
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.send("Page.navigate", url=url)
        while self.evaluate("document.readyState") != "complete" or self.evaluate("location.href") == "about:blank":
            pass

    def evaluate(self, expression: str) -> Any:
        """The value of an expression."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def becomes(self, expression: str) -> bool:
        """Whether an expression is true once the page has done what is under way."""
        for _ in range(200):
            if self.evaluate(expression):
                return True
            time.sleep(0.02)
        return False

    def press(self, key: str) -> None:
        """A key of the keyboard."""
        text = {"text": "\r"} if key == "Enter" else {}
        code = {"Enter": 13, "Tab": 9}[key]
        for kind in ("keyDown", "keyUp"):
            more = text if kind == "keyDown" else {}
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)

    def click(self, selector: str) -> None:
        """The middle of an element."""
        self.evaluate(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
        place = f"document.querySelector({selector!r}).getBoundingClientRect()"
        box = self.evaluate(f"(r => [r.x + r.width / 2, r.y + r.height / 2])({place})")
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)


@contextmanager
def browser() -> Iterator[Page]:
    """A page of a browser of its own."""
    (read, to), (back, write) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory() as profile:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run"]
        command = f"exec chromium {' '.join(options)} --user-data-dir={profile} 3<&{read} 4>&{write} 2>/dev/null"
        process = subprocess.Popen(["bash", "-c", command], pass_fds=(read, write))
        os.close(read)
        os.close(write)
        try:
            yield Page(to, back)
        finally:
            process.kill()
            process.wait()
            os.close(to)
            os.close(back)


def url(path: Path) -> str:
    return path.resolve().as_uri()
