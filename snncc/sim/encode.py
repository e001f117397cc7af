"""The host's quantiser: what a user would feed to `model.predict` -> integer pixels, once per image."""

from __future__ import annotations

import warnings

import numpy as np

from snncc.errors import DataError, SnnccWarning
from snncc.ir import Array, Input, replace


def quantise(source: Input, x: Array) -> Array:
    """`p = clip(rint((float64(x)*gain + offset)*L/lambda_0), -L or 0, L)`, half to even; int32 (N, *shape).

    DataError for a wrong shape, NaN or infinity. Values clipped at 0 of an unsigned input are counted in a warning.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "buif":
        raise DataError(f"images must be numbers, not {x.dtype}")
    flattens = len(source.shape) == 1 and x.ndim > 1 and int(np.prod(x.shape[1:])) == source.shape[0]
    if x.shape[1:] != source.shape and not flattens:
        raise DataError(f"images of shape {x.shape[1:]}; the network reads {source.shape}")
    exact = x.reshape(len(x), *source.shape).astype(np.float64)
    if source.gain.ndim or source.offset.ndim or source.gain != 1 or source.offset != 0:
        exact = exact * source.gain + source.offset
    if not np.isfinite(exact).all():
        raise DataError("the images hold NaN or infinity")
    pixels = np.rint(exact * source.levels / source.lambda_0)
    negatives = int((pixels < 0).sum()) if not source.signed else 0
    if negatives:
        warnings.warn(
            f"{negatives} of {pixels.size} input values are negative; the calibration data had none, so they are 0",
            SnnccWarning,
            stacklevel=2,
        )
    return np.clip(pixels, -source.levels if source.signed else 0, source.levels).astype(np.int32)


def steps(source: Input) -> Array:
    """The quantiser as its steps: (C, K + 2) float64, C = 1 where gain and offset are one number, K pixels above the
    lowest.

    Row c ascends from -inf to inf; entry k is the least `x * sign(gain[c])` whose pixel is k above the lowest. So
    comparisons alone give the pixel of any finite x, as `quantise` gives it, however a device rounds.
    """
    gain, offset = np.broadcast_arrays(np.atleast_1d(source.gain), np.atleast_1d(source.offset))
    slope = np.abs(gain)
    flat = replace(source, shape=gain.shape, gain=slope, offset=offset)
    low = -source.levels if source.signed else 0
    pixels = np.arange(low + 1, source.levels + 1)[:, None]
    unit = source.lambda_0 / source.levels
    divisor = np.where(slope == 0, 1, slope)
    middle = ((pixels - 0.5) * unit - offset) / divisor
    near = 2.0**-45 * ((np.abs(pixels) + 1) * unit + np.abs(offset)) / divisor
    below, above = middle - near, middle + near
    while True:
        half = below + (above - below) / 2
        between = (half > below) & (half < above)
        if not between.any():
            break
        reached = quantise(flat, half) >= pixels
        above = np.where(between & reached, half, above)
        below = np.where(between & ~reached, half, below)
    constant = np.where(quantise(flat, np.zeros((1, *gain.shape))) >= pixels, -np.inf, np.inf)
    ends = np.full((1, len(slope)), np.inf)
    found: Array = np.concatenate([-ends, np.where(slope == 0, constant, above), ends]).T
    return found
