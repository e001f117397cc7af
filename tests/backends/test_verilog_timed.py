"""Promises 1, 2 and 3 of what only `step` has: leaky neurons, late sources, frames, word by word and cycle by cycle."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from snncc import backends, ir
from snncc.backends.verilog import cycles
from snncc.backends.verilog.goals import Goal, balance
from snncc.backends.verilog.plan import build
from snncc.errors import TargetError
from snncc.resources import resource
from snncc.synth import DEVICES, area, run_yosys
from tests.hw.simulate import compile_bench, exact, make, mixed_plan, plan_with, run
from tests.networks import crossed, late_maximum, recurrent
from tests.strategies import Case, timed_cases
from tests.support import examples

QUICK = examples(6)
CYCLES = 6_000  # at most, of an image: what Icarus simulates in a second on a busy machine
SMALL = {"max_populations": 3, "max_neurons": 24, "max_side": 4}


def _parity(case: Case, seed: int) -> None:
    network = case.network
    try:
        ir.refuse(network, network.dynamics, backends.target("verilog").refuses, TargetError)
    except TargetError as error:
        event(f"refused: {str(error).split(':')[0][-30:]}")
        return
    plan = mixed_plan(network, seed)
    assume(cycles.worst(plan, 1).latency[0] < CYCLES)
    wanted = [case.timesteps] * len(case.pixels)
    wanted[1:2] = [1] * len(wanted[1:2])
    with tempfile.TemporaryDirectory() as name:
        exact(Path(name), plan, np.asarray(case.pixels), wanted)


@QUICK
@given(timed_cases(only="leaky", **SMALL), st.integers(0, 2**20))
def test_leaky(case: Case, seed: int) -> None:
    _parity(case, seed)


@QUICK
@given(timed_cases(only="late", **SMALL), st.integers(0, 2**20))
def test_late(case: Case, seed: int) -> None:
    _parity(case, seed)


@QUICK
@given(timed_cases(only="frames", **SMALL), st.integers(0, 2**20))
def test_frames(case: Case, seed: int) -> None:
    _parity(case, seed)


@QUICK
@given(timed_cases(**SMALL), st.integers(0, 2**20))
def test_everything(case: Case, seed: int) -> None:
    _parity(case, seed)


def _events(frames: int, sequences: int = 5) -> np.ndarray:
    """Counts of events, few of them above 0."""
    rng = np.random.default_rng(5)
    return rng.integers(0, 8, (sequences, frames, 12)) * (rng.random((sequences, frames, 12)) < 0.4)


@pytest.mark.parametrize("fields", [{}, {"reset": "subtract_late"}, {"late_current": True, "rounding": "floor"}])
def test_a_recurrent_network(tmp_path: Path, fields: dict[str, Any]) -> None:
    exact(tmp_path, mixed_plan(recurrent(**fields), 3), _events(20), [20, 1, 7, 20, 2])


def test_sequences_that_go_on(tmp_path: Path) -> None:
    exact(tmp_path, mixed_plan(recurrent(), 4), _events(9), [9, 1, 7, 9, 2], [True, True, False, True, False])


def test_stalls_do_not_stop_what_feeds_back(tmp_path: Path) -> None:
    """Late views forwards, backwards and of a node that reads nothing of its own timestep, in the planned room."""
    make(tmp_path, mixed_plan(crossed(), 1), _events(6), [6, 1, 5, 6, 3])
    for seed, stall in enumerate((5, 25, 60, 90)):
        said = run(tmp_path, f"+stall_in={stall}", f"+stall_out={95 - stall}", f"+seed={seed}")
        assert "PASS 5" in said, said


def test_cycles_of_what_feeds_back(tmp_path: Path) -> None:
    exact(tmp_path, mixed_plan(crossed(), 7), _events(8), [8, 1, 5, 8, 3], [False, True, True, False, False])


def test_a_maximum_of_late_spikes(tmp_path: Path) -> None:
    network = late_maximum(most=1)
    exact(tmp_path, mixed_plan(network, 1), _events(8), [8, 1, 5, 8, 3], [False, True, True, False, False])


@pytest.mark.parametrize(("leak", "multipliers"), [(1024, 0), (1000, 1)])
def test_a_leak_that_is_a_power_of_two_is_a_shift(tmp_path: Path, leak: int, multipliers: int) -> None:
    for name in ("snn_fire_leaky.v", "snn_share.v"):
        shutil.copyfile(resource("hw_sim") / "rtl" / name, tmp_path / name)
    script = f"""read_verilog -defer -DSYNTHESIS snn_fire_leaky.v snn_share.v
        chparam -set LEAK {leak} -set LANES 1 snn_fire_leaky
        hierarchy -top snn_fire_leaky; proc; flatten; opt -full
        select -assert-count {multipliers} t:$mul"""
    run_yosys(tmp_path, script)


def test_goals_leave_what_forgets_and_what_is_late_plain() -> None:
    network = crossed()
    made = build(network, balance(network, Goal(None, 64, {}, deep=True)).choices)
    assert all(node.columns == 1 for node in made.nodes)
    assert not any(node.deep for node in made.nodes)


def test_the_model_of_area_names_what_it_does_not_know() -> None:
    with pytest.raises(TargetError, match=r"does not know .frames.*leaky firing"):
        area.estimate(plan_with(recurrent()), [], DEVICES["ecp5-25k"])


def test_a_maximum_of_late_values_is_refused() -> None:
    with pytest.raises(TargetError, match="let a relay read them late"):
        ir.refuse(late_maximum(), "step", backends.target("verilog").refuses, TargetError)


FAULTS = {
    "the leak of V before": ("snn_fire_leaky.v", ".x(RESET == 1 ? full : reduced)", ".x(full)"),
    "the current stays": ("snn_fire_leaky.v", "current_q - decayed", "current_q"),
    "no lower end": ("snn_fire_leaky.v", "v < lowest ? lowest : v", "v"),
    "a spike too many": ("snn_fire_leaky.v", "fire ? COUNT", "fire ? COUNT + 1'b1"),
    "away from zero": ("snn_share.v", "x[W-1] ? -x : x", "x"),
    "the frame before of another image": ("snn_edge.v", "assign unseen = ends", "assign unseen = 1'b0"),
    "a frame is the whole sequence": ("snn_frames.v", "p_last = frame_q == t ||", "p_last = 1'b1 ||"),
    "state goes on": ("snn_layer.v", "(meta_q[FINAL] && !(KEEPS != 0 && meta_q[KEEP]))", "1'b0"),
    "state does not go on": ("snn_layer.v", "!(KEEPS != 0 && meta_q[KEEP])", "1'b1"),
}


def test_faults_are_noticed(tmp_path: Path) -> None:
    make(tmp_path, mixed_plan(crossed(), 2), _events(6, 4), [6, 4, 3, 5], [False, True, False, False])
    assert "PASS 4" in run(tmp_path)
    for name, (file, old, new) in FAULTS.items():
        text = (tmp_path / file).read_text()
        assert old in text, f"{file} has no {old!r}"
        (tmp_path / file).write_text(text.replace(old, new))
        compile_bench(tmp_path)
        assert "PASS" not in run(tmp_path), name
        (tmp_path / file).write_text(text)
