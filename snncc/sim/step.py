"""`step` dynamics: synchronous integrate-and-fire with binary spikes and reset by subtraction.

    drive[t] = sum_p (sum_i W_int*s_i[t])*2^F_p;  snncc/neurons/ says what becomes of it

for T timesteps, then spike_ext further ones without input and bias. No population feeds back, so a layer takes all its
timesteps at once: one product over (timesteps x images), then a scan over time. Source: docs/contract.md, 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from snncc.ir import INPUT, Array, Network, Source, View, has_max_pool, source_range, sources
from snncc.sim.count import integrate
from snncc.sim.linear import exact_dtype, values_of
from snncc.sim.neurons import Neurons

Observer = Callable[[str, Array, Array], None]


def input_train(network: Network, pixels: Array, timesteps: int, total: int) -> Array:
    """(total, N, *shape): spikes of the rate-coded input, or the current p; nothing after T."""
    levels = network.input.levels
    train = np.zeros((total, *pixels.shape), exact_dtype((-levels, levels)))
    return network.input.coding.train(pixels, levels, timesteps, train)


def charge(network: Network, neurons: Neurons, outputs: dict[str, Array], timesteps: int, total: int) -> Array:
    """Charge per timestep (total, N, *shape). A constant current goes through its weights once."""
    constant = not network.input.coding.spiking and all(
        name == INPUT for s in neurons.synapses for name in sources(s.view)
    )
    images = outputs[INPUT].shape[1]
    if constant:
        once = _blocks(neurons, {INPUT: outputs[INPUT][0]}, images)
        drive = np.zeros((total, *once.shape), neurons.dtype)
        drive[:timesteps] = once
        return drive
    flat = {name: values.reshape(-1, *values.shape[2:]) for name, values in outputs.items()}
    synapses = []
    for number, synapse in enumerate(neurons.synapses):
        if has_max_pool(synapse.view):
            name = f"maximum {number}"
            train = growth(synapse.view, outputs, _sum_type(network, synapse.view))
            flat[name] = train.reshape(-1, *train.shape[2:])
            synapse = replace(synapse, view=Source(name))
        synapses.append(synapse)
    neurons = replace(neurons, synapses=tuple(synapses))
    return _blocks(neurons, flat, total * images).reshape(total, images, *neurons.population.shape)


def _sum_type(network: Network, view: View) -> Any:
    """The type that holds the sums of what a view reads."""
    if not network.is_integer:
        return np.float64
    return np.float32 if exact_dtype(source_range(network, view, "step", whole=True)) is np.float32 else np.float64


def growth(view: View, trains: dict[str, Array], dtype: Any) -> Array:
    """What a view hands on, timestep by timestep: `view(N[t]) - view(N[t-1])`, N[t] the sums of its sources so far.

    (total, N, *shape), for trains (total, N, *shape). A maximum of counts grows by at most one spike a timestep, and
    what it has grown by in the end is the maximum of the counts; without one this is the view of each timestep alone.
    """
    read = {name: np.cumsum(trains[name], axis=0, dtype=dtype) for name in set(sources(view))}
    total, images = next(iter(read.values())).shape[:2]
    held = values_of(view, {name: values.reshape(-1, *values.shape[2:]) for name, values in read.items()})
    return np.diff(held.reshape(total, images, *held.shape[1:]), axis=0, prepend=0)


def _blocks(neurons: Neurons, outputs: dict[str, Array], rows: int) -> Array:
    drive = np.empty((rows, *neurons.population.shape), neurons.dtype)
    for start in range(0, rows, neurons.block):
        part = slice(start, start + neurons.block)
        neurons.drive(outputs, part, drive[part])
    return drive


def scan(neurons: Neurons, drive: Array, timesteps: int, potentials: Array | None) -> Array:
    """Spikes (total, N, *shape) of a firing population; `potentials` receives V after reset.

    Of a relay its values, from `drive` in place; `potentials` receives what they are rounded from.
    """
    population = neurons.population
    if population.relay:
        drive[:timesteps] += neurons.parameter(population.bias)
        if potentials is not None:
            potentials[...] = drive
        return neurons.hand_on(population.relay, drive)
    theta, bias, v0 = map(neurons.parameter, (population.theta, population.bias, population.v0))
    return population.firing.scan(drive, theta, bias, v0, timesteps, potentials)


def run(
    network: Network, layers: list[Neurons], pixels: Array, timesteps: int, observe: Observer | None = None
) -> dict[str, Array]:
    """Counts of every firing population, sums of relays, and the potential of a potential readout, for one batch.

    `observe(name, spikes, potentials)` gets (T + spike_ext, N, *shape) arrays of each firing population; of a relay its
    values and what they are rounded from.
    """
    total = network.over(timesteps, "step").length
    trains: dict[str, Array] = {INPUT: input_train(network, pixels, timesteps, total)}
    counts: dict[str, Array] = {}
    for neurons in layers:
        population = neurons.population
        if not population.hands_on:
            break
        drive = charge(network, neurons, trains, timesteps, total)
        potentials = np.empty_like(drive) if observe else None
        trains[population.name] = scan(neurons, drive, timesteps, potentials)
        if observe and potentials is not None:
            observe(population.name, trains[population.name], potentials)
    if observe and network.input.coding.spiking:
        observe(INPUT, trains[INPUT], trains[INPUT])
    for name, train in trains.items():
        counts[name] = train.sum(axis=0, dtype=np.float64)
    readout = layers[-1]
    if not readout.population.hands_on:  # one pass over the summed counts
        out = np.empty((len(pixels), *readout.population.shape), readout.dtype)
        counts[readout.population.name] = integrate(readout, counts, timesteps, slice(None), out)
    return counts
