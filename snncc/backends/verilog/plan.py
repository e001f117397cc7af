"""The hardware plan: every node, edge, width, memory shape and table of the RTL, decided before a byte is written.

A node is what `snn_layer` realises: a population, a max-pool (its own node) or, for a `spikes` readout, a
last layer that sums the spikes. An edge (`snn_edge`) is one leaf of one projection, with its own banks and weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from snncc.backends.verilog import tiles
from snncc.backends.verilog.bands import Schedule, bands_of, held, schedule
from snncc.backends.verilog.drafts import Draft, drafts, input_range
from snncc.backends.verilog.edges import Edge, Geometry, connect, is_dense, tiled
from snncc.backends.verilog.layout import Layout, input_layout, population_layout
from snncc.backends.verilog.leaves import Leaf, Shape, as_map, axes
from snncc.backends.verilog.parameters import Parameters, parameters
from snncc.backends.verilog.ports import PLAIN, Ports
from snncc.backends.verilog.tiles import Weights
from snncc.ir import INPUT, Array, Interval, MaxPool, Network, bits_needed
from snncc.names import file_stems, unique

META_FLAGS = 3  # {T, empty, drive, final}


@dataclass(frozen=True)
class Node:
    """One `snn_layer`.

    Potentials are kept as V / 2^scale in vw bits; in `count` uw bits hold u = V + bias*T + v0.
    """

    name: str
    shape: Shape
    kind: str  # population | max_pool | sum
    lanes: int
    fire_lanes: int
    stages: int
    period: int
    parts: int
    columns: int
    deep: bool
    vw: int
    uw: int
    scale: int
    groups: int
    schedule: Schedule
    layout: Layout
    edges: tuple[Edge, ...]
    parameters: Parameters
    fires: bool
    relays: bool
    readout: bool
    clip_ext: int
    cw: int  # bits of one output element
    signed: bool

    @property
    def bands(self) -> int:
        """Firing passes per frame."""
        return self.layout.bands

    @property
    def turns(self) -> Array:
        """(bands, edges): bands of its source that each edge takes before each pass."""
        return self.schedule.turns

    @property
    def band_words(self) -> int:
        """Potential words that a pass fires."""
        return math.prod(self.shape[:-1]) * self.groups // self.bands

    @property
    def words(self) -> int:
        """Potential words: of all bands, or of those that are open at a time."""
        return self.band_words * self.schedule.ring

    @property
    def slots(self) -> int:
        """Potential words that an access reaches at most."""
        return max(edge.taps for edge in self.edges)

    @property
    def column_words(self) -> int:
        """Potential words of a column."""
        return -(-(self.words // self.groups) // self.columns) * self.groups

    @property
    def has_drive(self) -> bool:
        return any(edge.drive for edge in self.edges)

    @property
    def maximum(self) -> int:
        """MAXIMUM of `snn_layer`: 0, 1, or in `step` 2 where it is one of counts of spikes, 3 of sums of values."""
        counts, sums = any(edge.tally for edge in self.edges), any(edge.sums for edge in self.edges)
        return int(self.kind == "max_pool") + counts + sums


@dataclass(frozen=True)
class Source:
    """What an edge reads: its layout and the width and sign of one element. `values`: more than spikes."""

    layout: Layout
    cw: int
    signed: bool
    values: bool
    depth: int


@dataclass(frozen=True)
class Plan:
    """The whole design. `tw` bits hold T_max + spike_ext.

    `order`: the edges with external weights, as those come. `deep_input`: the encoder of stored images is deep.
    """

    network: Network
    nodes: tuple[Node, ...]
    input_layout: Layout
    input_cw: int
    tw: int
    pools: dict[str, MaxPool]
    ports: Ports = PLAIN
    order: tuple[str, ...] = ()
    deep_input: bool = False

    @cached_property
    def streamed(self) -> list[Edge]:
        """The edges whose weights come from outside, in the order in which they come."""
        edges = {edge.name: edge for node in self.nodes for edge in node.edges}
        if self.ports.weights.where == "load":
            return [edge for edge in edges.values() if len(edge.weights)]
        return [edges[name] for name in self.order]

    @cached_property
    def stream_beats(self) -> list[int]:
        """Beats of the weights of each of them."""
        return [len(edge.weights) * self.ports.weights.beats(edge.word_bits) for edge in self.streamed]

    @property
    def mw(self) -> int:
        return self.tw + META_FLAGS

    @property
    def count(self) -> bool:
        return self.network.window.counting

    @cached_property
    def readers(self) -> dict[str, list[tuple[int, int]]]:
        """For each source the edges that read it, as (number of the node, number of its edge)."""
        found: dict[str, list[tuple[int, int]]] = {name: [] for name in (INPUT, *(node.name for node in self.nodes))}
        for i, node in enumerate(self.nodes):
            for j, edge in enumerate(node.edges):
                found[edge.source].append((i, j))
        return found

    @cached_property
    def stems(self) -> dict[str, str]:
        """What the files of each node (and of the input) are called by."""
        return file_stems([INPUT, *(node.name for node in self.nodes)])


@dataclass(frozen=True)
class Choice:
    """What a goal decides for one node.

    `parts`: of FIRE_LANES neurons, in `count` sent as one word. `columns`: memories in which neighbouring positions of
    a row lie, a power of two. `deep`: more registers, for a higher clock.
    """

    lanes: int
    fire_lanes: int = 1
    stages: int = 1
    parts: int = 1
    columns: int = 1
    deep: int = 0


def build(network: Network, choices: Mapping[str, Choice], ports: Ports = PLAIN) -> Plan:
    """The plan for chosen lanes (of `INPUT`: pixels a word). What may be refused `checks.check` has refused before."""
    input_cw, counting = element_bits(input_range(network)), network.window.counting
    lanes, deep = (choices[INPUT].lanes, choices[INPUT].deep) if INPUT in choices else (None, 0)
    first = input_layout(network.input.shape, lanes, bands_of(network.input.shape, counting))
    known = {INPUT: Source(first, input_cw, network.input.signed, counting or not network.input.coding.spiking, 0)}
    nodes: list[Node] = []
    found = drafts(network)
    outside = external(network, found, ports.weights)
    taken = {draft.name.lower() for draft in found}
    for draft in found:
        node = _node(network, draft, choices[draft.name], known, taken, last=draft is found[-1], outside=outside)
        nodes.append(node)
        known[draft.name] = Source(
            node.layout, node.cw, node.signed, counting or draft.reach != (0, 1), _depth(draft, known)
        )
    pools = {draft.name: draft.pool for draft in found if draft.pool is not None}
    timer = max(1, network.window.length.bit_length())
    roomy, order = _roomy(nodes, known)
    return Plan(network, roomy, first, input_cw, timer, pools, ports, order, bool(deep))


@dataclass(frozen=True)
class Outside:
    """Which projections' weights are external, as (draft, number of the part), and how they come."""

    weights: Weights
    parts: frozenset[tuple[str, int]]

    def feeds(self, draft: Draft, index: int) -> bool:
        """Whether a part's weights come from outside, at run time: then an event is one element."""
        loaded = self.weights.where == "load" and draft.parts[index][1].weights is not None
        return loaded or (draft.name, index) in self.parts

    def plain(self, draft: Draft) -> bool:
        """Whether a node has neither columns nor deep stages, since weights of it come from outside."""
        return any(self.feeds(draft, index) for index in range(len(draft.parts)))


def external(network: Network, found: Sequence[Draft], weights: Weights) -> Outside:
    """The largest projections, until the others fit; TargetError names those that cannot be, where too much is left."""
    if weights.where != "external":
        return Outside(weights, frozenset())
    parts = [(draft, index) for draft in found for index in range(len(draft.parts))]
    sizes = [draft.parts[i][1].taps.size * network.signed_bit * (draft.parts[i][1].weights is not None)
             for draft, i in parts]  # fmt: skip
    shapes = {INPUT: network.input.shape} | {draft.name: draft.shape for draft in found}
    reasons = [_inside_only(network, draft.parts[i], shapes) for draft, i in parts]
    names = [draft.name.removeprefix("pop_") for draft, _ in parts]
    chosen = tiles.choose(sizes, reasons, names, weights.inside)
    ends = ((draft.name, i) for (draft, i), out in zip(parts, chosen, strict=True) if out)
    return Outside(weights, frozenset(ends))


def _inside_only(network: Network, part: tuple[Leaf, Geometry], shapes: Mapping[str, Shape]) -> str | None:
    """Why a projection's weights cannot be external."""
    leaf, geometry = part
    if geometry.channelwise:
        return "few weights, of one channel each"
    if leaf.source == INPUT and network.window.stepping:
        return "it reads the input, which `step` does not send in every timestep"
    if is_dense(geometry):
        return None
    if leaf.source == INPUT and as_map(network.input.shape)[2] == 1:
        return "it reads an input of one channel"
    return "its source is reshaped" if axes(leaf, shapes[leaf.source]) is None else None


def _roomy(nodes: Sequence[Node], known: Mapping[str, Source]) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """The nodes with banks: what keeps them going, and a band for each layer on the longest way round an edge.

    And the order in which edges with external weights take their turns.
    """
    least, order = held({node.name: (node.edges, node.turns) for node in nodes})

    def roomy(node: Node, edge: Edge) -> Edge:
        return replace(edge, banks=least[edge.name] + known[node.name].depth - known[edge.source].depth)

    whole = tuple(replace(node, edges=tuple(roomy(node, edge) for edge in node.edges)) for node in nodes)
    return whole, tuple(order)


def _node(
    network: Network,
    draft: Draft,
    choice: Choice,
    known: Mapping[str, Source],
    taken: set[str],
    last: bool,
    outside: Outside,
) -> Node:
    counting, quotient = network.window.counting, network.window.length.bit_length()
    divides = counting and draft.fires
    stages = min(choice.stages, quotient) if divides else 1
    groups = -(-draft.shape[-1] // choice.lanes)
    fire_lanes = choice.fire_lanes if counting else choice.lanes
    if last:
        fire_lanes = whole_parts(draft.shape[-1], choice.lanes, fire_lanes)
    parts = choice.parts if counting and not last else 1
    bands = bands_of(draft.shape, counting and not last)
    edges = _edges(network, draft, choice, known, taken, outside)
    return Node(
        name=draft.name,
        shape=draft.shape,
        kind=draft.kind,
        lanes=choice.lanes,
        fire_lanes=fire_lanes,
        stages=stages,
        period=-(-quotient // stages) if divides else 1,
        parts=parts,
        columns=choice.columns,
        deep=bool(choice.deep),
        vw=draft.vw,
        uw=draft.uw or draft.vw,
        scale=draft.scale,
        groups=groups,
        schedule=schedule(edges, bands, as_map(draft.shape)[1] * groups),
        layout=population_layout(draft.shape, groups * choice.lanes, fire_lanes * parts, bands),
        edges=edges,
        parameters=parameters(draft, groups * choice.lanes, fire_lanes),
        fires=draft.fires,
        relays=draft.relays,
        readout=last,
        clip_ext=_clip_ext(network, draft),
        cw=(draft.uw or draft.vw) if last else element_bits(draft.reach),
        signed=last or draft.reach[0] < 0,
    )


def _edges(
    network: Network, draft: Draft, choice: Choice, known: Mapping[str, Source], taken: set[str], outside: Outside
) -> tuple[Edge, ...]:
    """One per leaf of each projection, without its banks."""
    counting, pooled = network.window.counting, draft.pool is not None
    edges = []
    for index, (leaf, geometry) in enumerate(draft.parts):
        source = known[leaf.source]
        edge = connect(
            name=_edge_name(draft.name, index, taken),
            leaf=leaf,
            geometry=geometry,
            source_shape=source.layout.shape,
            source=source.layout,
            target_shape=draft.shape,
            lanes=choice.lanes,
            groups=-(-draft.shape[-1] // choice.lanes),
            columns=choice.columns,
            packs=not outside.feeds(draft, index),
            deep=bool(choice.deep),
            cw=source.cw,
            signed=source.signed,
            values=source.values or pooled,
            drive=leaf.source == INPUT and source.values and not counting and not pooled,
            tally=draft.tally,
            sums=draft.sums,
            every=leaf.source in draft.every,
            banks=0,
            weight_bits=network.signed_bit,
        )
        if edge.rom is not None and (draft.name, index) in outside.parts:
            edge = tiled(edge, edge.rom, outside.weights)
        edges.append(edge)
    return tuple(edges)


def element_bits(reach: Interval) -> int:
    """Width of an element: two's complement where it may be negative, else without a sign."""
    return max(1, bits_needed(reach) - int(reach[0] >= 0))


def _depth(draft: Draft, known: Mapping[str, Source]) -> int:
    """Nodes on the longest path from the input, itself included."""
    return 1 + max(known[leaf.source].depth for leaf, _ in draft.parts)


def _clip_ext(network: Network, draft: Draft) -> int:
    """Spikes that a neuron may fire beyond T where its window is counted."""
    limit = network.over(dynamics="count").limit(draft.population is not None and draft.population.saturates)
    return 0 if limit is None else limit - network.timesteps


def _edge_name(node: str, index: int, taken: set[str]) -> str:
    """<node>_e<index>, unless a layer is called that."""
    return unique(f"{node}_e{index}", taken, "_".__mul__)


def whole_parts(channels: int, lanes: int, wanted: int) -> int:
    """The smallest divisor of LANES from `wanted` on that leaves no part of a word empty: the readout sends all."""
    padded = -(-channels // lanes) * lanes
    return min(n for n in range(wanted, lanes + 1) if lanes % n == 0 and -(-channels // n) * n == padded)


def describe(node: Node) -> dict[str, Any]:
    """A node for the manifest: shapes and widths."""
    return {
        "name": node.name,
        "kind": node.kind,
        "shape": list(node.shape),
        "lanes": node.lanes,
        "fire_lanes": node.fire_lanes,
        "divider_stages": node.stages,
        "potential_bits": node.vw,
        "potential_words": node.words,
        "bands": node.bands,
        "output_bits": node.cw,
        "edges": [edge.describe() for edge in node.edges],
    }
