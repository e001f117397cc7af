"""Networks of dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from snncc import ir
from tests.networks.build import change_projection, network, population, unproved, with_intervals


def toy(weight: int, dynamics: str = "count") -> ir.Network:
    """Two populations of a few neurons; the weight tells one network from another."""
    first = ir.Dense(name="h", source=ir.Source("input"), weights=np.full((2, 3), weight, np.int8), shift=1)
    second = ir.Dense(name="o", source=ir.Source("hidden"), weights=np.full((3, 2), -1, np.int8))
    return with_intervals(
        unproved(
            population("hidden", (3,), first, theta=4, bias=1, v0=2),
            population("out", (2,), second, theta=None, bias=[0, 4]),
            name="toy", shape=(2,), source={"bits": 2}, timesteps=4, signed_bit=4, dynamics=dynamics,
        )
    )  # fmt: skip


def nested(depth: int) -> ir.Network:
    """The toy, with a view of so many levels."""
    view: ir.View = ir.Source("input")
    for _ in range(depth - 1):
        view = ir.Reshape(view, (2,))
    return change_projection(toy(1), "hidden", source=view)


def dense_chain(
    dynamics: str, sizes: Sequence[int] = (20, 12, 5), timesteps: int = 8, seed: int = 0, **fields: Any
) -> ir.Network:
    """A rate-coded chain of dense layers in which neurons fire sometimes."""
    rng = np.random.default_rng(seed)
    populations: list[ir.Population] = []
    for i, (before, after) in enumerate(pairwise(sizes)):
        fires = i < len(sizes) - 2 or fields.get("readout") == "spikes"
        source = ir.Source("input" if i == 0 else f"p{i - 1}")
        matrix = rng.integers(-100, 101, (before, after)).astype(np.int8)
        populations.append(
            population(
                f"p{i}", (after,), ir.Dense(name=f"d{i}", source=source, weights=matrix, shift=i),
                theta=rng.integers(100, 200, after) if fires else None,
                bias=rng.integers(-20, 20, after),
                v0=rng.integers(0, 60, after) if fires else np.zeros(after, np.int64),
            )
        )  # fmt: skip
    return network(*populations, name="chain", shape=(sizes[0],), timesteps=timesteps, dynamics=dynamics, **fields)


def dense_skip(dynamics: str) -> ir.Network:
    """A hidden layer and a readout that both read the signed current input; the readout reads the hidden layer too."""
    rng = np.random.default_rng(9)

    def dense(name: str, source: str, inputs: int, neurons: int) -> ir.Dense:
        matrix = rng.integers(-7, 8, (inputs, neurons)).astype(np.int8)
        return ir.Dense(name=name, source=ir.Source(source), weights=matrix)

    def bias(neurons: int) -> np.ndarray:
        return rng.integers(-9, 10, neurons)

    hidden = population("a", (9,), dense("x", "input", 20, 9), theta=np.full(9, 90), bias=bias(9), v0=np.full(9, 40))
    both = dense("y", "input", 20, 4), dense("z", "a", 9, 4)
    last = population("out", (4,), *both, theta=None, bias=bias(4), v0=np.zeros(4, np.int64))
    source = {"bits": 6, "signed": True, "encoding": "current"}
    return network(
        hidden, last, name="skip", shape=(20,), source=source, timesteps=8, signed_bit=4, dynamics=dynamics, spike_ext=1
    )
