"""Weights from outside: random networks with external and loaded weights, in exactly the predicted cycles."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import event, given
from hypothesis import strategies as st

from snncc import backends, ir
from snncc.backends.verilog import cycles
from snncc.backends.verilog.drafts import drafts, legal_lanes
from snncc.backends.verilog.plan import Choice, Plan
from snncc.backends.verilog.ports import Ports
from snncc.backends.verilog.tiles import BUSES, Weights
from snncc.errors import TargetError
from tests.hw.simulate import make, measured, plan_with, run
from tests.strategies import Case, cases
from tests.support import examples

LIMIT = 20_000


def random_plan(network: ir.Network, weights: Weights, rng: random.Random) -> Plan:
    """Any legal lanes; as few weights inside as may be."""
    choices = {}
    for draft in drafts(network):
        lanes = rng.choice(legal_lanes(draft))
        fire = rng.choice([n for n in range(1, lanes + 1) if lanes % n == 0])
        choices[draft.name] = Choice(lanes, fire, rng.choice([1, 2, 16]))
    for inside in (0, *(2**n / 64 for n in range(16))):
        try:
            held = Weights(weights.where, weights.bus, inside, weights.latency, weights.period)
            return plan_with(network, choices=choices, ports=Ports(weights=held))
        except TargetError:
            continue
    raise AssertionError("nothing fits")


def exact(folder: Path, plan: Plan, pixels: np.ndarray, wanted: list[int], *plusargs: str) -> None:
    """The bench's words are right in exactly the predicted cycles, and right with stalls."""
    golden = make(folder, plan, pixels, wanted)
    said = run(folder)
    assert "PASS" in said, said
    timing = cycles.predict(plan, golden)
    assert measured(said) == list(zip(timing.first, timing.last, strict=True))
    said = run(folder, "+stall_in=30", "+stall_out=40", "+stall_memory=30", *plusargs)
    assert "PASS" in said, said


@examples(12)
@given(st.sampled_from(["count", "step"]).flatmap(lambda d: cases(dynamics=d)), st.integers(0, 2**20))
def test_any_network(case: Case, seed: int) -> None:
    network, rng = case.network, random.Random(seed)
    try:
        ir.refuse(network, network.dynamics, backends.target("verilog").refuses, TargetError)
    except TargetError:
        return
    where = rng.choice(["external", "external", "load"])
    weights = Weights(where, int(rng.choice(BUSES)), 0, rng.choice([1, 7, 40]), rng.choice([1, 2, 5]))
    plan = random_plan(network, weights, rng)
    event(f"{where}: {len(plan.streamed)} edges")
    pixels = np.asarray(case.pixels)
    steps = case.timesteps
    if network.dynamics == "step":
        steps = min(steps, max(1, steps * LIMIT // cycles.worst(plan, 2).latency[0]))
    wanted = [steps] * len(pixels)
    wanted[1:2] = [1] * len(wanted[1:2])
    with tempfile.TemporaryDirectory() as name:
        exact(Path(name), plan, pixels, wanted, f"+seed={seed % 1000}", f"+reset_after={rng.randrange(4, 400)}")
