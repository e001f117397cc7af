"""`count` dynamics: one pass; a neuron integrates its whole window, then fires; a train travels as its count.

    u = sum_p (sum_i W_int*n_i)*2^F_p + bias*T + v0
    n = clip(floor(u / theta), 0, limit)            a relay instead: n = floor((u + h) / 2^shift)

Source: docs/contract.md, 4.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from snncc.ir import INPUT, Array, Network
from snncc.sim.linear import exact_dtype
from snncc.sim.neurons import Neurons

Observer = Callable[[str, Array], None]


def input_counts(network: Network, pixels: Array, timesteps: int) -> Array:
    """What the input hands on: n = floor(p*T/L) spikes (`rate`), or the charge p*T (`current`)."""
    return network.input.coding.counts(pixels, network.input.levels, timesteps)


def integrate(neurons: Neurons, outputs: dict[str, Array], timesteps: int, rows: slice, out: Array) -> Array:
    """u of a slice of the batch, into `out`."""
    u = neurons.drive(outputs, rows, out)
    population = neurons.population
    start = neurons.parameter(population.bias, timesteps) + neurons.parameter(population.v0)
    if start.any():
        u += start
    return u


def fire(neurons: Neurons, u: Array, limit: float | None, floor: bool = True) -> Array:
    """n from u, in place."""
    population = neurons.population
    return population.firing.fire(u, neurons.parameter(population.theta), limit, floor)


def run(
    network: Network,
    layers: list[Neurons],
    pixels: Array,
    timesteps: int,
    observe: Observer | None = None,
    floor: bool = True,
) -> dict[str, Array]:
    """Counts of every firing population, values of relays and of a potential readout, for one batch of pixels."""
    counts = input_counts(network, pixels, timesteps)
    reach = (int(counts.min(initial=0)), int(counts.max(initial=0)))
    return propagate(network, layers, counts.astype(exact_dtype(reach)), timesteps, observe, floor)


def propagate(
    network: Network,
    layers: list[Neurons],
    source: Array,
    timesteps: int,
    observe: Observer | None = None,
    floor: bool = True,
) -> dict[str, Array]:
    """`run` from what the input hands on; `floor=False` (float twin) hands on n before it is rounded down."""
    outputs: dict[str, Array] = {INPUT: source}
    window = network.over(timesteps, "count")
    for neurons in layers:
        population = neurons.population
        out = np.empty((len(source), *population.shape), neurons.dtype)
        observed = np.empty_like(out) if observe else None
        for start in range(0, len(source), neurons.block):
            rows = slice(start, start + neurons.block)
            u = integrate(neurons, outputs, timesteps, rows, out[rows])
            if observed is not None:
                observed[rows] = u
            if population.fires:
                fire(neurons, u, window.limit(population.saturates), floor)
            elif population.relay:
                neurons.hand_on(population.relay, u)
        if observe and observed is not None:
            observe(population.name, observed)
        outputs[population.name] = out
    return outputs
