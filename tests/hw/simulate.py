"""Plain-bench helpers for the hardware tests: build a design, run it in Icarus, read what it says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from snncc import ir
from snncc.backends.verilog import cycles, vectors, write
from snncc.backends.verilog.drafts import drafts, legal_lanes
from snncc.backends.verilog.plan import Choice, Plan, build


def plan_with(network: ir.Network, lanes: int | None = None, choices: Mapping[str, Choice] | None = None) -> Plan:
    """A plan with at most `lanes` lanes everywhere (None: as many as channels)."""
    chosen = {d.name: Choice(max(n for n in legal_lanes(d) if lanes is None or n <= lanes)) for d in drafts(network)}
    return build(network, chosen | dict(choices or {}))


def make(folder: Path, plan: Plan, pixels: np.ndarray, timesteps: Sequence[int]) -> vectors.Vectors:
    """Sources, memories, bench and its compiled program in `folder`."""
    write.sources(folder, plan)
    golden = vectors.make(plan, pixels, timesteps)
    write.bench(folder, plan, golden)
    compile_bench(folder)
    return golden


BUILD = ("iverilog", "-g2005", "-s", "snn_bench", "-o", "bench", "snn_bench.v", "snn_monitor.v", "-f", "snn_top.f")


def compile_bench(folder: Path) -> None:
    done = subprocess.run(BUILD, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run(folder: Path, *plusargs: str) -> str:
    """What the bench prints."""
    done = subprocess.run(["vvp", "-n", "bench", *plusargs], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def measured(said: str) -> list[tuple[int, int]]:
    """(first, last) cycle of each image, from the first image's first pixel on."""
    found = [(int(a), int(b)) for a, b in re.findall(r"first (\d+) last (\d+)", said)]
    return [(a - found[0][0], b - found[0][0]) for a, b in found]


def exact(folder: Path, plan: Plan, pixels: np.ndarray, timesteps: Sequence[int]) -> vectors.Vectors:
    """Icarus emits the simulator's words and needs the predicted cycles; with stalls, the words again."""
    golden = make(folder, plan, pixels, timesteps)
    said = run(folder)
    assert f"PASS {len(pixels)}" in said, said
    timing = cycles.predict(plan, golden)
    assert measured(said) == list(zip(timing.first, timing.last, strict=True))
    said = run(folder, "+stall_in=30", "+stall_out=50", "+seed=7")
    assert f"PASS {len(pixels)}" in said, said
    return golden


def dense_network(
    dynamics: str, sizes: Sequence[int] = (20, 12, 5), timesteps: int = 8, seed: int = 0, **changes: object
) -> ir.Network:
    """A rate-coded chain of dense layers in which neurons fire sometimes."""
    rng = np.random.default_rng(seed)
    populations: list[ir.Population] = []
    for i, (before, after) in enumerate(pairwise(sizes)):
        fires = i < len(sizes) - 2 or changes.get("readout") == "spikes"
        weights = rng.integers(-100, 101, (before, after)).astype(np.int8)
        source = ir.Source("input" if i == 0 else f"p{i - 1}")
        populations.append(
            ir.Population(
                name=f"p{i}",
                shape=(after,),
                projections=(ir.Dense(name=f"d{i}", source=source, weights=weights, shift=i),),
                theta=rng.integers(100, 200, after) if fires else None,
                bias=rng.integers(-20, 20, after),
                v0=rng.integers(0, 60, after) if fires else np.zeros(after, np.int64),
                lambda_=np.ones(()),
            )
        )
    source = ir.Input(
        shape=(sizes[0],), bits=8, signed=False, encoding="rate", lambda_0=1.0, gain=np.ones(()), offset=np.zeros(())
    )
    fields: dict[str, object] = {"readout": "potential", "spike_ext": 0} | changes
    network = ir.Network(
        name="chain", input=source, populations=tuple(populations), timesteps=timesteps, signed_bit=8,
        dynamics=dynamics, output_shape=(sizes[-1],), **fields,
    )  # fmt: skip
    network = ir.replace(network, intervals=ir.prove(network))
    ir.check(network)
    return network


def skip_network(dynamics: str) -> ir.Network:
    """A hidden layer and a readout that both read the signed current input; the readout reads the hidden layer too."""
    rng = np.random.default_rng(9)

    def dense(name: str, source: str, inputs: int, neurons: int) -> ir.Dense:
        weights = rng.integers(-7, 8, (inputs, neurons)).astype(np.int8)
        return ir.Dense(name=name, source=ir.Source(source), weights=weights)

    def population(name: str, neurons: int, theta: int | None, *projections: ir.Projection) -> ir.Population:
        return ir.Population(
            name=name, shape=(neurons,), projections=projections, lambda_=np.ones(()),
            bias=rng.integers(-9, 10, neurons),
            theta=None if theta is None else np.full(neurons, theta), v0=np.full(neurons, 0 if theta is None else 40),
        )  # fmt: skip

    source = ir.Input(
        shape=(20,), bits=6, signed=True, encoding="current", lambda_0=1.0, gain=np.ones(()), offset=np.zeros(())
    )
    hidden = population("a", 9, 90, dense("x", "input", 20, 9))
    last = population("out", 4, None, dense("y", "input", 20, 4), dense("z", "a", 9, 4))
    network = ir.Network(
        name="skip", input=source, populations=(hidden, last), timesteps=8, signed_bit=4, dynamics=dynamics,
        output_shape=(4,), spike_ext=1,
    )  # fmt: skip
    network = ir.replace(network, intervals=ir.prove(network))
    ir.check(network)
    return network
