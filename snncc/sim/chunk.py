"""What a chunk of images did, in sum: each output is gone over once, in its own small type."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snncc.ir import Array, View, has_max_pool, sources
from snncc.sim.linear import values_of

EXACT = {np.dtype(np.float32): 2**24, np.dtype(np.float64): 2**53}
"""Below it every sum of whole numbers is exact."""


class Chunk:
    """Sums over the images of outputs (N, *shape), for the populations and views that are asked for."""

    def __init__(self, outputs: Mapping[str, Array]) -> None:
        self.outputs = outputs
        self._totals: dict[str, Array] = {}
        self._active: dict[str, Array] = {}

    def total(self, name: str) -> Array:
        """Of a population, (1, *shape) float64."""
        if name not in self._totals:
            self._totals[name] = summed(self.outputs[name])[None]
        return self._totals[name]

    def active(self, name: str) -> Array:
        """In how many images an output is not 0, (1, *shape)."""
        if name not in self._active:
            self._active[name] = nonzero(self.outputs[name])[None]
        return self._active[name]

    def seen_total(self, view: View) -> Array:
        """The sum of what a view shows, in its shape."""
        if has_max_pool(view):
            return summed(values_of(view, self.outputs))
        return np.asarray(values_of(view, {name: self.total(name) for name in set(sources(view))})[0])

    def seen_active(self, view: View) -> Array:
        """In how many images an element of a view is not 0, in its shape."""
        if has_max_pool(view):
            return nonzero(values_of(view, self.outputs))
        return np.asarray(values_of(view, {name: self.active(name) for name in set(sources(view))})[0])

    def seen_graded(self, view: View) -> bool:
        """Whether an element of a view is not -1, 0 or 1."""
        if has_max_pool(view):
            return largest(values_of(view, self.outputs)) > 1
        return any(self._graded(name) for name in set(sources(view)))

    def _graded(self, name: str) -> bool:
        if self.outputs[name].dtype.kind == "u":  # none is below 0, so the sum says it
            return bool(self.total(name).sum() > self.active(name).sum())
        return largest(self.outputs[name]) > 1


def summed(values: Array) -> Array:
    """The sum over the first axis, float64, exact for whole numbers."""
    bound = len(values) * (255 if values.dtype == np.uint8 else largest(values))
    if values.dtype.kind == "u" and bound < 2**32:
        kind = np.dtype(np.uint16 if bound < 2**16 else np.uint32)
    elif values.dtype.kind == "f" and bound < EXACT[values.dtype]:
        kind = values.dtype
    else:
        kind = np.dtype(np.float64)
    return np.asarray(np.add.reduce(values, axis=0, dtype=kind), np.float64)


def nonzero(values: Array, axis: int = 0) -> Array:
    """How many values along an axis are not 0."""
    kind = np.uint8 if values.shape[axis] < 2**8 else np.uint32
    return np.asarray(np.add.reduce((values != 0).view(np.uint8), axis=axis, dtype=kind))


def largest(values: Array) -> float:
    """The largest |value|; 0 where there is none."""
    if not values.size:
        return 0
    most = float(values.max())
    return most if values.dtype.kind == "u" else max(most, -float(values.min()))
