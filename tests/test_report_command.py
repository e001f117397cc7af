"""The command that a report prints: `snncc compile` takes it, and makes the same network and the same files."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snncc
from snncc import backends, store
from snncc.backends.options import options_of
from snncc.lower.options import Options
from snncc.reporting.command import PYTHON_ALONE, again
from tests.conftest import Digits, Run
from tests.support import everything

CASES: list[tuple[dict[str, Any], dict[str, dict[str, Any]]]] = [
    ({}, {"c": {}}),
    (
        {"signed_bit": 4, "timesteps": 5, "dynamics": "step", "encoding": "current", "thresholding": 0.25, "seed": 3,
         "percentile": 99.5, "per_channel": False, "input_bits": 6, "input_range": (-0.125, 1.25), "bytes": "x/255",
         "average_pools": "global", "linear": "relay", "calibrate": "light", "name": "other"},
        {"c": {"pack": True, "state_bytes": 20_000, "fast_bytes": 400, "prefix": "abc", "package": "arduino",
               "license": "MIT OR Zlib"}},
    ),
    (
        {"timesteps": 6, "lambda_per_channel": True, "readout": "spikes", "spike_ext": 2, "calibrate": "full",
         "calibrate_widths": "free", "bytes_scale": (1 / 255,), "bytes_offset": -0.5, "thresholding": "-1/3"},
        {"verilog": {"memory_format": "coe", "max_lanes": 3, "lanes": {"conv": 1, "out": 2}, "prefix": "own",
                     "input_width": 32, "axi_lite": True}},
    ),
    (
        {"timesteps": 4, "calibrate": "none"},
        {"verilog": {"target_fps": 1000.0, "clock_mhz": 12.5, "pipeline": True}, "c": {}},
    ),
    (
        {"timesteps": 4, "calibrate": "none", "dynamics": "count"},
        {"verilog": {"weights": "external", "weights_bus": 32, "weights_inside": 1.5, "memory_latency": 20,
                     "memory_period": 2}},
    ),
    (
        {"timesteps": 4, "calibrate": "none", "dynamics": "step", "encoding": "current", "thresholding": 0.0},
        {"nir": {"leaks": "real"}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("options", "targets"), CASES, ids=["defaults", "step", "count", "goal", "external", "nir"])
def test_the_command_makes_it_again(
    options: dict[str, Any], targets: dict[str, dict[str, Any]], tmp_path: Path, run: Run, digits: Digits
) -> None:
    network = snncc.convert(str(digits.model), np.load(digits.data)["x_train"], **options)
    network.write(tmp_path / "a", targets)
    command = again(network.ir.record, str(tmp_path / "b"), store.read_targets(tmp_path / "a"))  # type: ignore[arg-type]
    given = {"MODEL": str(digits.model), "DATA.npz": str(digits.data)}
    program, *arguments = (given.get(part, part) for part in shlex.split(command.replace("\\\n", "")))
    assert program == "snncc" and run(*arguments)[0] == 0
    assert snncc.load(tmp_path / "b").hash == network.hash
    ours, theirs = everything(tmp_path / "a"), everything(tmp_path / "b")
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if ours[name] != theirs[name]} <= {"network.snn", "manifest.json"}


def test_every_option_is_in_a_case() -> None:
    known = {field.name for field in dataclasses.fields(Options)} - {"tool_version", *PYTHON_ALONE}
    assert {name for options, _ in CASES for name in options} == known
    for target in backends.TARGETS:
        asked = {name for _, targets in CASES for name in targets.get(target, {})}
        assert asked == set(options_of(backends.target(target).options))


def test_what_the_shell_cannot_say_is_said_in_python(digits: Digits, tmp_path: Path) -> None:
    x = np.load(digits.data)["x_train"]
    network = snncc.convert(str(digits.model), x, timesteps=4, fixed_lambda=1.5, input_range=(0.0, 2.0))
    command = again(network.ir.record, str(tmp_path / "b"), {"c": {"pack": False}})  # type: ignore[arg-type]
    changed = network.with_(name="other").with_(timesteps=2, scaling_factor=1.5).with_(dynamics="step")
    changed.write(tmp_path / "c")
    words = ".with_(timesteps=2, scaling_factor=1.5).with_(dynamics=&#39;step&#39;)"
    assert f"<code>{words}</code>" in snncc.report(tmp_path / "c").read_text()
    exec(command.replace("MODEL", str(digits.model)), {"snncc": snncc, "x": x})  # noqa: S102 (it is ours)
    assert snncc.load(tmp_path / "b").hash == network.hash and store.read_targets(tmp_path / "b")
