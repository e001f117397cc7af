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

from snncc.backends.verilog.bands import Schedule, bands_of, held, schedule
from snncc.backends.verilog.drafts import Draft, constant_input, drafts, input_range
from snncc.backends.verilog.edges import Edge, beat, connect
from snncc.backends.verilog.layout import Layout, input_layout, population_layout
from snncc.backends.verilog.leaky import Leaky
from snncc.backends.verilog.leaves import Shape, as_map
from snncc.backends.verilog.parameters import Parameters, parameters
from snncc.backends.verilog.ports import PLAIN, Ports
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
    def fire_cycles(self) -> int:
        """In `step`, cycles from a word's address to its write."""
        return 2 if self.leaky is None else self.leaky.stages

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
    """The whole design. `tw` bits hold T_max + spike_ext."""

    network: Network
    nodes: tuple[Node, ...]
    input_layout: Layout
    input_cw: int
    tw: int
    pools: dict[str, MaxPool]
    ports: Ports = PLAIN

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
    """What a goal decides for one node."""

    lanes: int
    fire_lanes: int = 1
    stages: int = 1


def build(network: Network, choices: Mapping[str, Choice], ports: Ports = PLAIN) -> Plan:
    """The plan for chosen lanes (of `INPUT`: pixels a word). What may be refused `checks.check` has refused before."""
    input_cw, counting = element_bits(input_range(network)), network.window.counting
    lanes = choices[INPUT].lanes if INPUT in choices else None
    first = input_layout(network.input.shape, lanes, bands_of(network.input.shape, counting))
    known = {INPUT: Source(first, input_cw, network.input.signed, counting or not network.input.coding.spiking, 0)}
    found = drafts(network)
    taken = {draft.name.lower() for draft in found}
    for draft in found:
        known[draft.name] = _source(network, draft, choices[draft.name], known, last=draft is found[-1])
    nodes = [_node(network, draft, choices[draft.name], known, taken, last=draft is found[-1]) for draft in found]
    pools = {draft.name: draft.pool for draft in found if draft.pool is not None}
    timer = max(1, network.window.length.bit_length())
    return Plan(network, _roomy(nodes, known), first, input_cw, timer, pools, ports)


def _roomy(nodes: Sequence[Node], known: Mapping[str, Source]) -> tuple[Node, ...]:
    """The nodes with banks: what keeps them going, and a band for each layer on the longest way round an edge."""
    least = held({node.name: (node.edges, node.turns) for node in nodes})

    def roomy(node: Node, edge: Edge) -> Edge:
        return replace(edge, banks=least[edge.name] + max(0, known[node.name].depth - known[edge.source].depth))

    return tuple(replace(node, edges=tuple(roomy(node, edge) for edge in node.edges)) for node in nodes)


def _source(network: Network, draft: Draft, choice: Choice, known: Mapping[str, Source], last: bool) -> Source:
    """What a node is to those that read it."""
    counting, channels = network.window.counting, draft.shape[-1]
    fire_lanes = choice.fire_lanes if counting else choice.lanes
    if last:
        fire_lanes = whole_parts(channels, choice.lanes, fire_lanes)
    padded = -(-channels // choice.lanes) * choice.lanes
    return Source(
        layout=population_layout(draft.shape, padded, fire_lanes, bands_of(draft.shape, counting and not last)),
        cw=(draft.uw or draft.vw) if last else element_bits(draft.reach),
        signed=last or draft.reach[0] < 0,
        values=counting or draft.reach != (0, 1),
        depth=1 + max((known[leaf.source].depth for leaf, _ in draft.parts if not leaf.late), default=0),
    )


def _node(
    network: Network, draft: Draft, choice: Choice, known: Mapping[str, Source], taken: set[str], last: bool
) -> Node:
    counting, quotient = network.window.counting, network.window.length.bit_length()
    divides = counting and draft.fires
    stages = min(choice.stages, quotient) if divides else 1
    groups = -(-draft.shape[-1] // choice.lanes)
    own = known[draft.name]
    edges = _edges(network, draft, choice.lanes, known, taken)
    return Node(
        name=draft.name,
        shape=draft.shape,
        kind=draft.kind,
        lanes=choice.lanes,
        fire_lanes=own.layout.lanes,
        stages=stages,
        period=-(-quotient // stages) if divides else 1,
        vw=draft.vw,
        uw=draft.uw or draft.vw,
        scale=draft.scale,
        groups=groups,
        schedule=schedule(edges, own.layout.bands, as_map(draft.shape)[1] * groups),
        layout=own.layout,
        edges=edges,
        parameters=parameters(draft, groups * choice.lanes, own.layout.lanes),
        fires=draft.fires,
        relays=draft.relays,
        readout=last,
        clip_ext=_clip_ext(network, draft),
        cw=own.cw,
        signed=own.signed,
        leaky=draft.leaky,
    )


def _edges(
    network: Network, draft: Draft, lanes: int, known: Mapping[str, Source], taken: set[str]
) -> tuple[Edge, ...]:
    """One per leaf of each projection, without its banks."""
    pooled = draft.pool is not None
    edges = [beat(_edge_name(draft.name, len(draft.parts), taken), lanes)] if draft.lagging else []
    for index, (leaf, geometry) in enumerate(draft.parts):
        source = known[leaf.source]
        edges.append(
            connect(
                name=_edge_name(draft.name, index, taken),
                leaf=leaf,
                geometry=geometry,
                source_shape=source.layout.shape,
                source=source.layout,
                target_shape=draft.shape,
                lanes=lanes,
                groups=-(-draft.shape[-1] // lanes),
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
        )
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
