"""The real-valued network in the shape of the integer one: the same populations, views and projections.

Every batch normalisation is folded and every linear chain composed, so that a population is exactly
`a = min(max(sum of projections + bias, 0), max_value)`, or that rounded to the levels of a ClipFloor. Calibration,
tuning and diagnosis run it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from snncc.graph import ClipFloor
from snncc.ir import INPUT, Array, Head, View, sources, view_shape
from snncc.lower.projections import RealPool, RealProjection
from snncc.sim.linear import BLOCK_ELEMENTS, Operator, values_of
from snncc.sim.run import in_chunks

CHUNK = 32
"""Images that a worker takes at a time."""


@dataclass(frozen=True)
class RealPopulation:
    """`a = min(max(sum_p W'_p a_p + bias, 0), max_value)`; readout and relays have no relu. bias: (C,) or (H, W, C)."""

    name: str
    shape: tuple[int, ...]
    projections: tuple[RealProjection | RealPool, ...]
    bias: Array
    max_value: float | None = None
    layers: tuple[str, ...] = ()
    relay: bool = False
    levels: ClipFloor | None = None
    """Its activation, where that has levels; then there is no max_value."""

    @property
    def saturates(self) -> bool:
        """Whether its activation has an upper end."""
        return self.max_value is not None or self.levels is not None

    def activation(self, linear: Array) -> Array:
        """What it hands on, of its pre-activations: below a relu, but for a relay."""
        if self.relay:
            return linear
        if self.levels is None:
            return np.clip(linear, 0, self.max_value)
        scale = np.asarray(self.levels.scale, linear.dtype)
        raised = np.floor(linear * (self.levels.levels / scale) + linear.dtype.type(self.levels.start))
        return np.asarray(np.clip(raised, 0, self.levels.levels) * (scale / self.levels.levels))


@dataclass(frozen=True)
class RealNetwork:
    """Populations in topological order, the last one linear: the readout. Input: `x*gain + offset`."""

    name: str
    input_shape: tuple[int, ...]
    gain: Array
    offset: Array
    populations: tuple[RealPopulation, ...]
    head: Head
    output_shape: tuple[int, ...]
    grids: tuple[str, ...] = ()
    """Layers whose weights the model has on a grid."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of the input and of every population by name."""
        return {INPUT: self.input_shape} | {p.name: p.shape for p in self.populations}


def real_input(network: RealNetwork, x: Array) -> Array:
    """What the first layers see, in float64: `x*gain + offset`."""
    x = np.asarray(x, np.float64).reshape(len(x), *network.input_shape)
    return x * network.gain + network.offset


def activations(
    network: RealNetwork, x: Array, visit: Callable[[RealPopulation, Array], object] | None = None
) -> Iterator[dict[str, Array]]:
    """Activations of every population (the readout's before its head), chunk by chunk, all processors, float32.

    `visit(population, values)` sees each population's array of a chunk from a worker thread. Arrays that no later
    population reads are dropped at once; a chunk's result holds the readout alone when `visit` is given.
    """
    runners = [runner(network, population) for population in network.populations]
    last_use = {name: i for i, p in enumerate(network.populations) for q in p.projections for name in sources(q.source)}

    def work(chunk: Array) -> dict[str, Array]:
        values = {INPUT: real_input(network, chunk).astype(np.float32)}
        for i, (population, run) in enumerate(zip(network.populations, runners, strict=True)):
            values[population.name] = run(values)
            if visit:
                visit(population, values[population.name])
                for name in [n for n in values if last_use.get(n, len(runners)) <= i]:
                    del values[name]
        return values

    yield from in_chunks(work, x, CHUNK)


def runner(network: RealNetwork, population: RealPopulation, relu: bool = True) -> Callable[[dict[str, Array]], Array]:
    """The function from earlier activations to this population's, in cache-sized blocks of images.

    `relu=False` leaves out its relu: what the readout does.
    """
    synapses: list[tuple[View, Operator]] = []
    scratch = int(np.prod(population.shape))
    for projection in population.projections:
        source = view_shape(projection.source, network.shapes)
        scratch = max(scratch, projection.scratch_elements(source, population.shape))
        synapses.append((projection.source, projection.operator(source, population.shape, np.float32)))
    bias = population.bias.astype(np.float32)
    linear = population is network.populations[-1] or population.relay or not relu
    block = max(1, BLOCK_ELEMENTS // scratch)

    def run(values: dict[str, Array]) -> Array:
        images = len(next(iter(values.values())))
        out = np.empty((images, *population.shape), np.float32)
        for start in range(0, images, block):
            rows = {name: value[start : start + block] for name, value in values.items()}
            total: Array = np.zeros((), np.float32)
            for first, (view, apply) in enumerate(synapses):
                product = apply(values_of(view, rows))
                total = np.add(total, product, out=total) if first else product
            total += bias
            out[start : start + block] = total if linear else population.activation(total)
        return out

    return run
