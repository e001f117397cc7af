"""Nodes before lanes are chosen: what each reads and holds. Goals choose lanes; `plan.build` makes nodes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from snncc.backends.verilog.edges import Geometry, geometry_of
from snncc.backends.verilog.leaky import Leaky, leaky
from snncc.backends.verilog.leaves import Leaf, Resolved, Resolver, Shape, as_map, node_name
from snncc.ir import (
    INPUT,
    Array,
    Interval,
    MaxPool,
    Network,
    Population,
    Source,
    SumPool2D,
    bits_needed,
    fold,
    hull,
    output_range,
    projection_bounds,
    replace,
    source_range,
    window_shape,
)
from snncc.sim.linear import values_of

MAX_LANES = 256
MAX_COLUMNS = 8


@dataclass
class Draft:
    """A node before lanes are chosen: its projections as (leaf, geometry) and its neurons' parameters.

    `least`: of a max-pool, what each window holds at least, () or its shape: 0, or the lowest value where every element
    may be negative. `every`: sources whose zeros then count. `reach`: [least, most] of what it hands on in a frame.
    `tally`: of a max-pool in `step`, bits of the counts (`sums`: of the sums of values) that it takes the largest of.
    `leaky`: of neurons that forget, their numbers.
    """

    name: str
    shape: Shape
    kind: str
    parts: list[tuple[Leaf, Geometry]]
    population: Population | None
    vw: int
    reach: Interval
    pool: MaxPool | None = None
    least: Array = field(default_factory=lambda: np.zeros((), np.int64))
    every: frozenset[str] = frozenset()
    tally: int = 0
    sums: bool = False
    uw: int = 0  # of a population
    scale: int = 0
    leaky: Leaky | None = None

    @property
    def fires(self) -> bool:
        return self.population is not None and self.population.fires

    @property
    def lagging(self) -> bool:
        """Whether all that it reads is of the timestep before."""
        return all(leaf.late for leaf, _ in self.parts)

    @property
    def plain(self) -> bool:
        """Whether it has neither columns nor deep stages: of leaky neurons, or a reader of the timestep before."""
        return self.leaky is not None or any(leaf.late for leaf, _ in self.parts)

    @property
    def relays(self) -> bool:
        return self.population is not None and self.population.relay is not None


def drafts(network: Network) -> list[Draft]:
    """Nodes in topological order, max-pools before their readers."""
    made = _Drafter(network)
    for population in network.populations:
        made.population(population)
    if network.readout == "spikes":
        made.sum()
    return made.found


class _Drafter:
    """Drafts made so far, with the shapes and ranges of what they read and write."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.steps = network.window.length
        self.found: list[Draft] = []
        self.shapes: dict[str, Shape] = {INPUT: network.input.shape}
        self.ranges = {INPUT: input_range(network)}
        for population in network.populations:  # later ones, too, are read late
            self.shapes[node_name(population.name)] = population.shape
            self.ranges[node_name(population.name)] = handed_on(network, population)
        self.constant = {INPUT} if constant_input(network) else set()  # the same in every frame of an image
        self.totals: dict[str, Interval] = {}

    def population(self, population: Population) -> None:
        """Its max-pools, then itself."""
        known = len(self.found)

        def pooled(pool: MaxPool, inner: Resolved) -> str:
            name = f"max_{population.name}_{len(self.found) - known}"
            self.max_pool(name, pool, inner)
            return name

        parts = []
        for projection in population.projections:
            view = fold(projection.source, Resolver(self.shapes, pooled))
            geometry = geometry_of(projection, view.shape, population.shape)
            parts += [(leaf, geometry) for leaf in view.leaves]
        interval = self.network.intervals[self.network.dynamics][population.name]
        uw, forgets = bits_needed(interval), leaky(population, interval)
        scale, vw = _kept(self.network, population) if self.network.window.counting else (0, uw)
        name = node_name(population.name)
        reach = handed_on(self.network, population)
        draft = Draft(name, population.shape, "population", parts, population, vw, reach, uw=uw, scale=scale)
        draft.leaky = forgets
        self._add(draft)

    def max_pool(self, name: str, pool: MaxPool, inner: Resolved) -> None:
        """A node of its own."""
        window = SumPool2D(name=name, source=pool.view, size=pool.size, strides=pool.strides, pads=pool.pads)
        shape = (*window_shape(inner.shape, pool.size, pool.strides, (1, 1), pool.pads), inner.shape[-1])
        geometry = geometry_of(window, inner.shape, shape)
        parts = [(leaf, geometry) for leaf in inner.leaves]
        read = {leaf.source for leaf in inner.leaves}
        ends = [self.ranges[source] for source in read]
        draft = Draft(name, shape, "max_pool", parts, None, bits_needed(hull(ends)), (0, 1), pool)
        if self.network.window.stepping and all(end == (0, 1) for end in ends):
            draft.vw, draft.tally = bits_needed((0, 2 * self.steps)), self.steps.bit_length()
        elif self.network.window.stepping and not read <= self.constant:
            self._of_sums(draft, pool, inner, hull([(0, 0), *ends]))
        else:
            self.constant |= {name} if read <= self.constant else set()
            draft.least = _least(pool, inner, self.ranges)
            draft.reach = int(draft.least.min()), max(high for _, high in ends)
            draft.every = frozenset(s for s in read if draft.reach[0] < 0 and self.ranges[s][0] < 0)
        self._add(draft)

    def _of_sums(self, draft: Draft, pool: MaxPool, inner: Resolved, reach: Interval) -> None:
        """The largest of sums over the frames so far, which hands on what it has grown by, between `reach`."""
        totals = {leaf.source: self._total(leaf.source) for leaf in inner.leaves}
        draft.reach, draft.sums, draft.every = reach, True, frozenset(totals)
        draft.least = _least(pool, inner, totals)
        self.totals[draft.name] = hull([(0, 0), *totals.values()])
        element = max(bits_needed(self.ranges[source]) for source in totals)
        draft.vw = draft.tally = max(bits_needed(hull(totals.values())), 1 + element)

    def _total(self, source: str) -> Interval:
        """[least, most] of the sum of a source's frames, of any of an image's first ones."""
        low, high = self.ranges[source]
        return self.totals.get(source, (low * self.steps, high * self.steps))

    def sum(self) -> None:
        """For a `spikes` readout, what sums the spikes of the last population."""
        last = self.network.output
        most = output_range(self.network, last.name, self.network.dynamics)[1]
        highest = self.steps if self.network.window.counting else self.steps * most
        leaf = Leaf(node_name(last.name), np.arange(last.neurons), last.shape)
        parts = [(leaf, geometry_of(None, last.shape, last.shape))]
        bits, reach = bits_needed((0, highest)), (0, highest)
        self._add(Draft(f"sum_{last.name}", last.shape, "sum", parts, None, bits, reach))

    def _add(self, draft: Draft) -> None:
        draft.parts.sort(key=lambda part: part[0].late)
        self.found.append(draft)
        self.shapes[draft.name], self.ranges[draft.name] = draft.shape, draft.reach


def handed_on(network: Network, population: Population) -> Interval:
    """Lowest and highest value of an element that a population hands on in a frame."""
    return output_range(network, population.name, network.dynamics) if population.hands_on else (0, 0)


def input_range(network: Network) -> Interval:
    """Lowest and highest value of an input element in a frame."""
    source, held = network.input, network.window.held
    return source.coding.reach(source.levels, source.signed, held, held)


def constant_input(network: Network) -> bool:
    """Whether the input is the same in every timestep of an image, so that the encoder sends it with the first."""
    coding = network.input.coding
    return network.window.stepping and not (coding.spiking or coding.sequences)


def stores_images(network: Network) -> bool:
    """Whether the encoder keeps an image and sends its frames when all of it is there: spikes, one timestep each."""
    return network.window.stepping and network.input.coding.spiking


def _kept(network: Network, population: Population) -> tuple[int, int]:
    """(scale, bits): in `count` bias and v0 join at firing, so a potential holds sums of multiples of 2^scale alone."""
    scale = min(projection.shift for projection in population.projections)
    low, high = np.zeros((2, population.shape[-1]), object)
    for projection in population.projections:
        reach = source_range(network, projection.source, "count")
        less, more = projection_bounds(projection, population.shape[-1], reach)
        low, high = low + less * 2 ** (projection.shift - scale), high + more * 2 ** (projection.shift - scale)
    return scale, bits_needed((int(min(low)), int(max(high))))


def _least(pool: MaxPool, inner: Resolved, ranges: Mapping[str, Interval]) -> Array:
    """What each window holds at least: 0 if it has a zero of a Pad or an element that is never negative."""
    least = np.zeros((1, *as_map(inner.shape)), np.int64)
    for leaf in inner.leaves:
        least.reshape(-1)[leaf.positions] = ranges[leaf.source][0]
    if not least.any():
        return np.zeros((), np.int64)
    windows = values_of(replace(pool, view=Source("least")), {"least": least})[0]
    return windows if windows.min() < windows.max() else np.asarray(windows.min())


def legal_lanes(draft: Draft, max_lanes: int = MAX_LANES) -> list[int]:
    """LANES that waste no cycle: ceil(C / groups) for each number of groups; whole channels where one edge needs it."""
    channels = draft.shape[-1]
    lanes = sorted({-(-channels // groups) for groups in range(1, channels + 1)})
    multipliers = [g.multiplier for _, g in draft.parts if g.channelwise]
    return [n for n in lanes if n <= max_lanes and all(n % m == 0 or m % n == 0 for m in multipliers)]


def legal_columns(draft: Draft, lanes: int) -> list[int]:
    """COLUMNS with such LANES: more than one where an access could reach more of them than with fewer.

    The hardware finds column and word of a position by its bits, so both COLUMNS and the words of a position are powers
    of two, and a row has every column.
    """
    groups, width = -(-draft.shape[-1] // lanes), as_map(draft.shape)[1]
    found = [1]
    while groups & (groups - 1) == 0 and 2 * found[-1] <= min(width, MAX_COLUMNS):
        reached = [max(g.x.columns(n) for _, g in draft.parts) for n in (found[-1], 2 * found[-1])]
        if reached[0] == reached[1]:
            break
        found.append(2 * found[-1])
    return found
