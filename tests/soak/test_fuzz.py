"""A small share of `make soak`'s hostile inputs, and the controls that show that the driver and its judge notice."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from snncc import ir, sim
from snncc.errors import SnnccError
from tests import reference, strategies
from tests.networks import every_kind, toy
from tests.soak import fuzz, judge
from tests.soak.controls import SAID, WAYS
from tests.soak.judge import Finding
from tests.support import examples

INPUTS = 500


def test_hostile_inputs_find_nothing(tmp_path: Path) -> None:
    """Five hundred of all kinds; `make soak` takes a hundred thousand. A second run finds all of them done."""
    command = [sys.executable, "-m", "tests.soak.fuzz", "--inputs", str(INPUTS), "--seed", "0", "--jobs", "1"]
    command += ["--state", str(tmp_path / "state.json")]
    done = subprocess.run(command, text=True, capture_output=True, check=False, env={**os.environ})
    assert done.returncode == 0, done.stdout + done.stderr
    kinds = json.loads(done.stdout[done.stdout.index("\n{") :])["kinds"]
    assert {name: kind["inputs"] for name, kind in kinds.items()} == {
        "network": 355, "arrays": 75, "descriptions": 50, "models": 5, "onnx": 15
    }  # fmt: skip
    assert not any(kind["findings"] for kind in kinds.values())
    for name in ("network", "arrays", "descriptions", "onnx"):
        outcomes = kinds[name]["outcomes"]
        assert outcomes["accepted"] > 2 and sum(outcomes.values()) > outcomes["accepted"] + 2, (name, outcomes)
    again = subprocess.run(command, text=True, capture_output=True, check=True)
    assert json.loads(again.stdout)["kinds"] == kinds


def test_every_way_to_misbehave_is_found(tmp_path: Path) -> None:
    """Foreign errors, files elsewhere, programs, pickles, memory, crashes and hangs; the good input is none."""
    found = fuzz.shard("controls", 0, 0, len(WAYS), tmp_path)
    said: dict[int, str] = {}
    for one in found["findings"]:
        said[one["number"]] = said.get(one["number"], "") + one["what"]
    assert sorted(said) == list(range(len(SAID))) and found["outcomes"]["accepted"] == 2, said
    for number, words in enumerate(SAID):
        assert words in said[number], (words, said[number])


def test_inputs_depend_on_seed_and_number_alone(tmp_path: Path) -> None:
    def made(seed: int, number: int) -> bytes:
        kind = fuzz.kind_of("network", tmp_path, tmp_path)
        dice = random.Random(f"{seed} network {number}")
        kind.file.write_bytes(b"")
        with contextlib.suppress(SnnccError):
            kind.attempt(dice)
        return kind.file.read_bytes()

    assert made(1, 5) == made(1, 5) != made(2, 5)


@examples(60)
@given(network=strategies.networks())
def test_the_judge_proves_what_the_contract_says(network: ir.Network) -> None:
    proof = judge.proved_again(network)
    assert proof == network.intervals
    for dynamics, intervals in reference.intervals(network).items():
        assert proof[dynamics] == intervals


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("change", [-1, 1])
def test_the_judge_finds_an_interval_that_is_one_off(dynamics: str, end: int, change: int, tmp_path: Path) -> None:
    network = every_kind()
    assert judge.judge(network, random.Random(1), tmp_path) == "accepted"
    for name in network.intervals[dynamics]:
        forged = {kind: dict(proved) for kind, proved in network.intervals.items()}
        ends = list(forged[dynamics][name])
        ends[end] += change
        forged[dynamics][name] = (ends[0], ends[1])
        with pytest.raises(Finding, match="are right"):
            judge.judge(ir.replace(network, intervals=forged), random.Random(1), tmp_path)


def test_the_judge_finds_a_potential_outside(tmp_path: Path) -> None:
    """Intervals as narrow as what the images reach pass; one narrower does not."""
    network = toy(2)
    reached = {}
    for dynamics, timesteps in (("count", network.timesteps), ("step", network.timesteps)):
        pixels = judge.images(network, random.Random(3))
        result = potentials(network, pixels, timesteps, dynamics)
        reached[dynamics] = {name: (int(v.min()), int(v.max())) for name, v in result.items()}
    assert judge.run_inside(ir.replace(network, intervals=reached), random.Random(3))
    for dynamics, intervals in reached.items():
        for name, (low, high) in intervals.items():
            for narrower in ((low + 1, high), (low, high - 1)):
                forged = reached | {dynamics: intervals | {name: narrower}}
                with pytest.raises(Finding, match=name):
                    judge.run_inside(ir.replace(network, intervals=forged), random.Random(3))


def potentials(network: ir.Network, pixels: np.ndarray, timesteps: int, dynamics: str) -> dict[str, np.ndarray]:
    """Every value that a potential takes, before the reset too."""
    result = sim.run(network, pixels, timesteps, dynamics, trace=True)
    assert result.trace is not None
    seen = dict(result.trace.potentials)
    if dynamics == "step":
        for name, spikes in result.trace.spikes.items():
            if name != "input" and network[name].fires:
                before = seen[name] + spikes.astype(np.int64) * network[name].theta
                seen[name] = np.concatenate([seen[name], before])
    return seen | {network.output.name: result.values}
