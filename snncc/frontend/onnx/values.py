"""The layout of tensors: channels first in the model, channels last in the graph.

A tensor X of the model (its shape without the batch) is held by a node T of the graph as

    X = T.reshape(seen).transpose(axes).reshape(shape)

so a transpose, or a flatten of a map, moves nothing: whoever reads X looks where its elements are, and a matrix that
follows gets its rows in the order of T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from snncc.frontend.builder import Builder, Refusal, Shape
from snncc.frontend.onnx.rounding import Quantiser
from snncc.graph import Array, Op
from snncc.graph import Reshape as ReshapeOp

MOVES = "it would move the data in memory, which no layer here does; keep one layout between the layers"


@dataclass(frozen=True)
class Value:
    """A tensor of the model by the node that holds it, as above."""

    node: str
    seen: Shape
    axes: tuple[int, ...]
    shape: Shape
    rounded: Quantiser | None = None
    """What made integers of these numbers in the model: they are not rounded yet, DequantizeLinear does it."""

    @property
    def direct(self) -> bool:
        """Whether X is T with its axes in another order."""
        return tuple(self.seen[axis] for axis in self.axes) == self.shape

    def order(self) -> Array:
        """Which element of T, row by row, each element of X is."""
        return (
            np.arange(math.prod(self.seen), dtype=np.int32).reshape(self.seen).transpose(self.axes).reshape(self.shape)
        )


def plain(node: str, shape: Shape) -> Value:
    """X = T."""
    return Value(node, shape, tuple(range(len(shape))), shape)


def channels_first(rank: int) -> tuple[int, ...]:
    """The axes of T in the order of X: (C, H, W) of a T (H, W, C)."""
    return (rank - 1, *range(rank - 1))


def first(node: str, held: Shape) -> Value:
    """X = T with its channels first."""
    axes = channels_first(len(held))
    return Value(node, held, axes, tuple(held[axis] for axis in axes))


def _in_order(order: Array) -> bool:
    return bool((order.reshape(-1) == np.arange(order.size)).all())


class Layouts:
    """Brings values into the layout that a reader needs: by a reshape in the graph, or not at all."""

    def __init__(self, build: Builder, layer: str) -> None:
        self.build, self.layer = build, layer

    def add(self, op: Op, inputs: tuple[str, ...], shape: Shape) -> str:
        """A node of this layer."""
        return self.build.add(self.layer, op, inputs, shape)

    def held(self, value: Value) -> Shape:
        """The shape of T."""
        return self.build.shapes[value.node]

    def reshaped(self, node: str, shape: Shape) -> str:
        """T under another shape."""
        return (
            node
            if self.build.shapes[node] == shape
            else self.build.add(f"{self.layer}_reshaped", ReshapeOp(), (node,), shape)
        )

    def with_axes(self, value: Value, axes: tuple[int, ...]) -> str:
        """The T with `X = T.transpose(axes)`; Refusal where elements would have to move."""
        if value.direct and value.axes == axes and self.held(value) == value.seen:
            return value.node
        order = value.order().transpose(np.argsort(axes))
        if not _in_order(order):
            raise Refusal(MOVES)
        return self.reshaped(value.node, order.shape)

    def map(self, value: Value) -> str:
        """The T of a map (C, H, W) or of steps (C, L), channels last."""
        if len(value.shape) not in (2, 3):
            raise Refusal(f"it reads {len(value.shape)} axes besides the batch; maps have three here, sequences two")
        return self.with_axes(value, channels_first(len(value.shape)))

    def like(self, value: Value, other: Value) -> str:
        """The T of a value whose elements lie as those of `other`, of its shape."""
        same = (value.seen, value.axes, value.shape) == (other.seen, other.axes, other.shape)
        if not same and not (value.order() == other.order()).all():
            raise Refusal(MOVES)
        return self.reshaped(value.node, self.held(other))

    def viewed(self, value: Value, shape: Shape) -> Value:
        """X under another shape."""
        if math.prod(shape) != math.prod(value.shape):
            raise Refusal(f"it makes {shape} of {value.shape}: the first axis must stay the batch")
        if shape == value.shape:
            return value
        if _in_order(value.order()):
            return plain(self.reshaped(value.node, shape), shape)
        return replace(value, shape=shape)

    def transposed(self, value: Value, axes: tuple[int, ...]) -> Value:
        """X with its axes in another order."""
        shape = tuple(value.shape[axis] for axis in axes)
        if value.direct:
            return replace(value, axes=tuple(value.axes[axis] for axis in axes), shape=shape)
        if not _in_order(value.order().transpose(axes)):
            raise Refusal(MOVES)
        return plain(self.reshaped(value.node, shape), shape)

    def per_channel(self, numbers: Array, value: Value) -> tuple[Value, Array]:
        """Numbers that broadcast to X, as () or one for each channel (last axis) of T; and the value with that T.

        A vector that is a flattened map becomes a T of one axis where each of its elements has its own number.
        """
        if numbers.size == 1:
            return value, numbers.reshape(())
        try:
            spread = np.broadcast_to(numbers, (1, *value.shape)).reshape(-1)
        except ValueError:
            raise Refusal(f"numbers of shape {numbers.shape} make a tensor {value.shape} larger") from None
        flat = np.empty(spread.size)
        flat[value.order().reshape(-1)] = spread
        rows = flat.reshape(-1, self.held(value)[-1])
        if (rows == rows[0]).all():
            return value, np.array(rows[0])
        if len(value.shape) == 1:
            return replace(value, node=self.reshaped(value.node, value.shape)), flat
        raise Refusal(f"numbers of shape {numbers.shape} that differ between places: give one, or one per channel")
