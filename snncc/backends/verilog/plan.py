"""The hardware plan: every node, edge, width, memory shape and table of the RTL, decided before a byte is written.

A node is what `snn_layer` realises: a population, a max-pool (its own node, in `count`) or, for a `spikes` readout, a
last layer that sums the spikes. An edge (`snn_edge`) is one leaf of one projection, with its own banks and weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from snncc.backends.verilog.drafts import Draft, drafts, input_range
from snncc.backends.verilog.edges import Edge, connect
from snncc.backends.verilog.layout import Layout, input_layout, population_layout
from snncc.backends.verilog.leaves import Shape
from snncc.backends.verilog.parameters import Parameters, parameters
from snncc.ir import INPUT, MaxPool, Network, bits_needed
from snncc.names import file_stems

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
    vw: int
    uw: int
    scale: int
    groups: int
    layout: Layout
    edges: tuple[Edge, ...]
    parameters: Parameters
    fires: bool
    readout: bool
    clip_ext: int
    cw: int  # bits of one output element

    @property
    def words(self) -> int:
        """Potential words."""
        return math.prod(self.shape[:-1]) * self.groups

    @property
    def has_drive(self) -> bool:
        return any(edge.drive for edge in self.edges)


@dataclass(frozen=True)
class Source:
    """What an edge reads: its layout and the width and sign of one element."""

    layout: Layout
    cw: int
    signed: bool
    current: bool
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
    readers: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    @property
    def mw(self) -> int:
        return self.tw + META_FLAGS

    @property
    def count(self) -> bool:
        return self.network.window.counting

    @cached_property
    def stems(self) -> dict[str, str]:
        """What the files of each node (and of the input) begin with."""
        return file_stems([INPUT, *(node.name for node in self.nodes)])


@dataclass(frozen=True)
class Choice:
    """What a goal decides for one node."""

    lanes: int
    fire_lanes: int = 1
    stages: int = 1


def build(network: Network, choices: dict[str, Choice]) -> Plan:
    """The plan for chosen lanes (of `INPUT`: pixels a word). What may be refused `checks.check` has refused before."""
    counting, total = network.window.counting, network.window.length
    tw = max(1, total.bit_length())
    first = input_layout(network.input.shape, choices[INPUT].lanes if INPUT in choices else None)
    current = not network.input.coding.spiking
    low, high = input_range(network)
    input_cw = bits_needed((low, high)) if low < 0 else max(1, high.bit_length())
    known = {INPUT: Source(first, input_cw, network.input.signed, current, 0)}
    shapes: dict[str, Shape] = {INPUT: network.input.shape}
    nodes: list[Node] = []
    all_drafts = drafts(network)
    taken = {draft.name for draft in all_drafts}
    for draft in all_drafts:
        choice = choices[draft.name]
        last = draft is all_drafts[-1]
        fires = draft.population is not None and draft.population.fires
        channels = draft.shape[-1]
        groups = -(-channels // choice.lanes)
        fire_lanes = choice.fire_lanes if counting else choice.lanes
        if last:
            cw = draft.uw or draft.vw
            fire_lanes = whole_parts(channels, choice.lanes, fire_lanes)
        elif draft.kind == "max_pool":
            cw = draft.vw - int(not draft.every)
        else:
            cw = total.bit_length() if counting else 1
        quotient = total.bit_length()
        stages = min(choice.stages, quotient) if fires and counting else 1
        layout = population_layout(draft.shape, groups * choice.lanes, fire_lanes)
        depth = 1 + max(known[leaf.source].depth for leaf, _ in draft.parts)
        edges = []
        for index, (leaf, geometry) in enumerate(draft.parts):
            source = known[leaf.source]
            edges.append(
                connect(
                    name=_edge_name(draft.name, index, taken),
                    leaf=leaf,
                    geometry=geometry,
                    source_shape=shapes[leaf.source],
                    source=source.layout,
                    target_shape=draft.shape,
                    lanes=choice.lanes,
                    groups=groups,
                    cw=source.cw,
                    signed=source.signed,
                    values=counting or source.current,
                    drive=source.current and not counting,
                    every=leaf.source in draft.every,
                    banks=2 + depth - 1 - source.depth,
                    weight_bits=network.signed_bit,
                )
            )
        node = Node(
            name=draft.name,
            shape=draft.shape,
            kind=draft.kind,
            lanes=choice.lanes,
            fire_lanes=fire_lanes,
            stages=stages,
            period=-(-quotient // stages) if fires and counting else 1,
            vw=draft.vw,
            uw=draft.uw or draft.vw,
            scale=draft.scale,
            groups=groups,
            layout=layout,
            edges=tuple(edges),
            parameters=parameters(draft, groups * choice.lanes, fire_lanes),
            fires=fires,
            readout=last,
            clip_ext=_clip_ext(network, draft),
            cw=cw,
        )
        nodes.append(node)
        known[draft.name] = Source(layout, cw, bool(draft.every), False, depth)
        shapes[draft.name] = draft.shape
    pools = {draft.name: draft.pool for draft in all_drafts if draft.pool is not None}
    plan = Plan(network, tuple(nodes), first, input_cw, tw, pools)
    readers: dict[str, list[tuple[int, int]]] = {name: [] for name in known}
    for i, node in enumerate(nodes):
        for j, edge in enumerate(node.edges):
            readers[edge.source].append((i, j))
    return replace(plan, readers=readers)


def _clip_ext(network: Network, draft: Draft) -> int:
    """Spikes that a neuron may fire beyond T where its window is counted."""
    limit = network.over(dynamics="count").limit(draft.population is not None and draft.population.saturates)
    return 0 if limit is None else limit - network.timesteps


def _edge_name(node: str, index: int, taken: set[str]) -> str:
    """<node>_e<index>, unless a layer is called that."""
    name = f"{node}_e{index}"
    while name in taken:
        name += "_"
    return name


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
        "output_bits": node.cw,
        "edges": [edge.describe() for edge in node.edges],
    }
