"""Nodes before lanes are chosen: what each reads and holds. Goals choose lanes; `plan.build` makes nodes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from snncc.backends.verilog.edges import Geometry, geometry_of
from snncc.backends.verilog.leaves import Leaf, Shape, as_map, node_name, resolve
from snncc.backends.verilog.window import maximum
from snncc.ir import (
    INPUT,
    Array,
    Dynamics,
    Interval,
    MaxPool,
    Network,
    Population,
    SumPool2D,
    bits_needed,
    projection_bounds,
    source_range,
)

MAX_LANES = 256


@dataclass
class Draft:
    """A node before lanes are chosen: its projections as (leaf, geometry) and its neurons' parameters.

    `least`: of a max-pool, what each window holds at least, () or its shape: 0, or the lowest value where every element
    may be negative. `every`: sources whose zeros then count.
    """

    name: str
    shape: Shape
    kind: str
    parts: list[tuple[Leaf, Geometry]]
    population: Population | None
    vw: int
    pool: MaxPool | None = None
    least: Array = field(default_factory=lambda: np.zeros((), np.int64))
    every: frozenset[str] = frozenset()
    uw: int = 0  # of a population
    scale: int = 0


def drafts(network: Network, dynamics: Dynamics) -> list[Draft]:
    """Nodes in topological order, max-pools before their readers."""
    found: list[Draft] = []
    shapes: dict[str, Shape] = {INPUT: network.input.shape}
    steps = network.timesteps + network.spike_ext
    ranges = {INPUT: input_range(network, dynamics)}
    for population in network.populations:
        taken = 0

        def pooled(view: MaxPool, owner: Population = population) -> tuple[str, Shape]:
            nonlocal taken
            leaves, inner = resolve(view.view, shapes, pooled)
            height, width = (
                (inner[a] + view.pads[2 * a] + view.pads[2 * a + 1] - view.size[a]) // view.strides[a] + 1
                for a in (0, 1)
            )
            name, taken = f"max_{owner.name}_{taken}", taken + 1
            window = SumPool2D(name=name, source=view.view, size=view.size, strides=view.strides, pads=view.pads)
            shapes[name] = (height, width, inner[2])
            least = _least(view, inner, leaves, ranges)
            low = int(least.min())
            every = frozenset(leaf.source for leaf in leaves if low < 0 and ranges[leaf.source][0] < 0)
            ends = [ranges[leaf.source] for leaf in leaves]
            ranges[name] = (low, max(high for _, high in ends))
            bits = bits_needed((min(low for low, _ in ends), ranges[name][1]))
            parts = [(leaf, geometry_of(window, inner, shapes[name])) for leaf in leaves]
            found.append(Draft(name, shapes[name], "max_pool", parts, None, bits, view, least, every))
            return name, shapes[name]

        parts = []
        for projection in population.projections:
            leaves, inner = resolve(projection.source, shapes, pooled)
            parts += [(leaf, geometry_of(projection, inner, population.shape)) for leaf in leaves]
        name = node_name(population.name)
        shapes[name], ranges[name] = population.shape, (0, steps)
        uw = bits_needed(network.intervals[dynamics][population.name])
        scale, vw = _kept(network, population) if dynamics == "count" else (0, uw)
        found.append(Draft(name, population.shape, "population", parts, population, vw, uw=uw, scale=scale))
    if network.readout == "spikes":
        last = network.output
        leaf = Leaf(node_name(last.name), np.arange(last.neurons), last.shape)
        found.append(
            Draft("sum_" + last.name, last.shape, "sum", [(leaf, geometry_of(None, last.shape, last.shape))], None,
                  bits_needed((0, steps)))
        )  # fmt: skip
    return found


def input_range(network: Network, dynamics: Dynamics) -> Interval:
    """Lowest and highest value of an input element."""
    steps = network.timesteps if dynamics == "count" else 1
    if network.input.encoding == "rate":
        return 0, steps
    reach = network.input.levels * steps
    return -reach if network.input.signed else 0, reach


def _kept(network: Network, population: Population) -> tuple[int, int]:
    """(scale, bits): in `count` bias and v0 join at firing, so a potential holds sums of multiples of 2^scale alone."""
    scale = min(projection.shift for projection in population.projections)
    low, high = np.zeros((2, population.shape[-1]), object)
    for projection in population.projections:
        reach = source_range(network, projection.source, "count")
        less, more = projection_bounds(projection, population.shape[-1], reach)
        low, high = low + less * 2 ** (projection.shift - scale), high + more * 2 ** (projection.shift - scale)
    return scale, bits_needed((int(min(low)), int(max(high))))


def _least(pool: MaxPool, inner: Shape, leaves: list[Leaf], ranges: dict[str, Interval]) -> Array:
    """What each window holds at least: 0 if it has a zero of a Pad or an element that is never negative."""
    least = np.zeros(math.prod(inner), np.int64)
    for leaf in leaves:
        least[leaf.positions] = ranges[leaf.source][0]
    if not least.any():
        return np.zeros((), np.int64)
    windows = maximum(least.reshape(as_map(inner)), pool)
    return windows if windows.min() < windows.max() else np.asarray(windows.min())


def legal_lanes(draft: Draft, max_lanes: int = MAX_LANES) -> list[int]:
    """LANES that waste no cycle: ceil(C / groups) for each number of groups; whole channels where one edge needs it."""
    channels = draft.shape[-1]
    lanes = sorted({-(-channels // groups) for groups in range(1, channels + 1)})
    multipliers = [g.multiplier for _, g in draft.parts if g.channelwise]
    return [n for n in lanes if n <= max_lanes and all(n % m == 0 or m % n == 0 for m in multipliers)]
