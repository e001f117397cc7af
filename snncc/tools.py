"""Outside programs: compilers, emulators, simulators, synthesisers. One call, one time limit, nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from snncc.errors import OutputError

LINE = 300


def run(
    command: Sequence[str], work: Path, doing: str, timeout: float, environment: Mapping[str, str] | None = None
) -> str:
    """Run a program in `work`; what it said, standard output first. It reads nothing and may take `timeout` seconds.

    It leads a process group of its own, which is killed when the call does not end well (too long, Ctrl-C): a
    compiler's children do not outlive it. OutputError names the program where it cannot be started, hangs or fails.
    """
    tool = Path(command[0]).name
    try:
        child = subprocess.Popen(
            command, cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace", start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise OutputError(f"{doing}: {tool} cannot be started: {error.strerror or error}") from error
    try:
        out, err = child.communicate(timeout=timeout)
    except BaseException as error:  # a keyboard interrupt too: the terminal does not reach another group
        _end_group(child)
        if isinstance(error, subprocess.TimeoutExpired):
            raise OutputError(f"{doing}: {tool} took more than {timeout:g} seconds and was stopped") from error
        raise
    if child.returncode:
        raise OutputError(f"{doing}: {tool} failed with {_status(child.returncode)}: {_first_error(err + out)}")
    return out + err


def _end_group(child: subprocess.Popen[str]) -> None:
    """Kill a group whose leader has not been waited for yet, so that its number is still its own."""
    if hasattr(os, "killpg"):
        os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    child.wait()
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()


def _status(code: int) -> str:
    """`status 4`, or the signal's name."""
    if code >= 0:
        return f"status {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _first_error(said: str) -> str:
    """The first line that says FATAL, else one that says ERROR:, else error; without any the last line."""
    lines = said.strip().splitlines()
    for words in (("FATAL", "%Fatal"), ("ERROR:",), ("error", "Error", "ERROR")):
        for line in lines:
            if any(word in line for word in words):
                return line[:LINE]
    return lines[-1][:LINE] if lines else "no message"
