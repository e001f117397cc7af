"""Fan-out: how many synapses with non-zero weight each element of a view drives, borders excluded."""

from __future__ import annotations

import numpy as np

from snncc.ir import Array, Dense, Identity, Projection, SumPool2D, kernel_size
from snncc.sim.linear import taps


def fan_out(projection: Projection, shape: tuple[int, ...]) -> Array:
    """int64 of the view's shape: for each element the number of real taps with a non-zero weight."""
    if isinstance(projection, Dense):
        synapses: Array = np.count_nonzero(projection.weights, axis=1).astype(np.int64)
        return synapses
    if isinstance(projection, Identity):
        return np.broadcast_to(projection.weights != 0, shape).astype(np.int64)
    channels = shape[2]
    top, bottom, left, right = projection.pads
    size = kernel_size(projection)
    dilation = (1, 1) if isinstance(projection, SumPool2D) else projection.dilation
    if isinstance(projection, SumPool2D):
        synapses = np.ones((*size, channels), np.int64)
    else:  # weights (KH, KW, C_in, C_out), or (KH, KW, C, M) depthwise: the last axis is what one element drives
        synapses = np.count_nonzero(projection.weights, axis=3).astype(np.int64)
    padded = np.zeros((1, shape[0] + top + bottom, shape[1] + left + right, channels), np.int64)
    for tap, count in zip(
        taps(padded, size, projection.strides, dilation), synapses.reshape(-1, channels), strict=True
    ):
        tap += count
    return padded[0, top : top + shape[0], left : left + shape[1]]
