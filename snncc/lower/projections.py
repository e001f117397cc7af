"""Projections with real weights, before there are integers: W' of the float network, W'' scaled by the sources.

Their geometry is that of the IR's projections, which they become: `projection(weights, shift)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from snncc.graph import window_counts
from snncc.ir import (
    Array,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Identity,
    Pads,
    Pair,
    Projection,
    SumPool2D,
    View,
    dense_weights,
)
from snncc.lower.grid import Grid
from snncc.sim.linear import Operator, operator, scratch_elements

Kind: TypeAlias = type[Conv2D] | type[DepthwiseConv2D] | type[Dense] | type[Identity]
Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Weighted:
    """A linear map of a view in the geometry of `kind`, whose equation and shape of weights are the IR's; float64."""

    kind: Kind
    name: str
    source: View
    weights: Array
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    grid: Grid | None = None
    """Of W', before it was scaled."""

    def projection(self, weights: Array, shift: int = 0) -> Projection:
        """The IR's projection of this geometry with other weights."""
        windowed = self.kind in (Conv2D, DepthwiseConv2D)
        window: Any = {"strides": self.strides, "dilation": self.dilation, "pads": self.pads} if windowed else {}
        return self.kind(name=self.name, source=self.source, weights=weights, shift=shift, **window)

    @property
    def sums_channels(self) -> bool:
        """Whether an output channel reads several channels."""
        return self.kind in (Conv2D, Dense)

    def columns(self, channels: int) -> Array:
        """(taps, C_out): what each output channel sums over."""
        return dense_weights(self.projection(self.weights), channels)

    def per_output(self, s: Array) -> Array:
        """A factor per output channel, (C,) or (), in the shape that multiplies the weights."""
        return s.reshape(self.weights.shape[2:]) if self.kind is DepthwiseConv2D and s.size > 1 else s

    def operator(self, source: Shape, output: Shape, dtype: Any) -> Operator:
        """The map on batches (N, *source) of type `dtype`."""
        return operator(self.projection(self.weights), source, dtype)

    def scratch_elements(self, source: Shape, output: Shape) -> int:
        """Elements of the largest array that the operator makes per image."""
        return scratch_elements(self.projection(self.weights), source, output)


@dataclass(frozen=True)
class RealProjection(Weighted):
    """`y = W' x`: real activations to real pre-activations, as in the float network."""

    def scaled(self, lambdas: Array) -> ScaledProjection:
        """W'' = W' * lambda of each source channel (C_in,)."""
        shaped = lambdas if self.kind is Identity else lambdas[:, None]
        weights = np.asarray(self.weights, np.float64) * shaped
        window = self.strides, self.dilation, self.pads
        return ScaledProjection(self.kind, self.name, self.source, weights, *window, self.grid)

    def integers(self) -> Array | None:
        """W' on its grid: the model's own integers, float64; None where it has none."""
        return None if self.grid is None else np.rint(self.weights / self.per_output(self.grid.step))


@dataclass(frozen=True)
class ScaledProjection(Weighted):
    """`y = W'' r`: rates of the sources (n spikes in T timesteps are the rate n/T) to real pre-activations."""


@dataclass(frozen=True)
class RealPool:
    """`y[i, j, c] = mean of the window's real elements`: a sum over the window, and 1/k."""

    name: str
    source: View
    size: Pair
    strides: Pair
    pads: Pads = (0, 0, 0, 0)

    def projection(self, shift: int = 0) -> SumPool2D:
        """The sum alone, as the IR's projection."""
        return SumPool2D(
            name=self.name, source=self.source, size=self.size, strides=self.strides, shift=shift, pads=self.pads
        )

    def share(self, source: Shape, output: Shape) -> Array:
        """1/k of each window: () where it is the same everywhere, else (H, W, 1)."""
        return np.asarray(1 / pool_counts(self, source, output))

    def operator(self, source: Shape, output: Shape, dtype: Any) -> Operator:
        """The mean on batches (N, *source) of type `dtype`."""
        total, share = operator(self.projection(), source, dtype), self.share(source, output).astype(dtype)

        def apply(x: Array, out: Array | None = None) -> Array:
            made = total(x, out)
            made *= share
            return made

        return apply

    def scratch_elements(self, source: Shape, output: Shape) -> int:
        """Elements of the largest array that the operator makes per image."""
        return scratch_elements(self.projection(), source, output)


def pool_counts(pool: RealPool | SumPool2D, source: Shape, output: Shape) -> Array:
    """k, the number of real elements of each window: () where it is the same everywhere, else (H, W, 1)."""
    counts = window_counts(source, pool.size, pool.strides, pool.pads, (output[0], output[1]))
    return counts.flat[:1].reshape(()) if (counts == counts.flat[0]).all() else counts
