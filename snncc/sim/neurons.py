"""A population made ready to run: operators, parameters and the exact types that the proof allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from snncc.ir import (
    Array,
    Dynamics,
    Network,
    Population,
    View,
    population_shapes,
    projection_bounds,
    source_range,
    view_shape,
)
from snncc.neurons import Relay
from snncc.sim.linear import BLOCK_ELEMENTS, Operator, exact_dtype, operator, scratch, scratch_elements, values_of


@dataclass(frozen=True)
class Synapses:
    """One projection: its view, its exact operator and the factor 2^shift."""

    view: View
    apply: Operator
    dtype: Any
    factor: int


@dataclass(frozen=True)
class Neurons:
    """One population: its synapses, its parameters in the potential's type, and how many images fit a block.

    `integer`: of an integer network, not of a float twin.
    """

    population: Population
    synapses: tuple[Synapses, ...]
    dtype: Any
    block: int
    integer: bool = True

    def parameter(self, values: Array | None, factor: int = 1) -> Array:
        """theta, bias or v0, times an integer, in the type of the potential."""
        return (np.asarray(values) * factor).astype(self.dtype)

    def hand_on(self, relay: Relay, u: Array) -> Array:
        """A relay's values from its charge, in place; a float twin's are the charge."""
        return relay.hand_on(u) if self.integer else u

    def drive(self, outputs: Mapping[str, Array], rows: slice, out: Array) -> Array:
        """Sum of the projections over a slice of the batch, into `out`, an array of the potential's type."""
        for number, synapse in enumerate(self.synapses):
            view = values_of(synapse.view, _Rows(outputs, rows)).astype(synapse.dtype, copy=False)
            direct = number == 0 and synapse.dtype == self.dtype
            product = synapse.apply(view, out if direct else scratch("drive", out.shape, synapse.dtype))
            charge = product.astype(self.dtype, copy=False)
            if synapse.factor != 1:
                charge *= self.dtype(synapse.factor)
            if number:
                out += charge
            elif charge is not out:
                out[...] = charge
        return out


class _Rows(Mapping[str, Array]):
    """The outputs of some images of the batch; slices are made only of what is read."""

    def __init__(self, outputs: Mapping[str, Array], rows: slice) -> None:
        self.outputs, self.rows = outputs, rows

    def __getitem__(self, name: str) -> Array:
        return self.outputs[name][self.rows]

    def __iter__(self) -> Any:
        return iter(self.outputs)

    def __len__(self) -> int:
        return len(self.outputs)


def prepare(network: Network, population: Population, dynamics: Dynamics) -> Neurons:
    """Choose each exact type from the stored intervals and build the operators.

    A float twin (signed_bit = 0) multiplies in float32 and integrates in float64.
    """
    shapes = population_shapes(network)
    synapses = []
    scratch = population.neurons
    for projection in population.projections:
        source = view_shape(projection.source, shapes)
        dtype: Any = np.float32
        if network.is_integer:
            at_once = population.neuron.counts_at_once(network.over(dynamics=dynamics).counting)
            reach = source_range(network, projection.source, dynamics, whole=at_once)
            low, high = projection_bounds(projection, population.shape[-1], reach)
            dtype = exact_dtype((min(low), max(high)))
        apply = operator(projection, source, dtype)
        synapses.append(Synapses(projection.source, apply, dtype, 2**projection.shift))
        scratch = max(scratch, scratch_elements(projection, source, population.shape))
    potential: Any = np.float64
    if network.is_integer:
        leaks = not population.neuron.counts  # what leaks is shifted
        potential = np.int64 if leaks else exact_dtype(widened(network, population, dynamics))
    return Neurons(population, tuple(synapses), potential, max(1, BLOCK_ELEMENTS // scratch), network.is_integer)


def widened(network: Network, population: Population, dynamics: Dynamics) -> tuple[int, int]:
    """The population's interval, widened to its threshold: what the division or comparison must hold."""
    low, high = network.intervals[dynamics][population.name]
    theta = 0 if population.theta is None else int(np.max(population.theta))
    return low, max(high, theta)
