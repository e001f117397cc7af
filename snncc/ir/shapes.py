"""Shapes of views and projections, and the walk over a view's leaves."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from snncc.errors import NetworkError
from snncc.ir.network import (
    INPUT,
    Array,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Identity,
    MaxPool,
    Network,
    Pads,
    Pair,
    Projection,
    Spread,
    SumPool2D,
    View,
)
from snncc.ir.walk import fold

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
MAX_ELEMENTS = 2**27
"""Of a view or of a padded map: what a few numbers in a file may make others allocate."""


def _bounded(shape: Shape) -> Shape:
    if math.prod(shape) > MAX_ELEMENTS:
        raise NetworkError(f"a view of shape {shape} has more than {MAX_ELEMENTS} elements")
    return shape


def population_shapes(network: Network) -> dict[str, Shape]:
    """Shape of the input and of every population by name."""
    return {INPUT: network.input.shape} | {p.name: p.shape for p in network.populations}


class _Sources:
    """Names, left to right, of those that are read at the same timestep or of those that are read late."""

    def __init__(self, late: bool) -> None:
        self.lately = late

    def source(self, name: str) -> list[str]:
        return [] if self.lately else [name]

    def late(self, name: str) -> list[str]:
        return [name] if self.lately else []

    def reshape(self, inner: list[str], shape: Shape) -> list[str]:
        return inner

    def pad(self, inner: list[str], pads: Pads) -> list[str]:
        return inner

    def concat(self, parts: list[list[str]]) -> list[str]:
        return [name for part in parts for name in part]

    def max_pool(self, inner: list[str], pool: MaxPool) -> list[str]:
        return inner

    def spread(self, inner: list[str], spread: Spread) -> list[str]:
        return inner


class _Maximum:
    """Whether a maximum is taken."""

    def source(self, name: str) -> bool:
        return False

    def late(self, name: str) -> bool:
        return False

    def reshape(self, inner: bool, shape: Shape) -> bool:
        return inner

    def pad(self, inner: bool, pads: Pads) -> bool:
        return inner

    def concat(self, parts: list[bool]) -> bool:
        return any(parts)

    def max_pool(self, inner: bool, pool: MaxPool) -> bool:
        return True

    def spread(self, inner: bool, spread: Spread) -> bool:
        return inner


def sources(view: View) -> list[str]:
    """Names of the populations that a view reads at the same timestep, left to right."""
    return fold(view, _Sources(late=False))


def late_sources(view: View) -> list[str]:
    """Names of the populations that a view reads as they were at the timestep before, left to right."""
    return fold(view, _Sources(late=True))


def has_max_pool(view: View) -> bool:
    """Whether a maximum is taken anywhere in the view."""
    return fold(view, _Maximum())


def window_output(size: int, kernel: int, stride: int, dilation: int, before: int, after: int) -> int:
    """Number of positions of a window along one axis: floor((size + pads - extent) / stride) + 1."""
    return (size + before + after - ((kernel - 1) * dilation + 1)) // stride + 1


def window_shape(shape: Shape, kernel: Pair, strides: Pair, dilation: Pair, pads: Pads) -> Pair:
    """(OH, OW) of a window that slides over an (H, W, C) map."""
    if len(shape) != 3:
        raise NetworkError(f"a 2-D window needs a view of shape (H, W, C), not {shape}")
    if min(*kernel, *strides, *dilation) < 1 or min(pads) < 0:
        raise NetworkError("kernel, strides and dilation must be at least 1 and pads at least 0")
    _bounded((shape[0] + pads[0] + pads[1], shape[1] + pads[2] + pads[3], shape[2]))
    height = window_output(shape[0], kernel[0], strides[0], dilation[0], pads[0], pads[1])
    width = window_output(shape[1], kernel[1], strides[1], dilation[1], pads[2], pads[3])
    if height < 1 or width < 1:
        raise NetworkError(f"a {kernel[0]}x{kernel[1]} window does not fit into {shape[0]}x{shape[1]}")
    return height, width


class _Shape:
    """The shape of a view; NetworkError where it does not fit what it reads."""

    def __init__(self, shapes: Shapes, later: Shapes) -> None:
        self.shapes, self.later = shapes, later

    def source(self, name: str) -> Shape:
        if name not in self.shapes:
            raise NetworkError(f"a view reads {name!r}, which is not an earlier population")
        return self.shapes[name]

    def late(self, name: str) -> Shape:
        if name == INPUT or name not in self.later:
            raise NetworkError(f"a view reads what {name!r} was a timestep before, which is no population")
        return self.later[name]

    def reshape(self, inner: Shape, shape: Shape) -> Shape:
        if len(shape) not in (1, 3) or min(shape) < 1 or math.prod(shape) != math.prod(inner):
            raise NetworkError(f"cannot reshape {inner} to {shape}")
        return shape

    def pad(self, inner: Shape, pads: Pads) -> Shape:
        if len(inner) != 3 or min(pads) < 0:
            raise NetworkError(f"cannot pad {inner} by {pads}")
        return _bounded((inner[0] + pads[0] + pads[1], inner[1] + pads[2] + pads[3], inner[2]))

    def concat(self, parts: list[Shape]) -> Shape:
        if not parts or len({part[:-1] for part in parts}) != 1:
            raise NetworkError(f"cannot concatenate {parts} on channels")
        return _bounded((*parts[0][:-1], sum(part[-1] for part in parts)))

    def max_pool(self, inner: Shape, pool: MaxPool) -> Shape:
        size = pool.size
        if any(p >= k for p, k in zip(pool.pads, (size[0], size[0], size[1], size[1]), strict=True)):
            raise NetworkError("a max-pool window must hold at least one real element: pads < size")
        return (*window_shape(inner, size, pool.strides, (1, 1), pool.pads), inner[2])

    def spread(self, inner: Shape, spread: Spread) -> Shape:
        if len(inner) != 3 or min(spread.strides) < 1:
            raise NetworkError(f"cannot spread {inner} by {spread.strides}")
        _bounded((inner[0] * spread.strides[0], inner[1] * spread.strides[1], inner[2]))
        return (*spread.extent(inner[0], inner[1]), inner[2])


def view_shape(view: View, shapes: Shapes, later: Shapes | None = None) -> Shape:
    """Shape of a view; NetworkError where it does not fit what it reads. `later`: of all populations, read late."""
    return fold(view, _Shape(shapes, shapes if later is None else later))


def kernel_size(projection: Conv2D | DepthwiseConv2D | SumPool2D) -> Pair:
    """(KH, KW) of a windowed projection."""
    if isinstance(projection, SumPool2D):
        return projection.size
    return int(projection.weights.shape[0]), int(projection.weights.shape[1])


def projection_shape(projection: Projection, source: Shape) -> Shape:
    """Output shape of a projection that reads a view of shape `source`; NetworkError where it does not fit."""
    match projection:
        case Dense(weights=w):
            if w.ndim != 2 or source != (w.shape[0],) or w.shape[1] < 1:
                raise NetworkError(f"dense weights {w.shape} do not fit a view of shape {source}")
            return (int(w.shape[1]),)
        case Identity(weights=w):
            if w.ndim > 1 or (w.ndim == 1 and w.shape != source[-1:]):
                raise NetworkError(f"identity weights {w.shape} do not fit a view of shape {source}")
            return source
        case SumPool2D():
            return (
                *window_shape(source, projection.size, projection.strides, (1, 1), projection.pads),
                source[2],
            )
        case Conv2D() | DepthwiseConv2D():
            w = projection.weights
            if w.ndim != 4 or len(source) != 3 or w.shape[2] != source[2] or min(w.shape) < 1:
                raise NetworkError(f"convolution weights {w.shape} do not fit a view of shape {source}")
            out = w.shape[3] if isinstance(projection, Conv2D) else w.shape[2] * w.shape[3]
            window = window_shape(
                source, kernel_size(projection), projection.strides, projection.dilation, projection.pads
            )
            return (*window, int(out))


def dense_weights(projection: Projection, channels: int) -> Array:
    """Weights with the output channel last and everything summed over in front: (taps, C_out)."""
    match projection:
        case SumPool2D(size=size):
            return np.ones((size[0] * size[1], channels), np.int64)
        case Identity(weights=w):
            return np.broadcast_to(w, (1, channels))
        case Dense(weights=w):
            return w
        case Conv2D(weights=w):
            return w.reshape(-1, w.shape[3])
        case DepthwiseConv2D(weights=w):
            return w.reshape(w.shape[0] * w.shape[1], -1)
