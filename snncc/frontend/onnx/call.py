"""One node of a model as its reader gets it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from snncc.frontend.builder import Refusal, Shape, Step
from snncc.frontend.onnx.values import Layouts, Value
from snncc.graph import Array, Op


@dataclass(frozen=True)
class Call:
    """A node: its operator and attributes, what it reads, and the shape of its first output without the batch."""

    kind: str
    version: int
    attributes: Mapping[str, Any]
    inputs: tuple[Value | Array | None, ...]
    shape: Shape
    layouts: Layouts
    steps_of: tuple[Array | None, ...] = ()
    """Of each input that is a constant on a grid: its step, of its shape."""

    def value(self, i: int = 0) -> Value:
        """An input that data reach."""
        found = self.inputs[i] if i < len(self.inputs) else None
        if not isinstance(found, Value):
            raise Refusal(f"its input {i} must be data, not a constant")
        return found

    def array(self, i: int, what: str) -> Array:
        """A constant input, in float64 where it holds numbers with a point; Refusal where data reach it."""
        found = self.maybe(i, what)
        if found is None:
            raise Refusal(f"its {what} is missing")
        return found

    def maybe(self, i: int, what: str) -> Array | None:
        """A constant input that may be left out."""
        found = self.inputs[i] if i < len(self.inputs) else None
        if isinstance(found, Value):
            raise Refusal(f"its {what} depends on the data; it must be a constant")
        if found is None or found.dtype.kind in "iub":
            return found
        numbers = np.asarray(found, np.float64)
        if not np.isfinite(numbers).all():
            raise Refusal(f"its {what} holds NaN or infinity: train it again")
        return numbers

    def step(self, i: int, laid_out: Callable[[Array], Array]) -> Array | None:
        """The step of a kernel, one per output channel or (); `laid_out` puts the outputs on the last axis.

        None where it is on no grid, or on one that differs within an output channel.
        """
        found = self.steps_of[i] if i < len(self.steps_of) else None
        if found is None:
            return None
        rows = laid_out(np.asarray(found, np.float64))
        rows = rows.reshape(-1, rows.shape[-1])
        if not (rows == rows[0]).all():
            return None
        return np.array(rows[0, 0]) if (rows[0] == rows[0, 0]).all() else np.array(rows[0])

    def number(self, i: int, what: str) -> float | None:
        """A constant input of one element that may be left out, or stand in the attribute of this name."""
        found = self.inputs[i] if i < len(self.inputs) else self.attributes.get(what)
        if isinstance(found, Value) or np.size(found if found is not None else 0) != 1:
            raise Refusal(f"its {what} must be one constant number")
        number = None if found is None else float(np.asarray(found).reshape(()))
        if number is not None and np.isnan(number):
            raise Refusal(f"its {what} is NaN")
        return number

    def integers(self, i: int, what: str) -> list[int] | None:
        """A list of integers: a constant input, or (in older operator sets) the attribute of this name."""
        found = self.maybe(i, what) if i < len(self.inputs) else self.attributes.get(what)
        return None if found is None else [int(v) for v in np.ravel(found)]

    def axes(self, i: int, rank: int) -> list[int] | None:
        """The `axes` of a node, counted without the batch; Refusal where the batch is among them."""
        found = self.integers(i, "axes")
        if not found:
            return None
        whole = sorted(axis % (rank + 1) for axis in found)
        if whole[0] == 0:
            raise Refusal("it works on the batch axis; leave the first axis alone")
        return [axis - 1 for axis in whole]

    def steps(self, node: str, steps: Sequence[Step]) -> str:
        """Operations one after the other; the last one's node."""
        for op, shape in steps:
            node = self.layouts.add(op, (node,), shape)
        return node

    def each(self, value: Value, *ops: Op) -> Value:
        """Operations on every element, wherever it lies."""
        node = self.steps(value.node, [(op, self.layouts.held(value)) for op in ops])
        return Value(node, value.seen, value.axes, value.shape)


Reader = Callable[[Call], Value]
