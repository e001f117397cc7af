"""Backwards through projections and views: what a gradient of the result says about weights and sources."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from snncc.ir import (
    Array,
    Concat,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Identity,
    MaxPool,
    Pad,
    Pads,
    Projection,
    Reshape,
    Source,
    SumPool2D,
    View,
    replace,
)
from snncc.sim.linear import pad, read, taps

BLOCK_ELEMENTS = 2**20
"""Elements of the largest array of a block of images."""


def through_projection(projection: Projection, x: Array, gradient: Array, deep: bool) -> tuple[Array, Array | None]:
    """(gradient of the weights, of x) for y = projection without its shift, x (N, *source), `gradient` (N, *target).

    Sum pooling has no weights: zeros. `deep=False` leaves out the gradient of x.
    """
    if not isinstance(projection, SumPool2D):
        projection = replace(projection, weights=projection.weights.astype(gradient.dtype))
    match projection:
        case Dense(weights=w):
            return x.T @ gradient, gradient @ w.T if deep else None
        case Identity(weights=w):
            own = (x * gradient).reshape(-1, x.shape[-1]).sum(axis=0)
            return (own if w.ndim else own.sum()), gradient * w
        case SumPool2D(size=size, strides=strides, pads=pads):
            spread = np.zeros(_padded(x, pads), gradient.dtype)
            for tap in taps(spread, size, strides, (1, 1)):
                tap += gradient
            return np.zeros(()), _inner(spread, pads)
        case DepthwiseConv2D():
            return _depthwise(projection, x, gradient)
        case Conv2D():
            return _convolution(projection, x, gradient, deep)


def _depthwise(projection: DepthwiseConv2D, x: Array, gradient: Array) -> tuple[Array, Array]:
    height, width, channels, multiplier = projection.weights.shape
    weights = projection.weights.reshape(-1, channels, multiplier)
    window = ((height, width), projection.strides, projection.dilation)
    gradient = gradient.reshape(*gradient.shape[:3], channels, multiplier)
    spread = np.zeros(_padded(x, projection.pads), gradient.dtype)
    own = np.empty_like(weights)
    parts = zip(taps(pad(x, projection.pads), *window), taps(spread, *window), weights, own, strict=True)
    for tap, back, weight, found in parts:
        found[...] = np.einsum("nijc,nijcm->cm", tap, gradient)
        back += (gradient * weight).sum(axis=-1)
    return own.reshape(projection.weights.shape), _inner(spread, projection.pads)


def _convolution(projection: Conv2D, x: Array, gradient: Array, deep: bool) -> tuple[Array, Array | None]:
    height, width, _, filters = projection.weights.shape
    window = ((height, width), projection.strides, projection.dilation)
    matrix = projection.weights.reshape(-1, filters)
    own = np.zeros_like(matrix)
    found = np.empty_like(x, gradient.dtype) if deep else None
    block = max(1, BLOCK_ELEMENTS // (gradient[0].size // filters * len(matrix)))
    for start in range(0, len(x), block):
        rows = slice(start, start + block)
        part = gradient[rows].reshape(-1, filters)
        columns = np.stack(taps(pad(x[rows], projection.pads), *window), axis=3)
        own += columns.reshape(len(part), -1).T @ part
        if found is not None:
            back = (part @ matrix.T).reshape(columns.shape)
            spread = np.zeros(_padded(x[rows], projection.pads), gradient.dtype)
            for i, tap in enumerate(taps(spread, *window)):
                tap += back[:, :, :, i]
            found[rows] = _inner(spread, projection.pads)
    return own.reshape(projection.weights.shape), found


def _padded(x: Array, pads: Pads) -> tuple[int, ...]:
    top, bottom, left, right = pads
    return len(x), x.shape[1] + top + bottom, x.shape[2] + left + right, x.shape[3]


def _inner(spread: Array, pads: Pads) -> Array:
    top, bottom, left, right = pads
    return spread[:, top : spread.shape[1] - bottom, left : spread.shape[2] - right]


def through_view(view: View, gradient: Array, values: Mapping[str, Array], totals: dict[str, Array]) -> None:
    """Add the gradient of a view of `values` (N, *shape) to the `totals` of what it reads."""
    match view:
        case Source(population=name):
            totals[name] = totals[name] + gradient if name in totals else gradient
        case Reshape(view=inner):
            through_view(inner, gradient.reshape(read(inner, values).shape), values, totals)
        case Pad(view=inner, pads=pads):
            through_view(inner, _inner(gradient, pads), values, totals)
        case Concat(views=views):
            start = 0
            for part in views:
                stop = start + read(part, values).shape[-1]
                through_view(part, gradient[..., start:stop], values, totals)
                start = stop
        case MaxPool(view=inner, size=size, strides=strides, pads=pads):
            x = pad(read(inner, values), pads, -np.inf)
            spread = np.zeros(x.shape, gradient.dtype)
            free = np.ones(gradient.shape, bool)
            most = read(view, values)
            pairs = zip(taps(x, size, strides, (1, 1)), taps(spread, size, strides, (1, 1)), strict=True)
            for tap, back in pairs:  # the first of equal ones takes it
                won = free & (tap == most)
                back += gradient * won
                free &= ~won
            through_view(inner, _inner(spread, pads), values, totals)
