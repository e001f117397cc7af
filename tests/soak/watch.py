"""What the process does while it reads a hostile file, seen through Python's audit events.

Nothing may be written outside the scratch folder, no program started, no address connected to, nothing unpickled.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

CHANGES = frozenset(
    ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.chown", "os.link", "os.symlink", "os.truncate")
)
NEVER = frozenset(
    ("os.system", "os.exec", "os.posix_spawn", "os.startfile", "subprocess.Popen", "socket.connect", "socket.bind",
     "socket.getaddrinfo", "pickle.find_class", "urllib.Request", "os.kill", "shutil.rmtree", "webbrowser.open")
)  # fmt: skip
HARMLESS = ("/dev/null", "/dev/tty")


class Watch:
    """Collects what must not be done while it is on. One per process: an audit hook cannot be taken away."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = f"{scratch.resolve()}{os.sep}"
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        self.on = False  # what happens in here is ours
        try:
            if event in NEVER and not (event == "shutil.rmtree" and self._inside(arguments[0])):
                self.seen.append(f"{event} {arguments!r:.200}")
            changes = event in CHANGES or (event == "open" and self._writes(arguments))
            if changes and not self._inside(arguments[0]):
                self.seen.append(f"{event} {arguments!r:.200}")
        finally:
            self.on = True

    def _inside(self, path: Any) -> bool:
        """Whether a path lies in the scratch folder; file descriptors and names beside one are not looked at."""
        if isinstance(path, int):
            return True
        full = os.path.realpath(os.fsdecode(path))
        return f"{full}{os.sep}".startswith(self.scratch) or full in HARMLESS

    @staticmethod
    def _writes(arguments: tuple[Any, ...]) -> bool:
        _, mode, flags = arguments
        if mode:
            return any(letter in mode for letter in "wax+")
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
