"""Shapes of views and projections, and the walk over a view's leaves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from snncc.errors import NetworkError
from snncc.ir.network import (
    INPUT,
    Array,
    Concat,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Identity,
    MaxPool,
    Network,
    Pad,
    Pads,
    Pair,
    Projection,
    Reshape,
    Source,
    SumPool2D,
    View,
)

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


def sources(view: View) -> Iterator[str]:
    """Names of the populations that a view reads, left to right."""
    match view:
        case Source(population=name):
            yield name
        case Concat(views=views):
            for part in views:
                yield from sources(part)
        case _:
            yield from sources(view.view)


def has_max_pool(view: View) -> bool:
    """Whether a maximum is taken anywhere in the view."""
    match view:
        case Source():
            return False
        case Concat(views=views):
            return any(map(has_max_pool, views))
        case MaxPool():
            return True
        case _:
            return has_max_pool(view.view)


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


def view_shape(view: View, shapes: Shapes) -> Shape:
    """Shape of a view; NetworkError where it does not fit what it reads."""
    match view:
        case Source(population=name):
            if name not in shapes:
                raise NetworkError(f"a view reads {name!r}, which is not an earlier population")
            return shapes[name]
        case Reshape(view=inner, shape=shape):
            before = view_shape(inner, shapes)
            if len(shape) not in (1, 3) or min(shape) < 1 or math.prod(shape) != math.prod(before):
                raise NetworkError(f"cannot reshape {before} to {shape}")
            return shape
        case Pad(view=inner, pads=pads):
            before = view_shape(inner, shapes)
            if len(before) != 3 or min(pads) < 0:
                raise NetworkError(f"cannot pad {before} by {pads}")
            return _bounded((before[0] + pads[0] + pads[1], before[1] + pads[2] + pads[3], before[2]))
        case Concat(views=views):
            parts = [view_shape(part, shapes) for part in views]
            if not parts or len({part[:-1] for part in parts}) != 1:
                raise NetworkError(f"cannot concatenate {parts} on channels")
            return _bounded((*parts[0][:-1], sum(part[-1] for part in parts)))
        case MaxPool(view=inner, size=size, strides=strides, pads=pads):
            before = view_shape(inner, shapes)
            if any(p >= k for p, k in zip(pads, (size[0], size[0], size[1], size[1]), strict=True)):
                raise NetworkError("a max-pool window must hold at least one real element: pads < size")
            return (*window_shape(before, size, strides, (1, 1), pads), before[2])


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
