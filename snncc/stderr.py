"""Standard error: our own lines reach it, and what libraries write there, by whatever way, is held back.

TensorFlow and its parts write notes with C++ to file descriptor 2, past `sys.stderr`. While they are held back the
descriptor is a pipe to a small process of ours, the keeper, which drops what it got when it is told that all went well
and prints it when it is not: after an error, and also where the process dies without a word of Python's
(TensorFlow on a processor that it was not built for aborts).
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from snncc.errors import SnnccError, ToolMissingError

FINE = b"\0"
KEEPER = """
import sys
held = b""
while part := sys.stdin.buffer.read1():
    held += part
    if held.endswith(b"\\0"):
        break
else:
    sys.stderr.buffer.write(held)
"""
PATIENCE = 10.0
"""Seconds for the keeper to print; a child process may still hold the pipe."""


class _Held:
    """Descriptor 2 held back: `own` writes to where it led before."""

    def __init__(self) -> None:
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        self.own = os.fdopen(os.dup(2), "w", buffering=1, encoding=encoding, errors="backslashreplace")
        held, write = os.pipe()
        try:
            command = [sys.executable or "python3", "-I", "-S", "-c", KEEPER]
            self.keeper = subprocess.Popen(command, stdin=held, stdout=subprocess.DEVNULL, start_new_session=True)
            os.dup2(write, 2)
        finally:
            os.close(held)
            os.close(write)

    def end(self, fine: bool) -> None:
        """Standard error as it was; what was held back is dropped, or printed before this returns."""
        with suppress(OSError):
            os.write(2, FINE if fine else b"")
        self.own.flush()
        os.dup2(self.own.fileno(), 2)
        self.own.close()
        with suppress(subprocess.TimeoutExpired):
            self.keeper.wait(PATIENCE)


_lock = threading.Lock()
_held: _Held | None = None
_users = 0
_fine = True


def own() -> TextIO:
    """The stream for our own lines: standard error, even while it is held back."""
    return _held.own if _held is not None and _is_2(sys.stderr) else sys.stderr


@contextmanager
def held_back() -> Iterator[None]:
    """Hold back what is written to standard error, and print it only where the block does not end well.

    An error for people says all of itself, and an interrupt is wanted: both end well, but for a tool that is missing
    or broken, which may have said why. Blocks may be nested and run in several threads: the last to end decides.
    Where standard error is closed, or no process can be started, nothing is held back.
    """
    global _held, _users, _fine
    with _lock:
        _users += 1
        if _users == 1:
            _fine = True
            _flush()
            with suppress(OSError):
                _held = _Held()
    fine = False
    try:
        yield
        fine = True
    except BaseException as error:
        fine = isinstance(error, SnnccError | KeyboardInterrupt) and not isinstance(error, ToolMissingError)
        raise
    finally:
        with _lock:
            _users -= 1
            _fine = _fine and fine
            if not _users and _held is not None:
                _flush()
                ended, _held = _held, None
                ended.end(_fine)


def _flush() -> None:
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()


def _is_2(stream: TextIO | None) -> bool:
    """Whether a stream writes to descriptor 2, and not into a test's buffer."""
    with suppress(OSError, ValueError, AttributeError):
        return stream is not None and stream.fileno() == 2
    return False
