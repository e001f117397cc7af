"""Views resolved for hardware: which element of which source lands on which position of what a projection reads.

A projection is linear, so a view that concatenates is split into one edge per leaf. A leaf is a source and, for each
of its elements, the flat position in the view. Reshapes, paddings and concatenations disappear into these positions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from snncc.ir import INPUT, Array, MaxPool, Pads, Spread

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Leaf:
    """`positions[i]`: where the source's element i (row-major) is in the view of shape `shape`.

    `late`: it is the source's frame of the timestep before.
    """

    source: str
    positions: Array
    shape: Shape
    late: bool = False


def node_name(population: str) -> str:
    """The hardware's name of a population: a prefix keeps it apart from keywords and from other wires."""
    return population if population == INPUT else f"pop_{population}"


def as_map(shape: Shape) -> tuple[int, int, int]:
    """(N,) counts as (1, 1, N)."""
    return (1, 1, shape[0]) if len(shape) == 1 else (shape[0], shape[1], shape[2])


@dataclass(frozen=True)
class Resolved:
    """A view of shape `shape` as its leaves."""

    leaves: tuple[Leaf, ...]
    shape: Shape


@dataclass(frozen=True)
class Resolver:
    """A visitor: views as leaves of sources (`shapes` by name). `pooled`: the name of the node made of a max-pool."""

    shapes: Mapping[str, Shape]
    pooled: Callable[[MaxPool, Resolved], str]

    def source(self, name: str) -> Resolved:
        return self._node(node_name(name))

    def late(self, name: str) -> Resolved:
        found = self._node(node_name(name))
        return Resolved(tuple(replace(leaf, late=True) for leaf in found.leaves), found.shape)

    def reshape(self, inner: Resolved, shape: Shape) -> Resolved:
        return Resolved(tuple(replace(leaf, shape=shape) for leaf in inner.leaves), shape)

    def pad(self, inner: Resolved, pads: Pads) -> Resolved:
        height, width, channels = inner.shape
        after = (height + pads[0] + pads[1], width + pads[2] + pads[3], channels)
        return Resolved(tuple(_moved(leaf, after, (pads[0], pads[2], 0)) for leaf in inner.leaves), after)

    def concat(self, parts: list[Resolved]) -> Resolved:
        after = (*parts[0].shape[:-1], sum(part.shape[-1] for part in parts))
        offsets = np.cumsum([0, *(part.shape[-1] for part in parts)]).tolist()
        leaves = [
            _moved(leaf, after, (0, 0, offset))
            for part, offset in zip(parts, offsets, strict=False)
            for leaf in part.leaves
        ]
        return Resolved(tuple(leaves), after)

    def max_pool(self, inner: Resolved, pool: MaxPool) -> Resolved:
        return self._node(self.pooled(pool, inner))

    def spread(self, inner: Resolved, spread: Spread) -> Resolved:
        """Where elements are repeated, one leaf per copy."""
        rows, columns = spread.copies
        after = (*spread.extent(inner.shape[0], inner.shape[1]), inner.shape[2])
        copies = [(row, column, 0) for row in range(rows) for column in range(columns)]
        strides = (*spread.strides, 1)
        return Resolved(tuple(_moved(leaf, after, at, strides) for leaf in inner.leaves for at in copies), after)

    def _node(self, name: str) -> Resolved:
        shape = self.shapes[name]
        return Resolved((Leaf(name, np.arange(math.prod(shape)), shape),), shape)


def _moved(leaf: Leaf, after: Shape, offset: tuple[int, int, int], strides: tuple[int, int, int] = (1, 1, 1)) -> Leaf:
    """The leaf in a larger view, so many rows, columns and channels on, and as far apart."""
    coordinates = np.unravel_index(leaf.positions, as_map(leaf.shape))
    moved = tuple(c * s + o for c, s, o in zip(coordinates, strides, offset, strict=True))
    return replace(leaf, positions=np.ravel_multi_index(moved, as_map(after)), shape=after)


def axes(leaf: Leaf, source_shape: Shape) -> tuple[Array, Array, Array] | None:
    """(y of each source row, x of each source column, c of each source channel), or None where they are entangled."""
    grid = as_map(source_shape)
    y, x, c = (a.reshape(grid) for a in np.unravel_index(leaf.positions, as_map(leaf.shape)))
    separate = (y == y[:, :1, :1]).all() and (x == x[:1, :, :1]).all() and (c == c[:1, :1, :]).all()
    return (y[:, 0, 0], x[0, :, 0], c[0, 0, :]) if separate else None
