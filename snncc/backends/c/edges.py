"""Edges: every projection as one linear map per buffer that it reads, with its share of the weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from snncc import ir
from snncc.backends.c.views import Leaf, Shape, Split, Splitter, add_pads, bases, spatial
from snncc.backends.c.windows import WindowTable, window_table
from snncc.errors import TargetError
from snncc.ir import Array, Interval, Pads, Pair
from snncc.sim.linear import BLOCK_ELEMENTS, operator, scratch_elements

MAX_EXPANDED = 2**24
Kind: TypeAlias = Literal["dot", "taps", "pool"]
Looped: TypeAlias = ir.Conv2D | ir.DepthwiseConv2D | ir.SumPool2D | ir.Identity
"""Projections that C has a loop for. Any other, and these where a view is tangled, become a matrix."""


@dataclass(frozen=True)
class Edge:
    """`acc[first + o] += 2^shift * sum over the window of W*x`, x = `base` of shape `source` (H, W, C).

    dot: W is (KH, KW, C, O), a dense layer being a 1x1 window over one position; taps: depthwise, W is
    (KH, KW, C, M); pool: W = 1, `kernel` gives the window. `current`: x is the constant input current.
    """

    name: str
    kind: Kind
    base: str
    source: tuple[int, int, int]
    output: tuple[int, int, int]
    kernel: Pair
    weights: Array | None
    shift: int
    current: bool
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    top: int = 0
    left: int = 0
    first: int = 0

    def window(self, row: int, multiplier: int = 1) -> WindowTable:
        """Its window, for neurons that lie `row` to a position."""
        return window_table(
            self.source, self.kernel, self.output, row, strides=self.strides, dilation=self.dilation,
            top=self.top, left=self.left, multiplier=multiplier, first=self.first,
        )  # fmt: skip


@dataclass(frozen=True)
class Wiring:
    """A population's edges; `flat`: they see it as one position of H*W*C channels (expanded)."""

    edges: tuple[Edge, ...]
    flat: bool


def wire(
    population: ir.Population,
    splitter: Splitter,
    currents: set[str],
    relays: dict[str, Interval],
    numbers: dict[str, int],
) -> Wiring:
    """Take every projection of a population apart; edges whose weights are all zero vanish.

    `currents`: names of the buffers that hold the constant current; `relays`: those of values, and their ranges;
    `numbers`: sources of several spikes at a time, and the most of a window. Pools and moves of them join them.
    """
    splits = []
    for projection in population.projections:
        known = len(splitter.made)
        splits.append(splitter.split(projection.source))
        for made in splitter.made[known:]:
            read = set(bases(made))
            if read <= currents:
                currents.add(made.name)
            elif read <= relays.keys():
                relays[made.name] = ir.hull(relays[base] for base in read)
            elif read & numbers.keys() and not read & (currents | relays.keys()):
                numbers[made.name] = max(numbers.get(base, 0) for base in read)
            elif read & (currents | relays.keys()):
                raise TargetError(
                    f"population {population.name!r}: a max-pool over a reshaped mix of spikes and values (the "
                    "constant input, signed frames, or a relay) has no buffer type in C: pool each before "
                    "concatenating, or encode the input as `rate`"
                )
    flat = any(
        not isinstance(projection, ir.Dense) and not (split.plain and isinstance(projection, Looped))
        for split, projection in zip(splits, population.projections, strict=True)
    )
    edges: list[Edge] = []
    for projection, split in zip(population.projections, splits, strict=True):
        if isinstance(projection, Looped) and not flat:
            made_edges = [_edge(projection, leaf, population, currents) for leaf in split.leaves]
        else:
            matrix = _matrix(projection, split.labels.shape, population)
            made_edges = _dense_edges(projection, split, matrix, currents)
        for edge in made_edges:
            if edge.weights is None or edge.weights.any():
                suffix = f"_{len(edges)}" if len(population.projections) > 1 or len(made_edges) > 1 else ""
                edges.append(replace(edge, name=population.name + suffix))
    return Wiring(tuple(edges), flat)


def _dense_edges(projection: ir.Projection, split: Split, matrix: Array, currents: set[str]) -> list[Edge]:
    edges = []
    for leaf, rows in zip(split.leaves, split.rows(), strict=True):
        size = math.prod(leaf.shape)
        share = matrix if len(split.leaves) == 1 and np.array_equal(rows, np.arange(len(matrix))) else matrix[rows]
        edges.append(
            Edge(
                name=projection.name,
                kind="dot",
                base=leaf.base,
                source=(1, 1, size),
                output=(1, 1, matrix.shape[1]),
                kernel=(1, 1),
                weights=share.reshape(1, 1, size, -1),
                shift=projection.shift,
                current=leaf.base in currents,
            )
        )
    return edges


def _edge(projection: Looped, leaf: Leaf, population: ir.Population, currents: set[str]) -> Edge:
    """One leaf of a plain view under a windowed projection or an identity."""
    height, width, channels = spatial(leaf.shape)
    out_h, out_w, out_c = spatial(population.shape)
    part = slice(leaf.offset, leaf.offset + channels)
    pads: Pads = leaf.pads
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    kind: Kind = "taps"
    first = leaf.offset
    weights: Array | None = None
    match projection:
        case ir.Conv2D(weights=w):
            kind, weights, first, made = "dot", w[:, :, part], 0, out_c
            strides, dilation = projection.strides, projection.dilation
            pads = add_pads(pads, projection.pads)
        case ir.DepthwiseConv2D(weights=w):
            weights, first, made = w[:, :, part], leaf.offset * w.shape[3], channels * w.shape[3]
            strides, dilation = projection.strides, projection.dilation
            pads = add_pads(pads, projection.pads)
        case ir.SumPool2D():
            kind, made = "pool", channels
            strides, pads = projection.strides, add_pads(pads, projection.pads)
        case ir.Identity(weights=w):
            share = np.broadcast_to(w, (leaf.offset + channels,) if w.ndim == 0 else w.shape)[part]
            weights, made = share.reshape(1, 1, channels, 1), channels
    kernel = (1, 1) if isinstance(projection, ir.Identity) else ir.kernel_size(projection)
    return Edge(
        name=projection.name,
        kind=kind,
        base=leaf.base,
        source=(height, width, channels),
        output=(out_h, out_w, made),
        kernel=kernel,
        weights=weights,
        shift=projection.shift,
        current=leaf.base in currents,
        strides=strides,
        dilation=dilation,
        top=pads[0],
        left=pads[2],
        first=first,
    )


def _matrix(projection: ir.Projection, source: Shape, population: ir.Population) -> Array:
    """The projection as a dense matrix (elements of the view, neurons): what it makes of every single element."""
    if isinstance(projection, ir.Dense):
        return projection.weights
    size, neurons = math.prod(source), population.neurons
    if size * neurons > MAX_EXPANDED:
        raise TargetError(
            f"population {population.name!r}: its view reshapes a concatenation or padding in front of a windowed "
            f"projection, which C expands to {size} x {neurons} weights (limit {MAX_EXPANDED}): reshape before it"
        )
    apply = operator(projection, source, np.float32)  # weights have at most 16 bits
    matrix = np.empty((size, neurons), np.int16)
    block = max(1, BLOCK_ELEMENTS // scratch_elements(projection, source, population.shape))
    for start in range(0, size, block):
        rows = matrix[start : start + block]
        single = np.eye(len(rows), size, start, np.float32).reshape(-1, *source)
        rows[...] = apply(single).reshape(rows.shape)
    return matrix
