"""How far the integer network is from the float twin of its graph: spikes, potentials, classes, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from snncc import ir, sim
from snncc.errors import DataError
from snncc.frontend.nir import NirGraph
from snncc.nir import twin
from snncc.nir.convert import NirOptions, samples, settled
from snncc.nir.dialects import Reading
from snncc.nir.populations import Populations, RealCells, moved
from snncc.nir.quantise import resting
from snncc.sim.encode import to_pixels
from snncc.sim.run import classify

Array: TypeAlias = NDArray[Any]

BLOCK = 2**24
"""Elements of all layers' spikes that are compared at a time."""


@dataclass(frozen=True)
class LayerFidelity:
    """One layer: a spike of one of the two that the other has not, at a timestep and neuron, is a difference.

    `by_timestep[t]` counts them. `first`: (sample, timestep, neuron) of the first one, timesteps from 1, the neuron as
    its index in the graph's layout. `drift`: the largest difference of two potentials, in thresholds.
    """

    node: str
    population: str
    slots: int
    float_spikes: int
    integer_spikes: int
    differing: int
    by_timestep: tuple[int, ...]
    first: tuple[int, int, tuple[int, ...]] | None
    drift: float

    @property
    def share(self) -> float:
        """Which part of all (sample, timestep, neuron) differ."""
        return self.differing / self.slots if self.slots else 0.0


@dataclass(frozen=True)
class Fidelity:
    """What `fidelity` found: layers in order, and on how many of the samples both say the same class."""

    reading: str
    samples: int
    timesteps: int
    layers: tuple[LayerFidelity, ...]
    same_class: int

    @property
    def share(self) -> float:
        """Which part of all (sample, timestep, neuron) of all layers differ."""
        slots = sum(layer.slots for layer in self.layers)
        return sum(layer.differing for layer in self.layers) / slots if slots else 0.0

    @property
    def sentence(self) -> str:
        """In one line."""
        said = (
            f"{100 * self.share:.3g} % of all neurons and timesteps differ from the float network "
            f"({sum(one.integer_spikes for one in self.layers)} spikes against "
            f"{sum(one.float_spikes for one in self.layers)}); "
            f"the same class on {self.same_class} of {self.samples} samples"
        )
        first = min((one for one in self.layers if one.first), key=lambda one: (one.first or (0, 0))[1], default=None)
        if first is None or first.first is None:
            return said
        sample, timestep, neuron = first.first
        return f"{said}; first in {first.node!r}, sample {sample}, timestep {timestep}, neuron {neuron}"

    @property
    def facts(self) -> dict[str, Any]:
        """All of it, for JSON."""
        layers = [
            {"node": one.node, "population": one.population, "slots": one.slots, "float_spikes": one.float_spikes,
             "integer_spikes": one.integer_spikes, "differing": one.differing, "share": one.share,
             "by_timestep": list(one.by_timestep), "drift": one.drift,
             "first": None if one.first is None else
             {"sample": one.first[0], "timestep": one.first[1], "neuron": list(one.first[2])}}
            for one in self.layers
        ]  # fmt: skip
        return {"reading": self.reading, "samples": self.samples, "timesteps": self.timesteps, "share": self.share,
                "same_class": self.same_class, "layers": layers}  # fmt: skip


def fidelity(network: ir.Network, source: Any, x: Array, progress: Callable[[int], object] | None = None) -> Fidelity:
    """An integer network against the float twin of the graph (a path or object) that it was compiled from.

    x (N, T, *input shape), channels first. DataError where network and graph do not belong together.
    """
    graph, reading = settled(source, recorded(network))
    cells = [cell for cell in Populations(graph, reading).made() if cell.cell is not None]
    populations = {population.name: population for population in network.populations}
    if any(cell.name not in populations or populations[cell.name].shape != cell.shape for cell in cells):
        raise DataError(f"{graph.name} is not the graph that the network {network.name!r} was compiled from")
    x = samples(graph, x)[:, : network.timesteps]
    if x.shape[1] < network.timesteps:
        raise DataError(f"sequences of {x.shape[1]} frames; T = {network.timesteps} timesteps read as many frames")
    neurons = sum(population.neurons for population in network.populations) * network.timesteps
    parts, size, same = [], max(1, BLOCK // neurons), 0
    for start in range(0, len(x), size):
        found, agreeing = _compare(network, graph, reading, cells, x[start : start + size])
        parts.append(found)
        same += agreeing
        if progress:
            progress(len(x[start : start + size]))
    layers = tuple(_joined([part[i] for part in parts], size) for i in range(len(parts[0])))
    return Fidelity(reading.words(), len(x), network.timesteps, layers, same)


def recorded(network: ir.Network) -> NirOptions:
    """The options that a network was compiled with. DataError where it does not come from a NIR graph."""
    said = network.record.options if network.record else {}
    if "nir_dialect" not in said:
        raise DataError(f"the network {network.name!r} was not compiled from a NIR graph")
    return NirOptions(**{name: said[name] for name in NirOptions.__dataclass_fields__})  # type: ignore[arg-type]


def _compare(
    network: ir.Network, graph: NirGraph, reading: Reading, cells: list[RealCells], x: Array
) -> tuple[list[LayerFidelity], int]:
    real = twin.run(graph, reading, x)
    result = sim.run(network, to_pixels(network.input, ir.as_read(network, x)), network.timesteps, "step", trace=True)
    if result.trace is None:
        raise TypeError("a trace was asked for")
    layers = [_layer(network[cell.name], graph, cell, real, result.trace, reading) for cell in cells]
    values = (
        real.output.sum(axis=0) if network.output.fires or cells[-1].name != network.output.name else real.output[-1]
    )
    own = moved(values, graph.shapes[graph.only("Output").name])
    return layers, int((classify(own) == result.classes).sum())


def _layer(
    population: ir.Population, graph: NirGraph, cell: RealCells, real: twin.Record, trace: Any, reading: Reading
) -> LayerFidelity:
    shape = graph.shapes[cell.node]
    fired = moved(real.spikes[cell.node], shape)
    own = trace.spikes[population.name] if cell.fires else np.zeros_like(fired)
    differ = (own != fired) if cell.fires else np.zeros(fired.shape, bool)
    first = None
    if differ.any():
        timestep = int(np.argmax(differ.any(axis=tuple(range(1, differ.ndim)))))
        sample, *where = (int(n) for n in np.argwhere(differ[timestep])[0])
        first = sample, timestep + 1, _own_index(tuple(where), len(shape))
    potentials = moved(real.potentials[cell.node], shape) - resting(cell)
    unit = _unit(population, cell, reading)
    drift = float(np.abs(trace.potentials[population.name] * unit - potentials).max(initial=0.0))
    theta = float(np.min(cell.cell.theta)) if cell.fires and cell.cell else max(float(np.abs(potentials).max()), 1e-300)
    return LayerFidelity(
        cell.node, population.name, differ.size if cell.fires else 0, int(fired.sum()) if cell.fires else 0,
        int(own.sum()), int(differ.sum()), tuple(differ.reshape(len(differ), -1).sum(axis=1).tolist()), first,
        drift / theta,
    )  # fmt: skip


def _unit(population: ir.Population, cell: RealCells, reading: Reading) -> Array:
    """What one LSB of a potential is in the graph's own unit."""
    if cell.cell is None or population.theta is None:
        return np.asarray(1.0)
    strict = reading.compare == "above"
    return np.asarray((cell.cell.theta - resting(cell)) / (population.theta - strict))


def _own_index(where: tuple[int, ...], axes: int) -> tuple[int, ...]:
    """An index of the IR's layout in the graph's: channels first."""
    if axes == 3:
        return where[2], where[0], where[1]
    return (where[2], where[1]) if axes == 2 else where


def _joined(parts: list[LayerFidelity], size: int) -> LayerFidelity:
    """The same layer on several blocks of samples."""
    firsts = [(part.first[1], number * size + part.first[0], part.first[2])
              for number, part in enumerate(parts) if part.first]  # fmt: skip
    timestep, sample, neuron = min(firsts, default=(0, 0, ()))
    return LayerFidelity(
        parts[0].node, parts[0].population, sum(p.slots for p in parts), sum(p.float_spikes for p in parts),
        sum(p.integer_spikes for p in parts), sum(p.differing for p in parts),
        tuple(int(n) for n in np.sum([p.by_timestep for p in parts], axis=0)),
        (sample, timestep, neuron) if firsts else None, max(p.drift for p in parts),
    )  # fmt: skip
