"""The host's quantiser: what a user would feed to `model.predict` -> integer pixels, once per image."""

from __future__ import annotations

import warnings

import numpy as np

from snncc.errors import DataError, SnnccWarning
from snncc.ir import Array, Input


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
