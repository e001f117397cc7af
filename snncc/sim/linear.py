"""Projections and views as exact batched array operations.

A product computed in floating point is exact while every partial sum stays below 2^24 (float32) or 2^53
(float64); the proved bounds say which type holds a projection, int64 holds the rest. Direct or GEMM only:
Winograd or FFT would round.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from snncc.ir import (
    Array,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Identity,
    Interval,
    MaxPool,
    Pads,
    Pair,
    Projection,
    Spread,
    SumPool2D,
    View,
    fold,
    window_shape,
)


class Operator(Protocol):
    """The linear map of a projection without its shift, on a batch."""

    def __call__(self, x: Array, out: Array | None = None) -> Array:
        """(N, *source) -> (N, *target), into `out` (contiguous, of the operator's type) where that is given."""


BLOCK_ELEMENTS = 2**20
"""Elements of the largest scratch array of a block: it stays in the processor's cache."""


def exact_dtype(interval: Interval) -> Any:
    """The fastest type in which every integer of the interval is exact."""
    reach = max(abs(interval[0]), abs(interval[1]))
    return np.float32 if reach <= 2**24 else np.float64 if reach <= 2**53 else np.int64


def before(name: str) -> str:
    """Under which name the outputs hold what a population handed on a timestep before."""
    return f"{name} before"


class _Read:
    """Arrays (N, *shape) of a batch."""

    def __init__(self, outputs: Mapping[str, Array]) -> None:
        self.outputs = outputs

    def source(self, name: str) -> Array:
        return self.outputs[name]

    def late(self, name: str) -> Array:
        return self.outputs[before(name)]

    def reshape(self, inner: Array, shape: tuple[int, ...]) -> Array:
        return inner.reshape(len(inner), *shape)

    def pad(self, inner: Array, pads: Pads) -> Array:
        return pad(inner, pads)

    def concat(self, parts: list[Array]) -> Array:
        return np.concatenate(parts, axis=-1)

    def max_pool(self, inner: Array, pool: MaxPool) -> Array:
        return _max_pool(inner, pool.size, pool.strides, pool.pads)

    def spread(self, inner: Array, spread: Spread) -> Array:
        down, across = spread.strides
        if spread.repeat:
            return inner.repeat(down, axis=1).repeat(across, axis=2)
        number, height, width, channels = inner.shape
        made = np.zeros((number, *spread.extent(height, width), channels), inner.dtype)
        made[:, ::down, ::across] = inner
        return made


def values_of(view: View, outputs: Mapping[str, Array]) -> Array:
    """The view of a batch: outputs hold (N, *shape) per population."""
    return fold(view, _Read(outputs))


_memory = threading.local()


def scratch(role: str, shape: tuple[int, ...], dtype: Any) -> Array:
    """An uninitialised array in this thread's own memory for one role, valid until the role is asked for again.

    Fresh arrays of this size would be mapped and unmapped by the system at every block.
    """
    buffers: dict[str, Array] = _memory.__dict__
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if role not in buffers or buffers[role].nbytes < size:
        buffers[role] = np.empty(size, np.uint8)
    array: Array = buffers[role][:size].view(dtype).reshape(shape)
    return array


def pad(x: Array, pads: Pads, fill: float = 0, reuse: bool = False) -> Array:
    """(N, H, W, C) with (top, bottom, left, right) more rows and columns of `fill`; `reuse`: in scratch memory."""
    if not any(pads):
        return x
    top, bottom, left, right = pads
    n, height, width, channels = x.shape
    shape = (n, height + top + bottom, width + left + right, channels)
    padded = scratch("padded", shape, x.dtype) if reuse else np.empty(shape, x.dtype)
    padded[:, :top] = fill
    padded[:, top + height :] = fill
    padded[:, :, :left] = fill
    padded[:, :, left + width :] = fill
    padded[:, top : top + height, left : left + width] = x
    return padded


def taps(x: Array, kernel: Pair, strides: Pair, dilation: Pair) -> list[Array]:
    """For each kernel position the (N, OH, OW, C) slice of a padded map that it multiplies."""
    height, width = window_shape(x.shape[1:], kernel, strides, dilation, (0, 0, 0, 0))
    slices = []
    for k in range(kernel[0]):
        rows = slice(k * dilation[0], k * dilation[0] + (height - 1) * strides[0] + 1, strides[0])
        for m in range(kernel[1]):
            columns = slice(m * dilation[1], m * dilation[1] + (width - 1) * strides[1] + 1, strides[1])
            slices.append(x[:, rows, columns])
    return slices


def _max_pool(x: Array, size: Pair, strides: Pair, pads: Pads) -> Array:
    lowest = np.iinfo(x.dtype).min if np.issubdtype(x.dtype, np.integer) else -np.inf
    first, *others = taps(pad(x, pads, lowest), size, strides, (1, 1))
    most = first.copy()
    for tap in others:
        np.maximum(most, tap, out=most)
    return most


def operator(projection: Projection, source: tuple[int, ...], dtype: Any) -> Operator:
    """The linear map of a projection without its shift, for batches (N, *source) of type `dtype`."""
    match projection:
        case Dense(weights=w):
            matrix = np.ascontiguousarray(w, dtype)
            return lambda x, out=None: np.matmul(x, matrix, out=out)
        case Identity(weights=w):
            scale = w.astype(dtype)
            return lambda x, out=None: np.multiply(x, scale, out=out)
        case SumPool2D(size=size, strides=strides, pads=pads):
            return lambda x, out=None: _sum(taps(pad(x, pads, reuse=True), size, strides, (1, 1)), out)
        case DepthwiseConv2D():
            return _depthwise(projection, dtype)
        case Conv2D():
            return _convolution(projection, source, dtype)


def _sum(parts: list[Array], out: Array | None) -> Array:
    total = np.empty_like(parts[0]) if out is None else out
    total[...] = parts[0]
    for part in parts[1:]:
        total += part
    return total


def _depthwise(projection: DepthwiseConv2D, dtype: Any) -> Operator:
    height, width, channels, multiplier = projection.weights.shape
    weights = projection.weights.astype(dtype).reshape(-1, channels, multiplier)

    def apply(x: Array, out: Array | None = None) -> Array:
        padded = pad(x, projection.pads, reuse=True)
        slices = taps(padded, (height, width), projection.strides, projection.dilation)
        shape = (*slices[0].shape, multiplier)
        total = np.multiply(slices[0][..., None], weights[0], out=None if out is None else out.reshape(shape))
        product = scratch("product", shape, total.dtype)
        for tap, weight in zip(slices[1:], weights[1:], strict=True):
            total += np.multiply(tap[..., None], weight, out=product)
        flat: Array = total.reshape(*total.shape[:-2], channels * multiplier)
        return flat

    return apply


def _convolution(projection: Conv2D, source: tuple[int, ...], dtype: Any) -> Operator:
    height, width, channels, filters = projection.weights.shape
    matrix = np.ascontiguousarray(projection.weights.reshape(-1, filters), dtype)
    (sy, sx), (dy, dx) = projection.strides, projection.dilation
    oh, ow = window_shape(source, (height, width), projection.strides, projection.dilation, projection.pads)

    def apply(x: Array, out: Array | None = None) -> Array:
        x = pad(x, projection.pads, reuse=True)
        out = np.empty((len(x), oh, ow, filters), dtype) if out is None else out
        flat = out.reshape(-1, filters)
        if (height, width) == (1, 1):
            strided: Array = x[:, : (oh - 1) * sy + 1 : sy, : (ow - 1) * sx + 1 : sx]
            np.matmul(strided.reshape(-1, channels), matrix, out=flat)
            return out
        n, row, column, channel = x.strides
        # a view of x's memory in which a window's taps are the trailing axes, copied once
        windows = np.lib.stride_tricks.as_strided(
            x,
            (len(x), oh, ow, height, width, channels),
            (n, row * sy, column * sx, row * dy, column * dx, channel),
            writeable=False,
        )
        columns = scratch("columns", windows.shape, dtype)
        columns[...] = windows
        np.matmul(columns.reshape(len(flat), -1), matrix, out=flat)
        return out

    return apply


def scratch_elements(projection: Projection, source: tuple[int, ...], output: tuple[int, ...]) -> int:
    """Elements of the largest array that an operator makes per image."""
    if isinstance(projection, Conv2D):
        return int(output[0] * output[1] * np.prod(projection.weights.shape[:3]))
    return int(max(np.prod(source), np.prod(output)))
