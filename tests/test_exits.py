"""Exit statuses through a real process: 0, 1, 2, 3, 130, 141, each as every command's help says."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from snncc.cli import cli, exits
from snncc.verification.report import Outcome, Report
from tests.backends.c_folder import compiled
from tests.networks import residual

TOOLS = ("gcc", "as", "ld")


def snncc(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """`snncc ARGUMENTS` as a process of its own; CI is not set unless it is given."""
    env = {name: value for name, value in os.environ.items() if name != "CI"} | environment
    command = [sys.executable, "-m", "snncc", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return compiled(residual(), tmp_path / "net")


@pytest.fixture
def only_gcc(tmp_path: Path) -> str:
    """A PATH with one compiler and nothing else."""
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or "")
    return str(tmp_path / "bin")


def test_0_and_what_fails_is_1(folder: Path) -> None:
    done = snncc("verify", folder, "--target", "c-host", "--images", 2, "--json")
    assert (done.returncode, done.stderr) == (0, "") and json.loads(done.stdout)["ok"]
    source = folder / "c" / "net.c"
    before = source.read_text()
    source.write_text(before.replace("net_tables.bias_first[c]", "0"))
    assert source.read_text() != before
    done = snncc("verify", folder, "--target", "c-host", "--images", 2)
    assert done.returncode == 1 and "6 of 6 ran: 6 failed." in done.stdout
    done = snncc("verify", folder, "--target", "nowhere")
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_a_goal_that_is_missed_is_1_and_said(folder: Path) -> None:
    hardware = ("export", folder, "--target", "verilog", "--clock-mhz", 1, "--target-fps")
    done = snncc(*hardware, 1e9)
    assert (done.returncode, done.stderr) == (1, "") and "cannot be met; the nearest possible" in done.stdout
    assert (folder / "verilog" / "snn_top.v").is_file(), "the nearest design is written"
    done = snncc(*hardware, 1e-3)
    assert (done.returncode, done.stderr) == (0, "") and "cannot be met" not in done.stdout
    assert snncc("inspect", folder, "--cycles").returncode == 0


def test_wrong_usage_is_2(folder: Path) -> None:
    for wrong in (("export", folder), ("--nonsense",), ("nonsense",), ("verify", folder, "--images", 0)):
        done = snncc(*wrong)
        assert done.returncode == 2 and "Usage: " in done.stderr and not done.stdout


def test_a_missing_tool_is_3_where_nothing_else_ran(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = snncc("verify", folder, PATH=str(tmp_path / "empty"))
    assert done.returncode == 3 and "0 of 14 ran: nothing is verified. 14 not run for want of a tool." in done.stdout
    assert "install gcc-arm-none-eabi" in done.stdout


def test_strict_is_an_option_and_ci_its_default(folder: Path, only_gcc: str) -> None:
    """gcc alone: three of the five variants on the host run."""
    host = ("verify", folder, "--target", "c-host", "--images", 1)
    said = "4 of 6 ran: every integer is the simulator's. 2 not run for want of a tool."
    for options, environment, status in (
        ((), {}, 0), (("--strict",), {}, 3), ((), {"CI": "true"}, 3), (("--no-strict",), {"CI": "true"}, 0),
    ):  # fmt: skip
        done = snncc(*host, *options, PATH=only_gcc, **environment)
        assert done.returncode == status and said in done.stdout, (options, environment, done.stdout, done.stderr)
        assert "install clang" in done.stdout


def test_a_difference_comes_before_a_missing_tool(folder: Path, only_gcc: str) -> None:
    source = folder / "c" / "net.c"
    source.write_text(source.read_text().replace("net_tables.bias_first[c]", "0"))
    done = snncc("verify", folder, "--target", "c-host", "--images", 2, "--strict", PATH=only_gcc)
    assert done.returncode == 1 and "4 of 6 ran: 4 failed. 2 not run for want of a tool." in done.stdout


def test_every_case_of_a_report() -> None:
    ran, failed = Outcome("a", "", "pass"), Outcome("b", "", "fail")
    tool, room = Outcome("c", "", "not run", tool_missing=True), Outcome("d", "", "not run")
    for outcomes, loose, strict in (
        ((ran,), 0, 0), ((failed,), 1, 1), ((ran, failed), 1, 1), ((tool,), 3, 3), ((room,), 1, 1),
        ((tool, room), 3, 3), ((ran, tool), 0, 3), ((ran, room), 0, 1), ((ran, tool, room), 0, 3),
        ((failed, tool), 1, 1), ((), 1, 1),
    ):  # fmt: skip
        assert Report(outcomes).exit_status == loose and Report(outcomes, strict=True).exit_status == strict, outcomes
        assert Report(outcomes).ok == (loose == 0)


def test_an_interrupt_is_one_line_and_130(folder: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "gcc").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexec sleep 600\n")
    (tools / "gcc").chmod(0o755)
    environment = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "snncc", "verify", str(folder), "--target", "c-host"]
    child = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not (tmp_path / "started").exists() and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    assert child.communicate() == ("", "interrupted\n") and child.returncode == 130


@pytest.mark.parametrize("arguments", [["--help"], ["verify", "--help"], ["inspect", "{folder}"]])
def test_a_closed_pipe_is_silent_and_141(folder: Path, arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "snncc", *(a.format(folder=folder) for a in arguments)]
    with os.fdopen(writer, "w") as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("name", ["", *sorted(cli.commands)])
def test_every_help_says_the_statuses(name: str) -> None:
    said = CliRunner().invoke(cli, [name, "--help"] if name else ["--help"]).output
    table = said[said.index("Exit status:") :]
    listed = [int(number) for number in re.findall(r"^  (\d+) ", table, re.M)]
    needs_tools = name in ("", "compile", "explore", "evaluate", "diagnose", "report", "verify", "synth")
    assert listed == [0, 1, 2, *([3] if needs_tools else []), exits.INTERRUPTED, exits.PIPE_CLOSED]
