"""What a network does with images, counted exactly: effective operations, spikes, membrane updates.

A projection is applied once per pass: at every timestep in `step`, once in `count`; one that reads nothing but a
current-coded input once per image in either, since its charge is the same at every timestep (docs/contract.md, 6).
Of a population that fires several times in a timestep an operation is one value; docs/contract.md counts its spikes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snncc.ir import (
    INPUT,
    Array,
    Dynamics,
    Network,
    Projection,
    View,
    has_max_pool,
    late_sources,
    population_shapes,
    sources,
    view_shape,
)
from snncc.neurons import LeakyIntegrateAndFire
from snncc.sim.chunk import Chunk, largest, nonzero
from snncc.sim.fanout import fan_out
from snncc.sim.linear import before, values_of
from snncc.sim.run import Trace
from snncc.sim.step import growth


@dataclass(frozen=True)
class Work:
    """Sums over some images.

    `operations[projection][pass]`: over the values that the projection read, those other than 0, each times the real
    taps with a non-zero weight that it reaches; of spikes in `step` one sum over all passes. `graded`, likewise:
    whether one of the values was not -1, 0 or 1. `activations`: outputs of firing populations that are not 0, over all
    passes. `changes`: potentials that a pass after the first left changed.
    """

    images: int
    operations: tuple[Array, ...]
    graded: tuple[Array, ...]
    activations: int
    changes: int

    def __add__(self, other: Work) -> Work:
        return Work(
            images=self.images + other.images,
            operations=tuple(a + b for a, b in zip(self.operations, other.operations, strict=True)),
            graded=tuple(a | b for a, b in zip(self.graded, other.graded, strict=True)),
            activations=self.activations + other.activations,
            changes=self.changes + other.changes,
        )


class Meter:
    """Counts the work of one network at one T, chunk by chunk of images. `fans`: the synapses of what is read."""

    def __init__(self, network: Network, timesteps: int, dynamics: Dynamics) -> None:
        shapes = population_shapes(network)
        self.network = network
        self.window = network.over(timesteps, dynamics)
        self.projections = [(population, q) for population in network.populations for q in population.projections]
        self.view_shapes = [view_shape(q.source, shapes) for _, q in self.projections]
        self.fans = [
            fan_out(q, shape).reshape(-1).astype(np.float64)
            for (_, q), shape in zip(self.projections, self.view_shapes, strict=True)
        ]
        self.sources_of_values = {population.name for population in network.populations if population.relay}
        kinds = {population.name: population.neuron for population in network.populations}
        self.graded = {
            name for name, kind in kinds.items() if isinstance(kind, LeakyIntegrateAndFire) and kind.most > 1
        }
        if not network.input.coding.spiking:
            self.sources_of_values.add(INPUT)
        self.firing = [population for population in network.populations if population.fires]

    def passes(self, projection: Projection) -> int:
        """How often a projection is applied to an image."""
        coding, read = self.network.input.coding, {*sources(projection.source), *late_sources(projection.source)}
        constant = not (coding.spiking or coding.sequences) and read == {INPUT}
        return 1 if constant else self.window.passes

    def entries(self, projection: Projection) -> int:
        """How many sums `Work` holds of a projection."""
        return 1 if self.window.stepping and self.spiking(projection) else self.passes(projection)

    def measure(self, chunk: Chunk, trace: Trace) -> Work:
        """The work of a chunk, in `step` with a trace that has `changes`."""
        operations: list[Array] = []
        graded: list[Array] = []
        for (_, projection), fan in zip(self.projections, self.fans, strict=True):
            view = projection.source
            if self.window.counting:
                operations.append(_reached(chunk.seen_active(view), fan))
                graded.append(np.array([chunk.seen_graded(view)]))
            elif self.spiking(projection):  # a spike is one operation per synapse
                operations.append(_reached(self.total(view, chunk, trace), fan))
                graded.append(np.zeros(1, bool))
            else:
                values = self._read(view, chunk, trace, self.passes(projection))
                operations.append(np.rint(nonzero(values, axis=1) @ fan).astype(np.int64))
                graded.append(np.array([largest(one) > 1 for one in values]))
        return Work(
            images=len(chunk.outputs[INPUT]),
            operations=tuple(operations),
            graded=tuple(graded),
            activations=sum(self._active(population.name, chunk, trace) for population in self.firing),
            changes=sum(trace.changes.get(population.name, 0) for population in self.firing),
        )

    def _active(self, name: str, chunk: Chunk, trace: Trace) -> int:
        """Outputs of a firing population that are not 0, over all passes."""
        if self.window.stepping and name in self.graded:
            return int(np.count_nonzero(trace.spikes[name]))
        counted = chunk.total if self.window.stepping else chunk.active
        return int(counted(name).sum(dtype=np.float64))

    def spiking(self, projection: Projection) -> bool:
        """Whether all that a projection reads are spikes, at most one a timestep."""
        read = {*sources(projection.source), *late_sources(projection.source)}
        return (self.sources_of_values | self.graded).isdisjoint(read)

    def total(self, view: View, chunk: Chunk, trace: Trace) -> Array:
        """The sum over images and timesteps of what a view shows."""
        if not late_sources(view):
            return chunk.seen_total(view)
        return np.asarray(self._read(view, chunk, trace, self.window.passes).sum(axis=(0, 1), dtype=np.float64))

    def _read(self, view: View, chunk: Chunk, trace: Trace, passes: int) -> Array:
        """What a projection reads in `step`, (passes, N, elements)."""
        images = len(chunk.outputs[INPUT])
        read = {name: self._train(name, chunk, trace)[:passes] for name in set(sources(view))}
        for name in set(late_sources(view)):
            train = self._train(name, chunk, trace)[:passes]
            read[before(name)] = np.concatenate([np.zeros_like(train[:1]), train[:-1]])
        if has_max_pool(view):
            return growth(view, read, np.float64).reshape(passes, images, -1)
        flat = {name: train.reshape(-1, *train.shape[2:]) for name, train in read.items()}
        return values_of(view, flat).reshape(passes, images, -1)

    def _train(self, name: str, chunk: Chunk, trace: Trace) -> Array:
        """What a source hands on at every timestep, (passes, N, *shape)."""
        if name in trace.spikes:
            return trace.spikes[name]
        pixels = chunk.outputs[name] / self.window.timesteps  # a current: its sum over time is p*T
        train = np.zeros((self.window.length, *pixels.shape), pixels.dtype)
        train[: self.window.timesteps] = pixels
        return train


def _reached(numbers: Array, fan: Array) -> Array:
    """Numbers of values times their synapses, in one sum."""
    return np.rint([numbers.reshape(-1).astype(np.float64) @ fan]).astype(np.int64)
