"""What a network does with images, counted exactly: effective operations, spikes, membrane updates.

A projection is applied once per pass: at every timestep in `step`, once in `count`; one that reads nothing but a
current-coded input once per image in either, since its charge is the same at every timestep (docs/contract.md, 6).
"""

from __future__ import annotations

from collections.abc import Mapping
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
    population_shapes,
    sources,
    view_shape,
)
from snncc.sim.fanout import fan_out
from snncc.sim.linear import values_of
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
    """Counts the work of one network at one T, chunk by chunk of images."""

    def __init__(self, network: Network, timesteps: int, dynamics: Dynamics) -> None:
        shapes = population_shapes(network)
        self.network = network
        self.window = network.over(timesteps, dynamics)
        self.projections = [(population, q) for population in network.populations for q in population.projections]
        self.view_shapes = [view_shape(q.source, shapes) for _, q in self.projections]
        self.fans = [
            fan_out(q, shape).reshape(-1) for (_, q), shape in zip(self.projections, self.view_shapes, strict=True)
        ]
        self.sources_of_values = {population.name for population in network.populations if population.relay}
        if not network.input.coding.spiking:
            self.sources_of_values.add(INPUT)
        self.firing = [population for population in network.populations if population.fires]

    def passes(self, projection: Projection) -> int:
        """How often a projection is applied to an image."""
        constant = not self.network.input.coding.spiking and set(sources(projection.source)) == {INPUT}
        return 1 if constant else self.window.passes

    def entries(self, projection: Projection) -> int:
        """How many sums `Work` holds of a projection."""
        return 1 if self.window.stepping and self._spiking(projection) else self.passes(projection)

    def measure(self, outputs: Mapping[str, Array], trace: Trace) -> Work:
        """The work of a chunk, from its outputs (N, *shape) and, in `step`, a trace with `changes`."""
        trains = self._trains(outputs, trace)
        operations: list[Array] = []
        graded: list[Array] = []
        for (_, projection), fan in zip(self.projections, self.fans, strict=True):
            if self.window.stepping and self._spiking(projection):  # a spike is one operation per synapse
                counts = values_of(projection.source, outputs).sum(axis=0, dtype=np.float64)
                operations.append(np.rint([counts.reshape(-1) @ fan]).astype(np.int64))
                graded.append(np.zeros(1, bool))
            else:
                values = _read(projection.source, trains, self.passes(projection))
                operations.append(np.count_nonzero(values, axis=1) @ fan)
                graded.append(np.any(np.abs(values) > 1, axis=(1, 2)))
        return Work(
            images=len(outputs[INPUT]),
            operations=tuple(operations),
            graded=tuple(graded),
            activations=sum(self._active(population.name, outputs) for population in self.firing),
            changes=sum(trace.changes.get(population.name, 0) for population in self.firing),
        )

    def _spiking(self, projection: Projection) -> bool:
        """Whether all that a projection reads are spikes."""
        return self.sources_of_values.isdisjoint(sources(projection.source))

    def _active(self, name: str, outputs: Mapping[str, Array]) -> int:
        counts = outputs[name]
        return int(counts.sum(dtype=np.float64) if self.window.stepping else np.count_nonzero(counts))

    def _trains(self, outputs: Mapping[str, Array], trace: Trace) -> dict[str, Array]:
        """What each source hands on, (passes, N, *shape)."""
        if self.window.counting:
            return {name: values[None] for name, values in outputs.items()}
        trains = dict(trace.spikes)
        if INPUT not in trains:  # a current: its sum over time is p*T
            pixels = outputs[INPUT] / self.window.timesteps
            trains[INPUT] = np.zeros((self.window.length, *pixels.shape), pixels.dtype)
            trains[INPUT][: self.window.timesteps] = pixels
        return trains


def _read(view: View, trains: Mapping[str, Array], passes: int) -> Array:
    """What a projection reads, (passes, N, elements), of trains (passes, N, *shape)."""
    read = {name: trains[name][:passes] for name in set(sources(view))}
    images = len(next(iter(read.values()))[0])
    if has_max_pool(view):
        return growth(view, read, np.float64).reshape(passes, images, -1)
    flat = {name: train.reshape(-1, *train.shape[2:]) for name, train in read.items()}
    return values_of(view, flat).reshape(passes, images, -1)
