"""The host's quantiser: what a user would feed to `model.predict` -> integer pixels, once per image."""

from __future__ import annotations

import warnings

import numpy as np

from snncc.errors import DataError, SnnccWarning
from snncc.ir import Array, Input, exact_pixels, pixel_range, pixels_of_bytes


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
    pixels = exact_pixels(source, x.reshape(len(x), *source.shape))
    if not np.isfinite(pixels).all():
        raise DataError("the images hold NaN or infinity")
    negatives = int((pixels < 0).sum()) if not source.signed else 0
    if negatives:
        warnings.warn(
            f"{negatives} of {pixels.size} input values are negative; the calibration data had none, so they are 0",
            SnnccWarning,
            stacklevel=2,
        )
    return np.clip(pixels, *pixel_range(source)).astype(np.int32)


def quantise_bytes(source: Input, data: Array) -> Array:
    """Raw bytes (N, *shape), integers in 0..255, -> pixels int32 by the network's table; DataError otherwise."""
    data = np.asarray(data)
    if source.raw_bytes is None:
        raise DataError(
            "how a raw byte becomes a model input is not known: compile with --bytes x/255 (or another kind), "
            "or give model inputs"
        )
    if data.dtype.kind not in "ui" or (data.size and not (int(data.min()) >= 0 and int(data.max()) <= 255)):
        raise DataError("raw bytes must be integers in 0..255")
    if int(np.prod(data.shape[1:])) != int(np.prod(source.shape)):
        raise DataError(f"images of shape {data.shape[1:]}; the network reads {source.shape}")
    return pixels_of_bytes(source.raw_bytes, data.reshape(len(data), *source.shape)).astype(np.int32)
