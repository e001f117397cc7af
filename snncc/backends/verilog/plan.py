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
from snncc.backends.verilog.drafts import Draft, constant_input, drafts, input_range
from snncc.backends.verilog.edges import Edge, Geometry, beat, connect, is_dense, tiled
from snncc.backends.verilog.layout import Layout, input_layout, population_layout
from snncc.backends.verilog.leaky import Leaky
from snncc.backends.verilog.leaves import Leaf, Shape, as_map, axes
from snncc.backends.verilog.parameters import Parameters, parameters
from snncc.backends.verilog.ports import PLAIN, Ports
from snncc.backends.verilog.tiles import Weights
from snncc.errors import TargetError
from snncc.ir import INPUT, Array, Interval, MaxPool, Network, bits_needed
from snncc.names import file_stems, unique

META_FLAGS = 3  # {T, keep where there is such a bit, empty, drive, final}


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
    leaky: Leaky | None

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
    def fire_cycles(self) -> int:
        """In `step`, cycles from a word's address to its write."""
        return 2 + self.deep if self.leaky is None else self.leaky.stages

    @property
    def has_drive(self) -> bool:
        return any(edge.drive for edge in self.edges)

    @property
    def maximum(self) -> int:
        """MAXIMUM of `snn_layer`: 0, 1, or in `step` 2 where it is one of counts of spikes, 3 of sums of values, 4 of
        the input's.
        """
        counts, sums = any(edge.tally for edge in self.edges), any(edge.sums for edge in self.edges)
        shown = sums and any(edge.source == INPUT for edge in self.edges)
        return int(self.kind == "max_pool") + counts + sums + shown


@dataclass(frozen=True)
class Source:
    """What an edge reads: its layout and the width and sign of one element. `values`: more than spikes.

    `depth`: nodes on the longest path from the input within a timestep, itself included.
    """

    layout: Layout
    cw: int
    signed: bool
    values: bool
    depth: int


@dataclass(frozen=True)
class Plan:
    """The whole design. `tw` bits hold T_max + spike_ext.

    `order`: the edges with external weights, as those come. `deep_input`: the encoder is deep.
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
        return self.tw + META_FLAGS + self.keeps

    @property
    def keeps(self) -> bool:
        """Whether the state of a sequence can go on in the next, so that there is a port `keep` and a bit for it."""
        return self.network.input.coding.sequences and not self.network.window.extra

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
    found = drafts(network)
    outside = external(network, found, ports.weights)
    taken = {draft.name.lower() for draft in found}
    for draft in found:
        known[draft.name] = _source(network, draft, choices[draft.name], known, last=draft is found[-1])
    nodes = [
        _node(network, draft, choices[draft.name], known, taken, last=draft is found[-1], outside=outside)
        for draft in found
    ]
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
        """Whether a node has no columns: a `Draft.plain`, or weights of it come from outside."""
        return draft.plain or any(self.feeds(draft, index) for index in range(len(draft.parts)))

    def shallow(self, draft: Draft) -> bool:
        """Whether a node has no deep stages: a `Draft.plain`, or weights of it are external."""
        return draft.plain or any((draft.name, index) in self.parts for index in range(len(draft.parts)))


def external(network: Network, found: Sequence[Draft], weights: Weights) -> Outside:
    """The largest projections, until the others fit; TargetError names those that cannot be, where too much is left."""
    if weights.where != "external":
        return Outside(weights, frozenset())
    late = next((d.name for d in found for leaf, _ in d.parts if leaf.late), None)
    if late is not None or network.input.coding.sequences:
        why = (
            "the input is a sequence of frames"
            if late is None
            else (f"{late.removeprefix('pop_')!r} reads the timestep before")
        )
        raise TargetError(f"external weights are not built where {why}: take `weights` `rom` or `load`")
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
        return replace(edge, banks=least[edge.name] + max(0, known[node.name].depth - known[edge.source].depth))

    whole = tuple(replace(node, edges=tuple(roomy(node, edge) for edge in node.edges)) for node in nodes)
    return whole, tuple(order)


def _source(network: Network, draft: Draft, choice: Choice, known: Mapping[str, Source], last: bool) -> Source:
    """What a node is to those that read it."""
    counting, (fire_lanes, parts) = network.window.counting, _parts(network, draft, choice, last)
    padded, bands = -(-draft.shape[-1] // choice.lanes) * choice.lanes, bands_of(draft.shape, counting and not last)
    return Source(
        layout=population_layout(draft.shape, padded, fire_lanes * parts, bands),
        cw=(draft.uw or draft.vw) if last else element_bits(draft.reach),
        signed=last or draft.reach[0] < 0,
        values=counting or draft.reach != (0, 1),
        depth=1 + max((known[leaf.source].depth for leaf, _ in draft.parts if not leaf.late), default=0),
    )


def _parts(network: Network, draft: Draft, choice: Choice, last: bool) -> tuple[int, int]:
    """Neurons that fire at a time, and so many times as many that are sent as one word."""
    counting = network.window.counting
    fire_lanes = choice.fire_lanes if counting else choice.lanes
    if last:
        fire_lanes = whole_parts(draft.shape[-1], choice.lanes, fire_lanes)
    return fire_lanes, choice.parts if counting and not last else 1


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
    own = known[draft.name]
    fire_lanes, parts = _parts(network, draft, choice, last)
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
        schedule=schedule(edges, own.layout.bands, as_map(draft.shape)[1] * groups),
        layout=own.layout,
        edges=edges,
        parameters=parameters(draft, groups * choice.lanes, fire_lanes),
        fires=draft.fires,
        relays=draft.relays,
        readout=last,
        clip_ext=_clip_ext(network, draft),
        cw=own.cw,
        signed=own.signed,
        leaky=draft.leaky,
    )


def _edges(
    network: Network, draft: Draft, choice: Choice, known: Mapping[str, Source], taken: set[str], outside: Outside
) -> tuple[Edge, ...]:
    """One per leaf of each projection, without its banks."""
    pooled = draft.pool is not None
    edges = [beat(_edge_name(draft.name, len(draft.parts), taken), choice.lanes)] if draft.lagging else []
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
            drive=leaf.source == INPUT and constant_input(network) and not pooled,
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
