"""Compilers and simulators that hang, fail, cannot be started or leave children: said by name, nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snncc import store, tools
from snncc.backends.c import run as c
from snncc.backends.verilog import run as verilog
from snncc.errors import OutputError
from snncc.verification import verify
from snncc.verification.report import Outcome
from tests.backends.c_folder import compiled, residual
from tests.hw.simulate import dense_network

HANGS = "sleep 600 &\necho $! > {pids}\necho $$ >> {pids}\nwait\n"
"""A tool that starts a child and waits for it; both write down who they are."""


def fake(folder: Path, name: str, script: str) -> Path:
    """A tool of that name, first on a PATH of its own."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}")
    (folder / name).chmod(0o755)
    return folder


def path_with(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def running(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def all_gone(pids: Path) -> bool:
    """Whether the processes that wrote themselves down end; the control is that they were there."""
    numbers = [int(line) for line in pids.read_text().split()]
    assert len(numbers) == 2
    while any(map(running, numbers)):
        time.sleep(0.01)
    return True


def the_outcome(folder: Path, target: str, variant: str) -> Outcome:
    (found,) = verify(folder, targets=[target], variants=[variant], strict=False).outcomes
    assert found.status == "fail"
    return found


def test_a_compiler_that_hangs_is_stopped_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = compiled(residual(), tmp_path / "net")
    path_with(fake(tmp_path / "bin", "gcc", HANGS.format(pids=tmp_path / "pids")), monkeypatch)
    monkeypatch.setattr(c, "TIMEOUT", 3)
    reason = the_outcome(folder, "c-host", "gcc -O0").reason
    assert reason == "compiling: gcc took more than 3 seconds and was stopped"
    assert all_gone(tmp_path / "pids")


@pytest.mark.parametrize(("tool", "doing"), [("iverilog", "compiling"), ("vvp", "running")])
def test_a_simulator_that_hangs_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str, doing: str
) -> None:
    store.write(dense_network("step", sizes=(3, 2, 2)), tmp_path / "net", {"verilog": {}})
    if tool == "vvp":
        fake(tmp_path / "bin", "iverilog", "exit 0\n")
    path_with(fake(tmp_path / "bin", tool, HANGS.format(pids=tmp_path / "pids")), monkeypatch)
    monkeypatch.setattr(verilog, "TIMEOUT", 3)
    reason = the_outcome(tmp_path / "net", "verilog-icarus", "plain bench").reason
    assert reason == f"{doing}: {tool} took more than 3 seconds and was stopped"
    assert all_gone(tmp_path / "pids")


def test_tools_that_fail_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = compiled(residual(), tmp_path / "net")
    store.write(dense_network("step", sizes=(3, 2, 2)), tmp_path / "hw", {"verilog": {}})
    path_with(
        fake(tmp_path / "bin", "gcc", "echo one >&2; echo 'fatal error: no \\377 licence' >&2; exit 7\n"), monkeypatch
    )
    fake(tmp_path / "bin", "iverilog", "kill -SEGV $$\n")
    assert the_outcome(folder, "c-host", "gcc -O0").reason.startswith(
        "compiling: gcc failed with status 7: fatal error: no"
    )
    assert the_outcome(tmp_path / "hw", "verilog-icarus", "stalls").reason == (
        "compiling: iverilog failed with signal SIGSEGV: no message"
    )


def test_what_is_no_program_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = compiled(residual(), tmp_path / "net")
    (fake(tmp_path / "bin", "gcc", "") / "gcc").write_bytes(b"\x7fELF and nothing more")
    path_with(tmp_path / "bin", monkeypatch)
    assert the_outcome(folder, "c-host", "gcc -O0").reason == "compiling: gcc cannot be started: Exec format error"


def test_a_compiler_that_makes_nothing_does_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = compiled(residual(), tmp_path / "net")
    path_with(fake(tmp_path / "bin", "gcc", "exit 0\n"), monkeypatch)
    assert "trace.elf cannot be started" in the_outcome(folder, "c-host", "gcc -O0").reason


def test_a_tool_is_not_asked_for_input(tmp_path: Path) -> None:
    """Its standard input is empty: what would ask a question ends instead of waiting for an answer."""
    assert tools.run(["cat"], tmp_path, "reading", 60) == ""
    assert tools.run(["sh", "-c", "echo err >&2; echo out"], tmp_path, "talking", 60) == "out\nerr\n"
    with pytest.raises(OutputError, match=r"talking: sh failed with status 3: last"):
        tools.run(["sh", "-c", "echo first; echo last; exit 3"], tmp_path, "talking", 60)


def test_an_interrupt_ends_the_tool_too(tmp_path: Path) -> None:
    """Ctrl-C reaches this process alone, since the tool has a group of its own."""
    fake(tmp_path / "bin", "slow", HANGS.format(pids=tmp_path / "pids"))
    program = (
        f"from snncc import tools; from pathlib import Path; tools.run(['{tmp_path}/bin/slow'], Path('.'), 'x', 600)"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "pids").exists() or len((tmp_path / "pids").read_text().split()) < 2:
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate()
    assert "KeyboardInterrupt" in said
    assert all_gone(tmp_path / "pids")
