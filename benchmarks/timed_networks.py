"""Random networks of what only `step` has: leaky neurons, sequences of frames, edges that read a timestep late."""

from __future__ import annotations

from typing import Any

import numpy as np

from snncc import ir
from snncc.errors import NetworkError
from snncc.neurons.leaky import UNCLAMPED


def timed(seed: int) -> ir.Network:
    """A network of leaky neurons on sequences of frames, whose layers may read themselves a timestep late."""
    random = np.random.default_rng(seed)
    while True:
        try:
            network = ir.proven(_timed(random, f"timed_{seed}"))
        except NetworkError:  # a potential of more than 50 bits
            continue
        ir.check(network)
        return network


def _timed(random: np.random.Generator, name: str) -> ir.Network:
    """One or two layers of leaky neurons, often recurrent, and a readout of any kind; intervals not proved."""

    def pick(*values: Any) -> Any:
        return values[random.integers(len(values))]

    bits = int(pick(4, 4, 6, 8))
    q = 2 ** (bits - 1) - 1
    filters = bool(random.random() < 0.4)
    shape: tuple[int, ...] = (
        (int(random.integers(5, 11)), int(random.integers(5, 11)), pick(1, 2))
        if filters
        else (int(random.integers(12, 200)),)
    )
    source = ir.Input(shape=shape, bits=pick(2, 2, 2, 4, 8), signed=False, encoding="frames", lambda_0=1.0,
                      gain=np.ones(()), offset=np.zeros(()))  # fmt: skip

    def weights(*size: int) -> Any:
        return random.integers(-q, q, size, endpoint=True).astype(ir.weight_dtype(bits))

    def dense(label: str, view: ir.View, inputs: int, outputs: int) -> ir.Projection:
        return ir.Dense(name=label, source=view, weights=weights(inputs, outputs), shift=pick(4, 8, 10))

    populations: list[ir.Population] = []
    before: tuple[str, tuple[int, ...]] = ("input", shape)
    count = int(random.integers(1, 3))
    for number in range(count + 1):
        own, last = f"layer_{number}", number == count
        view: ir.View = ir.Source(before[0])
        if filters and not number:
            channels = int(random.integers(3, 13))
            size = (*shape[:2], channels)
            kernel = weights(3, 3, shape[-1], channels)
            edges: list[ir.Projection] = [
                ir.Conv2D(
                    name=f"{own}_in",
                    source=view,
                    weights=kernel,
                    shift=4,
                    strides=(1, 1),
                    dilation=(1, 1),
                    pads=(1, 1, 1, 1),
                )
            ]
        else:
            size = (int(random.integers(3, 12 if last else 49)),)
            inputs = int(np.prod(before[1]))
            edges = [dense(f"{own}_in", ir.Reshape(view, (inputs,)) if len(before[1]) > 1 else view, inputs, size[0])]
            if not last and random.random() < 0.4:
                edges.append(dense(f"{own}_back", ir.Late(own), size[0], size[0]))
        reach = _reach(edges, source.levels if not number else 1)
        populations.append(_forgetting(random, own, size, tuple(edges), reach, fires=not last or random.random() < 0.5))
        before = (own, size)
    readout = "spikes" if populations[-1].fires else "potential"
    return ir.Network(name=name, input=source, populations=tuple(populations), timesteps=int(pick(4, 8, 20)),
                      signed_bit=bits, dynamics="step", readout=readout, output_shape=before[1])  # fmt: skip


def _reach(edges: list[ir.Projection], levels: int) -> int:
    """What every neuron can get in one timestep through the first edge."""
    weights = np.maximum(edges[0].weights.reshape(-1, edges[0].weights.shape[-1]), 0)
    return int(max(1, weights.sum(axis=0, dtype=np.int64).min()) * levels) << edges[0].shift


def _forgetting(
    random: np.random.Generator,
    name: str,
    shape: tuple[int, ...],
    edges: tuple[ir.Projection, ...],
    reach: int,
    fires: bool,
) -> ir.Population:
    """A population of leaky neurons: numbers of all neurons or of each channel, as dialects have them."""

    def numbers(low: int, high: int) -> Any:
        return random.integers(low, high, shape[-1:] if random.random() < 0.6 else (), endpoint=True)

    def part(neutral: int) -> Any:
        return (np.array(neutral), np.array(2 ** random.integers(6, 11)), numbers(100, 2000), numbers(100, 2000))[
            random.integers(4)
        ]

    theta = numbers(1 + reach // 4, 1 + reach)
    common: dict[str, Any] = {
        "leak": part(0),
        "decay": np.array(4096) if random.random() < 0.6 else part(4096),
        "lowest": np.array(UNCLAMPED) if random.random() < 0.7 else numbers(-reach, 0),
        "rounding": "zero" if random.random() < 0.2 else "floor",
        "late_current": bool(random.random() < 0.1),
    }
    plain = {"name": name, "shape": shape, "projections": edges, "bias": numbers(-20, 20), "lambda_": np.ones(())}
    if not fires:
        return ir.Population(**plain, theta=None, v0=np.array(0), kind=ir.LeakyIntegrator(**common))
    reset = str(random.choice(["subtract", "subtract_late", "subtract_late", "value"]))
    amount = np.array(0) if reset == "value" else theta
    most = 1 if reset == "value" or random.random() < 0.7 else int(random.choice([3, 255]))
    kind = ir.LeakyIntegrateAndFire(**common, amount=amount, reset=reset, most=most)
    return ir.Population(**plain, theta=theta, v0=np.array(0), kind=kind)
