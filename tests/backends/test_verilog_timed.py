"""Promises 1, 2 and 3 of what only `step` has: leaky neurons, late sources, frames, word by word and cycle by cycle."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from snncc import backends, ir
from snncc.backends.verilog import cycles
from snncc.errors import TargetError
from tests.hw.simulate import exact, mixed_plan
from tests.networks import recurrent
from tests.strategies import Case, timed_cases
from tests.support import examples

QUICK = examples(8)
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
