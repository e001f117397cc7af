"""Runs one cocotb bench of hw_sim/tb on one module, as it is or with a fault put into its text."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cocotb_tools.runner import get_runner

from snncc.backends.verilog.run import verilator
from snncc.resources import resource

HW = resource("hw_sim")
BUILD = {
    "icarus": ["-g2005"],
    "verilator": [
        "-Wno-lint",
        "-Wno-STMTDLY",
        "--no-timing",
        "-MAKEFLAGS",
        "CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O0 OPT_GLOBAL=-O0",
    ],
}
Fault = tuple[str, str, str]
"""Module, its text, the faulty text."""


def bits(count: int) -> int:
    """The width of an address of `count` words."""
    return max(1, (count - 1).bit_length())


def bench(
    folder: Path,
    top: str,
    module: str,
    parameters: dict[str, Any],
    env: dict[str, str],
    *,
    modules: Iterable[str] = (),
    sources: Iterable[Path] = (),
    testcase: str | None = None,
    simulator: str = "icarus",
    fault: Fault | None = None,
) -> None:
    """Build `top` with parameters and run hw_sim/tb/<module>.py on it. Without a fault it passes; with one it fails."""
    files = [*sources, *(HW / "rtl" / f"{name}.v" for name in modules)]
    if fault is not None:
        name, old, new = fault
        text = (HW / "rtl" / f"{name}.v").read_text()
        assert old in text, f"{name}.v has no {old!r}"
        faulty = folder / f"{name}.v"
        faulty.write_text(text.replace(old, new))
        files = [faulty if path.name == faulty.name else path for path in files]
    runner = get_runner(simulator)
    if simulator == "verilator":
        os.environ.update(verilator()[1])
    runner.build(
        sources=files, hdl_toplevel=top, parameters=parameters, build_dir=folder / "build", always=True,
        timescale=("1ns", "1ps"), build_args=BUILD[simulator],
    )  # fmt: skip
    # The simulator's Python gets this process's path; SystemExit only says what the results say too.
    with patch.object(sys, "path", [str(HW / "tb"), *sys.path]), suppress(SystemExit):
        runner.test(
            test_module=module, hdl_toplevel=top, build_dir=folder / "build", test_dir=folder, testcase=testcase,
            timescale=("1ns", "1ps"), extra_env={"SNN_PARAMETERS": json.dumps(parameters), **env},
            results_xml=str(folder / "results.xml"),
        )  # fmt: skip
    text = (folder / "results.xml").read_text()
    assert "<testcase" in text and "<error" not in text and "<skipped" not in text, text
    assert ("<failure" in text) == (fault is not None), text
