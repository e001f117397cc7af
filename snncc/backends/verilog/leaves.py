"""Views resolved for hardware: which element of which source lands on which position of what a projection reads.

A projection is linear, so a view that concatenates is split into one edge per leaf. A leaf is a source and, for each
of its elements, the flat position in the view. Reshapes, paddings and concatenations disappear into these positions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from snncc.ir import INPUT, Array, Concat, MaxPool, Pad, Reshape, Source, View

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Leaf:
    """`positions[i]`: where the source's element i (row-major) is in the view of shape `shape`."""

    source: str
    positions: Array
    shape: Shape


def node_name(population: str) -> str:
    """The hardware's name of a population: a prefix keeps it apart from keywords and from other wires."""
    return population if population == INPUT else f"pop_{population}"


def as_map(shape: Shape) -> tuple[int, int, int]:
    """(N,) counts as (1, 1, N)."""
    return (1, 1, shape[0]) if len(shape) == 1 else (shape[0], shape[1], shape[2])


def resolve(
    view: View, shapes: dict[str, Shape], pooled: Callable[[MaxPool], tuple[str, Shape]]
) -> tuple[list[Leaf], Shape]:
    """(leaves, shape) of a view. `pooled` makes a hardware node of a max-pool and returns its name and shape."""
    match view:
        case Source(population=name):
            name = node_name(name)
            shape = shapes[name]
            return [Leaf(name, np.arange(math.prod(shape)), shape)], shape
        case MaxPool():
            name, shape = pooled(view)
            return [Leaf(name, np.arange(math.prod(shape)), shape)], shape
        case Reshape(view=inner, shape=shape):
            parts, _ = resolve(inner, shapes, pooled)
            return [Leaf(p.source, p.positions, shape) for p in parts], shape
        case Pad(view=inner, pads=pads):
            parts, before = resolve(inner, shapes, pooled)
            after = (before[0] + pads[0] + pads[1], before[1] + pads[2] + pads[3], before[2])
            return [_moved(p, before, after, (pads[0], pads[2], 0)) for p in parts], after
        case Concat(views=views):
            resolved = [resolve(v, shapes, pooled) for v in views]
            whole = (*resolved[0][1][:-1], sum(shape[-1] for _, shape in resolved))
            found, offset = [], 0
            for parts, shape in resolved:
                found += [_moved(p, shape, whole, (0, 0, offset)) for p in parts]
                offset += shape[-1]
            return found, whole


def _moved(leaf: Leaf, before: Shape, after: Shape, offset: tuple[int, int, int]) -> Leaf:
    coordinates = np.unravel_index(leaf.positions, as_map(before))
    moved = tuple(c + o for c, o in zip(coordinates, offset, strict=True))
    return Leaf(leaf.source, np.ravel_multi_index(moved, as_map(after)), after)


def axes(leaf: Leaf, source_shape: Shape) -> tuple[Array, Array, Array] | None:
    """(y of each source row, x of each source column, c of each source channel), or None where they are entangled."""
    grid = as_map(source_shape)
    y, x, c = (a.reshape(grid) for a in np.unravel_index(leaf.positions, as_map(leaf.shape)))
    separate = (y == y[:, :1, :1]).all() and (x == x[:1, :, :1]).all() and (c == c[:1, :1, :]).all()
    return (y[:, 0, 0], x[0, :, 0], c[0, 0, :]) if separate else None
