"""Views taken apart at compile time: a projection becomes one edge per leaf, so no concatenation exists at run time.

A projection is linear, so reading `Concat(a, b)` is the sum of reading a with its share of the weights and b with
its own; padding joins the convolution's own; a reshape in front of a dense layer permutes its rows. What is left
for run time is the maximum (MaxPool), spread maps (Blocks) and, under either, a view too tangled for it (Move).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from snncc import ir
from snncc.ir import Array, Pads, Pair

Shape = tuple[int, ...]


def spatial(shape: Shape) -> tuple[int, int, int]:
    """(H, W, C); a vector is one position of N channels."""
    return (1, 1, shape[0]) if len(shape) == 1 else (shape[0], shape[1], shape[2])


def add_pads(a: Pads, b: Pads) -> Pads:
    """A frame of zeros around a frame of zeros."""
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])


@dataclass(frozen=True)
class Leaf:
    """One buffer (a population, the input or a pool) as a view reads it.

    The view holds it framed by `pads` zeros, its channels from `offset` on, as long as the view is `plain`.
    """

    base: str
    shape: Shape
    pads: Pads = (0, 0, 0, 0)
    offset: int = 0


@dataclass(frozen=True)
class Split:
    """A view as its leaves. `labels`: for each element of the view its number among all leaves' elements, -1: zero."""

    leaves: tuple[Leaf, ...]
    labels: Array
    plain: bool = True

    def rows(self) -> list[Array]:
        """For each leaf the flat positions in the view of its elements, in its own order."""
        total = sum(math.prod(leaf.shape) for leaf in self.leaves)
        where = np.empty(total, np.int64)
        flat = self.labels.reshape(-1)
        real = np.flatnonzero(flat >= 0)
        where[flat[real]] = real
        ends = np.cumsum([math.prod(leaf.shape) for leaf in self.leaves])
        return np.split(where, ends[:-1])


@dataclass(frozen=True)
class Pool:
    """y = max over each window's real elements of `base` framed by `frame` zeros, which count; `pads` do not."""

    name: str
    base: str
    source: Shape
    shape: Shape
    frame: Pads
    size: Pair
    strides: Pair
    pads: Pads


@dataclass(frozen=True)
class Move:
    """A buffer of zeros into which each leaf's elements go to the positions given."""

    name: str
    shape: Shape
    parts: tuple[tuple[str, Array], ...]


@dataclass(frozen=True)
class Blocks:
    """Position (y, x) of `base` at (y*s0 + k, x*s1 + l), k and l below `copies`; zeros elsewhere. `strides`: s0, s1."""

    name: str
    base: str
    source: Shape
    shape: Shape
    strides: Pair
    copies: Pair


Made: TypeAlias = Pool | Blocks | Move
"""What is computed at run time."""


def bases(operation: Made) -> list[str]:
    """The buffers that it reads."""
    return [base for base, _ in operation.parts] if isinstance(operation, Move) else [operation.base]


@dataclass
class Splitter:
    """Takes views apart, a visitor; `made` collects what has to be computed at run time.

    `lates`: by population the buffer of what it handed on at the timestep before.
    """

    shapes: dict[str, Shape]
    lates: Mapping[str, str] = field(default_factory=dict)
    made: list[Made] = field(default_factory=list)

    def split(self, view: ir.View) -> Split:
        """The view as its leaves."""
        return ir.fold(view, self)

    def source(self, name: str) -> Split:
        return _whole(Leaf(name, self.shapes[name]))

    def late(self, name: str) -> Split:
        return self.source(self.lates[name])

    def reshape(self, inner: Split, shape: Shape) -> Split:
        if shape == inner.labels.shape:
            return inner
        labels = inner.labels.reshape(shape)
        first = inner.leaves[0]
        if inner.plain and len(inner.leaves) == 1 and not any(first.pads):
            return Split((replace(first, shape=shape),), labels)
        framed = any(any(leaf.pads) for leaf in inner.leaves)
        if inner.plain and not framed and math.prod(inner.labels.shape[:-1]) == math.prod(shape[:-1]) == 1:
            leaves = (replace(f, shape=(*shape[:-1], math.prod(f.shape))) for f in inner.leaves)
            return Split(tuple(leaves), labels)  # channels of one position stay channels
        return Split(inner.leaves, labels, plain=False)

    def pad(self, inner: Split, pads: Pads) -> Split:
        frame = ((pads[0], pads[1]), (pads[2], pads[3]), (0, 0))
        leaves = tuple(replace(leaf, pads=add_pads(leaf.pads, pads)) for leaf in inner.leaves)
        return Split(leaves, np.pad(inner.labels, frame, constant_values=-1), inner.plain)

    def concat(self, parts: list[Split]) -> Split:
        leaves: list[Leaf] = []
        labels = []
        start = offset = 0
        for part in parts:
            leaves += [replace(leaf, offset=leaf.offset + offset) for leaf in part.leaves]
            labels.append(np.where(part.labels >= 0, part.labels + start, -1))
            start += sum(math.prod(leaf.shape) for leaf in part.leaves)
            offset += part.labels.shape[-1]
        return Split(tuple(leaves), np.concatenate(labels, axis=-1), all(part.plain for part in parts))

    def max_pool(self, inner: Split, pool: ir.MaxPool) -> Split:
        return self.concat([_whole(self._pool(pool, leaf)) for leaf in self._plain(inner).leaves])

    def spread(self, inner: Split, spread: ir.Spread) -> Split:
        return self.concat([self._blocks(spread, leaf) for leaf in self._plain(inner).leaves])

    def _plain(self, inner: Split) -> Split:
        """The view, moved into a buffer of its own where it is tangled."""
        if inner.plain:
            return inner
        parts = tuple((leaf.base, to) for leaf, to in zip(inner.leaves, inner.rows(), strict=True))
        name = self._add(Move(f"move{len(self.made)}", inner.labels.shape, parts))
        return _whole(Leaf(name, inner.labels.shape))

    def _pool(self, pool: ir.MaxPool, leaf: Leaf) -> Leaf:
        top, bottom, left, right = leaf.pads
        height, width, channels = spatial(leaf.shape)
        framed = (height + top + bottom, width + left + right, channels)
        shape = (*ir.window_shape(framed, pool.size, pool.strides, (1, 1), pool.pads), channels)
        name = f"pool{len(self.made)}"
        self._add(Pool(name, leaf.base, leaf.shape, shape, leaf.pads, pool.size, pool.strides, pool.pads))
        return Leaf(name, shape)

    def _blocks(self, spread: ir.Spread, leaf: Leaf) -> Split:
        """A buffer of the leaf's elements as blocks; its frame of zeros is spread to a frame of zeros."""
        height, width, channels = spatial(leaf.shape)
        shape = (*spread.extent(height, width), channels)
        name = f"blocks{len(self.made)}"
        self._add(Blocks(name, leaf.base, leaf.shape, shape, spread.strides, spread.copies))
        (top, bottom, left, right), (down, across) = leaf.pads, spread.strides
        frame = (top * down, bottom * down, left * across, right * across)
        made = _whole(Leaf(name, shape))
        return self.pad(made, frame) if any(frame) else made

    def _add(self, operation: Made) -> str:
        self.made.append(operation)
        self.shapes[operation.name] = operation.shape
        return operation.name


def _whole(leaf: Leaf) -> Split:
    return Split((leaf,), np.arange(math.prod(leaf.shape)).reshape(leaf.shape))
