"""Relays in the RTL: parity, exact cycles, stalls, and faults that are noticed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from snncc import store
from snncc.backends.verilog import emit
from snncc.verification import verify
from tests.hw.simulate import compile_bench, exact, mixed_plan, plan_with, run
from tests.networks import separable, signed_pixels

STEPS = [7, 1, 3]


@pytest.mark.parametrize(("seed", "dynamics"), [(0, "count"), (1, "count"), (0, "step")])
def test_every_word_and_cycle(tmp_path: Path, dynamics: str, seed: int) -> None:
    net = separable(dynamics=dynamics)
    golden = exact(tmp_path, mixed_plan(net, seed), signed_pixels(net)[: len(STEPS)], STEPS)
    for name in ("pop_spread", "pop_mixed", "pop_summed"):
        values = np.concatenate([frame.ravel() for frame in golden.frames[name]])
        assert values.min() < 0 < values.max()


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_verify_reads_signed_values(tmp_path: Path, dynamics: str) -> None:
    """Through `snncc verify`, whose plan must be that of the export."""
    net = separable(dynamics=dynamics, timesteps=3)
    store.write(net, tmp_path / "m", {"verilog": {}})
    report = verify(tmp_path / "m", targets=["verilog-icarus"], images=2)
    assert [o.status for o in report.outcomes] == ["pass"] * 2, report.outcomes
    assert emit.read_manifest(tmp_path / "m" / "verilog")["goal_met"]


FAULTS = {
    "count": {
        "a shift more": ("snn_fire_count.v", "u_q >>> shift_q", "u_q >>> (shift_q + 1'b1)"),
        "no sign": ("snn_fire_count.v", "u_q >>> shift_q", "u_q >> shift_q"),
        "rounded down": ("snn_fire_count.v", "(v <<< SCALE) + bt + v0_q", "(v <<< SCALE) + bt"),
        "no bias": ("snn_fire_count.v", "(v <<< SCALE) + bt + v0_q", "(v <<< SCALE) + v0_q"),
        "unsigned values": ("snn_top.v", ".VALUE_SIGNED(1)", ".VALUE_SIGNED(0)"),
    },
    "step": {
        "a shift more": ("snn_fire_step.v", "s_q >>> th_q[THW-1:0]", "s_q >>> (th_q[THW-1:0] + 1'b1)"),
        "no sign": ("snn_fire_step.v", "s_q >>> th_q", "s_q >> th_q"),
        "rounded down": ("snn_fire_step.v", "wdata[i*VW +: VW] = v0_q", "wdata[i*VW +: VW] = {VW{1'b0}}"),
        "a state": ("snn_fire_step.v", "wdata[i*VW +: VW] = v0_q", "wdata[i*VW +: VW] = restart ? v0_q : s_q"),
        "no bias": ("snn_fire_step.v", ": b + d;", ": d;"),
        "a bias after T": ("snn_fire_step.v", "driven ? drive :", "1'b1 ? drive :"),
        "spikes for values": ("snn_lanes.v", "weight_q * value", "weight_q"),
        "unsigned values": ("snn_top.v", ".VALUE_SIGNED(1)", ".VALUE_SIGNED(0)"),
    },
}


@pytest.fixture(scope="module")
def proved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a design that passes, by dynamics: made once, and to be copied."""

    @cache
    def made(dynamics: str) -> Path:
        folder = tmp_path_factory.mktemp(dynamics)
        net = separable(dynamics=dynamics, timesteps=3)
        exact(folder, plan_with(net), signed_pixels(net)[:2], [3] * 2)
        return folder

    return made


@pytest.mark.parametrize(("dynamics", "fault"), [(d, fault) for d, faults in FAULTS.items() for fault in faults])
def test_faults_are_noticed(tmp_path: Path, proved: Callable[[str], Path], dynamics: str, fault: str) -> None:
    faulty = shutil.copytree(proved(dynamics), tmp_path / "faulty")
    name, old, new = FAULTS[dynamics][fault]
    text = (faulty / name).read_text()
    assert old in text
    (faulty / name).write_text(text.replace(old, new))
    compile_bench(faulty)
    assert "PASS" not in run(faulty)
