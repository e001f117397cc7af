"""Promises 1, 2, 3 and 4: random networks through Icarus, every word of every layer, and the exact cycle counts."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from snncc import backends, ir
from snncc.backends.verilog import cycles
from snncc.backends.verilog.drafts import drafts, legal_columns, legal_lanes
from snncc.backends.verilog.layout import INPUT_LANES
from snncc.backends.verilog.plan import Choice
from snncc.errors import TargetError
from tests.hw.simulate import exact, make, measured, plan_with, run
from tests.networks import dense_chain, with_intervals
from tests.strategies import Case, cases
from tests.support import examples

QUICK = examples(12)
CYCLES = 8_000  # at most, per image: what Icarus simulates in a second on a busy machine


def _parity(case: Case, seed: int) -> None:
    network, rng = case.network, random.Random(seed)
    try:
        ir.refuse(network, network.dynamics, backends.target("verilog").refuses, TargetError)
    except TargetError as error:
        event(f"refused: {str(error).split(':')[0][-30:]}")
        return
    choices = {ir.INPUT: Choice(rng.randint(1, INPUT_LANES))}
    for draft in drafts(network):
        lanes = rng.choice(legal_lanes(draft))
        fire = rng.choice([n for n in range(1, lanes + 1) if lanes % n == 0])
        parts = rng.choice([n for n in range(1, lanes + 1) if lanes % (fire * n) == 0])
        choices[draft.name] = Choice(
            lanes, fire, rng.choice([1, 2, 3, 16]), parts, rng.choice(legal_columns(draft, lanes)), rng.randint(0, 1)
        )
    plan = plan_with(network, choices=choices)
    pixels = np.asarray(case.pixels)
    steps = case.timesteps
    if network.dynamics == "step":
        steps = min(steps, max(1, steps * CYCLES // cycles.worst(plan, 2).latency[0]))
    wanted = [steps] * len(pixels)
    wanted[1:2] = [1] * len(wanted[1:2])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        golden = make(folder, plan, pixels, wanted)
        said = run(folder)
        assert "PASS" in said, said
        timing = cycles.predict(plan, golden)
        assert measured(said) == list(zip(timing.first, timing.last, strict=True))
        if wanted == [network.timesteps] * len(pixels):
            assert timing.last[-1] <= cycles.worst(plan, max(2, len(pixels))).last[max(2, len(pixels)) - 1]
        disturbed = rng.choice([("+stall_in=40", "+stall_out=60"), (f"+reset_after={rng.randrange(4, 400)}",)])
        said = run(folder, *disturbed, f"+seed={seed % 1000}")
        assert "PASS" in said, (disturbed, said)


@QUICK
@given(cases(dynamics="count"), st.integers(0, 2**20))
def test_count(case: Case, seed: int) -> None:
    _parity(case, seed)


@QUICK
@given(cases(dynamics="step"), st.integers(0, 2**20))
def test_step(case: Case, seed: int) -> None:
    _parity(case, seed)


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("readout", ["potential", "spikes"])
@pytest.mark.parametrize("spike_ext", [0, 3])
def test_back_to_back_images_of_different_length(tmp_path: Path, dynamics: str, readout: str, spike_ext: int) -> None:
    network = dense_chain(dynamics, readout=readout, spike_ext=spike_ext)
    pixels = np.random.default_rng(3).integers(0, 256, (6, 20))
    plan = plan_with(network, 5)
    golden = make(tmp_path, plan, pixels, [8, 1, 3, 8, 1, 7])
    said = run(tmp_path)
    assert "PASS 6" in said, said
    timing = cycles.predict(plan, golden)
    assert measured(said) == list(zip(timing.first, timing.last, strict=True))


@pytest.mark.parametrize("dynamics", ["count", "step"])
def test_reset_at_any_cycle(tmp_path: Path, dynamics: str) -> None:
    network = dense_chain(dynamics)
    pixels = np.random.default_rng(4).integers(0, 256, (2, 20))
    make(tmp_path, plan_with(network, 4), pixels, [8, 8])
    for cycle in (4, 5, 23, 24, 25, 26, 40, 61, 77, 100, 131):
        assert "PASS" in run(tmp_path, f"+reset_after={cycle}"), cycle


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("seed", range(4))
def test_stalls(tmp_path: Path, dynamics: str, seed: int) -> None:
    network = dense_chain(dynamics)
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 20))
    make(tmp_path, plan_with(network, 3), pixels, [8, 2, 8, 1])
    for stall in (20, 90):
        assert "PASS" in run(tmp_path, f"+stall_in={stall}", f"+stall_out={stall}", f"+seed={seed}")


def test_a_layer_called_like_an_edge(tmp_path: Path) -> None:
    network = dense_chain("count", sizes=(5, 4, 3, 2))
    names = {"p0": "a", "p1": "a_e0", "input": "input"}

    def renamed(p: ir.Population) -> ir.Population:
        (dense,) = p.projections
        source = ir.Source(names[next(iter(ir.sources(dense.source)))])
        return ir.replace(p, name=names.get(p.name, p.name), projections=(ir.replace(dense, source=source),))

    network = ir.replace(network, populations=tuple(renamed(p) for p in network.populations))
    network = with_intervals(network)
    exact(tmp_path, plan_with(network), np.random.default_rng(1).integers(0, 256, (2, 5)), [8, 3])


def test_ties_at_the_threshold(tmp_path: Path) -> None:
    """Weights and thresholds of equal size: V meets theta exactly, many times."""
    for dynamics in ("count", "step"):
        network = dense_chain(dynamics, sizes=(4, 3, 2))
        first = network.populations[0]
        weights = np.full((4, 3), 25, np.int8)
        tied = ir.replace(
            first,
            projections=(ir.replace(first.projections[0], weights=weights),),
            theta=np.full(3, 25, np.int64),
            bias=np.zeros(3, np.int64),
            v0=np.array([0, 24, -1]),
        )
        network = ir.replace(network, populations=(tied, *network.populations[1:]))
        network = with_intervals(network)
        folder = tmp_path / dynamics
        folder.mkdir()
        make(folder, plan_with(network), np.full((1, 4), 255), [8])
        assert "PASS" in run(folder)
