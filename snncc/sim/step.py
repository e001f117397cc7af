"""`step` dynamics: synchronous integrate-and-fire with binary spikes and reset by subtraction.

    drive[t] = sum_p (sum_i W_int*s_i[t])*2^F_p;  snncc/neurons/ says what becomes of it

for T timesteps, then spike_ext further ones without input and bias. Where no population is read a timestep late, a
layer takes all its timesteps at once: one product over (timesteps x images), then a scan over time (`run`). A network
that feeds back goes timestep by timestep (`in_time`). Source: docs/contract.md, 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from snncc.ir import INPUT, Array, Network, Source, View, has_max_pool, late_sources, source_range, sources
from snncc.neurons import Relay, Silent, State
from snncc.sim.count import integrate
from snncc.sim.linear import before, exact_dtype, values_of
from snncc.sim.neurons import Neurons

Observer = Callable[[str, Array, Array], None]


def input_train(network: Network, pixels: Array, timesteps: int, total: int) -> Array:
    """(total, N, *shape): spikes of the rate-coded input, or the current p; nothing after T."""
    levels, lead = network.input.levels, 2 if network.input.coding.sequences else 1
    train = np.zeros((total, len(pixels), *pixels.shape[lead:]), exact_dtype((-levels, levels)))
    return network.input.coding.train(pixels, levels, timesteps, train)


def charge(network: Network, neurons: Neurons, outputs: dict[str, Array], timesteps: int, total: int) -> Array:
    """Charge per timestep (total, N, *shape). A constant current goes through its weights once."""
    coding = network.input.coding
    constant = not (coding.spiking or coding.sequences) and all(
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
    names = {*sources(view), *map(before, late_sources(view))}
    read = {name: np.cumsum(trains[name], axis=0, dtype=dtype) for name in names}
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

    Of a relay its values, from `drive` in place; `potentials` receives what they are rounded from. Of a readout that
    leaks V.
    """
    population = neurons.population
    if population.relay:
        drive[:timesteps] += neurons.parameter(population.bias)
        if potentials is not None:
            potentials[...] = drive
        return neurons.hand_on(population.relay, drive)
    kind = population.neuron
    if isinstance(kind, Silent | Relay):
        raise TypeError("it takes its window at once")
    theta, bias, v0 = map(neurons.parameter, (population.threshold, population.bias, population.v0))
    return kind.scan(drive, theta, bias, v0, timesteps, potentials)


def run(
    network: Network, layers: list[Neurons], pixels: Array, timesteps: int, observe: Observer | None = None
) -> dict[str, Array]:
    """Counts of every firing population, sums of relays, and the potential of a potential readout, for one batch.

    `observe(name, spikes, potentials)` gets (T + spike_ext, N, *shape) arrays of each firing population; of a relay its
    values and what they are rounded from; of a readout that leaks its potential, twice.
    """
    total = network.over(timesteps, "step").length
    trains: dict[str, Array] = {INPUT: input_train(network, pixels, timesteps, total)}
    counts: dict[str, Array] = {}
    if network.has_late:
        return in_time(layers, Memory.of(layers, len(pixels)), trains[INPUT], timesteps, network, observe)
    for neurons in layers:
        population = neurons.population
        if population.neuron.counts_at_once(False):
            break
        drive = charge(network, neurons, trains, timesteps, total)
        potentials = np.empty_like(drive) if observe else None
        trains[population.name] = scan(neurons, drive, timesteps, potentials)
        if observe and potentials is not None:
            observe(population.name, trains[population.name], potentials)
    if observe and (network.input.coding.spiking or network.input.coding.sequences):
        observe(INPUT, trains[INPUT], trains[INPUT])
    for name, train in trains.items():
        counts[name] = train.sum(axis=0, dtype=np.float64)
    readout = layers[-1]
    if readout.population.neuron.counts_at_once(False):  # one pass over the summed counts
        out = np.empty((len(pixels), *readout.population.shape), readout.dtype)
        counts[readout.population.name] = integrate(readout, counts, timesteps, slice(None), out)
    elif not readout.population.hands_on:
        counts[readout.population.name] = trains[readout.population.name][-1]
    return counts


@dataclass
class Memory:
    """What a batch keeps from one timestep to the next, so that a sequence can go on in the next window.

    `states[name]` of every population; `last[name]` what it handed on; `sums[name]` of all that it has handed on, and
    that of the input; `shown` what the views with a maximum made of those.
    """

    states: dict[str, State]
    last: dict[str, Array]
    sums: dict[str, Array]
    shown: dict[str, Array]

    @classmethod
    def of(cls, layers: list[Neurons], images: int) -> Memory:
        """As at the start of a sequence."""
        made = cls({}, {}, {}, {})
        for neurons in layers:
            population = neurons.population
            v0 = neurons.parameter(population.v0)
            made.states[population.name] = population.neuron.start(v0, images, population.shape, neurons.dtype)
            made.last[population.name] = np.zeros((images, *population.shape), np.float32)
        return made


def in_time(
    layers: list[Neurons],
    memory: Memory,
    train: Array,
    timesteps: int,
    network: Network,
    observe: Observer | None = None,
) -> dict[str, Array]:
    """`run`, timestep by timestep, from the input's train (total, N, *shape): what recurrent projections need.

    The memory goes on to the next window.
    """
    seen: dict[str, tuple[list[Array], list[Array]]] = {n.population.name: ([], []) for n in layers}
    counts = {INPUT: train.sum(axis=0, dtype=np.float64)}
    for t, shown in enumerate(train):
        outputs = {INPUT: shown} | {before(name): values for name, values in memory.last.items()}
        _remember(memory, INPUT, shown)
        for neurons in layers:
            population, state = neurons.population, memory.states[neurons.population.name]
            charge = _blocks(*_with_maxima(network, neurons, outputs, memory), len(shown))
            if t < timesteps:
                charge += neurons.parameter(population.bias)
            handed = population.neuron.advance(state, charge, neurons.parameter(population.threshold))
            outputs[population.name] = handed
            if observe:
                seen[population.name][0].append(handed.copy())
                seen[population.name][1].append(state.potential.copy())
            if population.hands_on:
                _remember(memory, population.name, handed)
                counts[population.name] = counts.get(population.name, 0) + handed.astype(np.float64)
        for name in memory.last:
            memory.sums[before(name)] = memory.sums.get(name, np.zeros(()))
            memory.last[name] = outputs[name]
    for neurons in layers:
        population = neurons.population
        if observe and not population.neuron.counts_at_once(False):
            spikes, potentials = (np.stack(values) for values in seen[population.name])
            observe(population.name, spikes, potentials)
        if not population.hands_on:
            counts[population.name] = memory.states[population.name].potential.copy()
    if observe and (network.input.coding.spiking or network.input.coding.sequences):
        observe(INPUT, train, train)
    return counts


def _remember(memory: Memory, name: str, handed: Array) -> None:
    memory.sums[name] = memory.sums.get(name, np.zeros(())) + handed.astype(np.float64)


def _with_maxima(
    network: Network, neurons: Neurons, outputs: dict[str, Array], memory: Memory
) -> tuple[Neurons, dict[str, Array]]:
    """The neurons and what they read, a view with a maximum replaced by how much it grew."""
    if not any(has_max_pool(synapse.view) for synapse in neurons.synapses):
        return neurons, outputs
    synapses, read = [], dict(outputs)
    for number, synapse in enumerate(neurons.synapses):
        if has_max_pool(synapse.view):
            name = f"maximum {number}"
            key = f"{neurons.population.name} {name}"
            shapes = {n: np.broadcast_to(memory.sums.get(n, np.zeros(())), v.shape) for n, v in outputs.items()}
            held = values_of(synapse.view, shapes)
            read[name] = held - memory.shown.get(key, np.zeros(()))
            memory.shown[key] = held
            synapse = replace(synapse, view=Source(name))
        synapses.append(synapse)
    return replace(neurons, synapses=tuple(synapses)), read
