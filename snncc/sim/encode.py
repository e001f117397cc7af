"""The host's quantiser: what a user would feed to `model.predict` -> integer pixels, once per image."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from snncc.errors import DataError, SnnccWarning
from snncc.ir import Array, Input, describe_bytes, exact_pixels, pixel_range, pixels_of_bytes, replace, way_out

FAR = 4
"""Values beyond so many times the range of the input are worth a warning: their data are scaled otherwise."""
FAINT = 64
"""So are images none of whose pixels reaches this part of the range."""


@dataclass(frozen=True)
class Outside:
    """How input values lie to the input's range: so many are `negative`, and 0 where the input has no sign; so many lie
    `far` beyond its upper end, or a signed input's lower one; `largest` is the largest |pixel|.
    """

    negative: int = 0
    far: int = 0
    largest: int = 0

    def __add__(self, other: Outside) -> Outside:
        return Outside(self.negative + other.negative, self.far + other.far, max(self.largest, other.largest))


def to_pixels(source: Input, x: Array) -> Array:
    """As `quantised`. What is clipped far is a warning; so are bytes where the model takes what is made of them."""
    x = np.asarray(x)
    warn_of_bytes(source, x.dtype)
    pixels, outside = quantised(source, x)
    warn_of_outside(source, outside, pixels.size)
    return pixels


def warn_of_bytes(source: Input, dtype: Any) -> None:
    """Images are bytes, but the model was fed with something made of bytes."""
    raw = source.raw_bytes
    if dtype == np.uint8 and raw is not None and ((raw.scale != 1).any() or (raw.offset != 0).any()):
        warnings.warn(
            f"the images are bytes, but an input of the model is {describe_bytes(raw)}: "
            "say that they are raw bytes (`raw`), or give what one would feed to the model",
            SnnccWarning,
            stacklevel=3,
        )


def warn_of_outside(source: Input, outside: Outside, values: int) -> None:
    """Some values were below 0 where the input has no sign, or far outside of its range."""
    if outside.negative:
        warnings.warn(
            f"{outside.negative} of {values} input values are negative; the calibration data had none, so they are 0",
            SnnccWarning,
            stacklevel=3,
        )
    if outside.far:
        warnings.warn(
            f"{outside.far} of {values} input values are over {FAR} times as large as any of the calibration data (or "
            f"as `input_range`), and are clipped to {source.lambda_0:g}: {SCALED}",
            SnnccWarning,
            stacklevel=3,
        )


def warn_of_faint(source: Input, outside: Outside) -> None:
    """No value of a data set comes near to the range of the input."""
    if not source.coding.sequences and 0 < outside.largest * FAINT < source.levels:
        warnings.warn(
            f"no input value is over {outside.largest / source.levels:.2g} times as large as those of the calibration "
            f"data, so that the pixels, {source.bits} bits, are at most {outside.largest}: {SCALED}",
            SnnccWarning,
            stacklevel=3,
        )


SCALED = "are they scaled as what one would feed to the model?"


def quantised(source: Input, x: Array) -> tuple[Array, Outside]:
    """`p = clip(rint((float64(x)*gain + offset)*L/lambda_0), -L or 0, L)`, half to even; int32 (N, *shape).

    And what was clipped. DataError for a wrong shape, NaN or infinity.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "buif":
        raise DataError(f"images must be numbers, not {x.dtype}")
    if source.coding.sequences:
        if x.ndim < 3 or not _same_elements(x.shape[2:], source.shape):
            raise DataError(f"sequences of shape {x.shape[1:]}; the network reads (frames, *{source.shape})")
        pixels = exact_pixels(source, x.reshape(*x.shape[:2], *source.shape))
    elif not _same_elements(x.shape[1:], source.shape):
        raise DataError(f"images of shape {x.shape[1:]}; the network reads {source.shape}{way_out(x, source.shape)}")
    else:
        pixels = exact_pixels(source, x.reshape(len(x), *source.shape))
    if not np.isfinite(pixels).all():
        raise DataError("the images hold NaN or infinity")
    negative = 0 if source.signed else int((pixels < 0).sum())
    size = np.abs(pixels) if source.signed else pixels
    far = int((size > FAR * source.levels).sum())
    clipped = np.clip(pixels, *pixel_range(source)).astype(np.int32)
    return clipped, Outside(negative, far, int(np.abs(clipped).max(initial=0)))


def _same_elements(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether data of a model's shape are the network's: a vector, or a map whose rows are the model's leading axes."""
    same = bool(given) and math.prod(given) == math.prod(wanted)
    return same and (len(wanted) == 1 or given[-2:] == wanted[-2:])


def bytes_to_pixels(source: Input, data: Array) -> Array:
    """Raw bytes (N, *shape), integers in 0..255, -> pixels int32 by the network's table; DataError otherwise.

    Of sequences (N, frames, *shape).
    """
    data = np.asarray(data)
    if source.raw_bytes is None:
        raise DataError(
            "how a raw byte becomes a model input is not known: compile with `bytes` x/255 (or another kind), "
            "or give model inputs"
        )
    if data.dtype.kind not in "ui" or (data.size and not (int(data.min()) >= 0 and int(data.max()) <= 255)):
        raise DataError("raw bytes must be integers in 0..255")
    lead = 2 if source.coding.sequences else 1
    if data.ndim < lead or int(np.prod(data.shape[lead:])) != int(np.prod(source.shape)):
        of = "sequences" if source.coding.sequences else "images"
        raise DataError(f"{of} of shape {data.shape[1:]}; the network reads {source.shape}")
    return pixels_of_bytes(source.raw_bytes, data.reshape(*data.shape[:lead], *source.shape)).astype(np.int32)


def steps(source: Input) -> Array:
    """The quantiser as its steps: (C, K + 2) float64, C = 1 where gain and offset are one number, K pixels above the
    lowest.

    Row c ascends from -inf to inf; entry k is the least `x * sign(gain[c])` whose pixel is k above the lowest. So
    comparisons alone give the pixel of any finite x, as `quantise` gives it, however a device rounds.
    """
    gain, offset = np.broadcast_arrays(np.atleast_1d(source.gain), np.atleast_1d(source.offset))
    slope = np.abs(gain)
    flat = replace(source, shape=gain.shape, gain=slope, offset=offset)
    lowest, highest = pixel_range(source)
    pixels = np.arange(lowest + 1, highest + 1)[:, None]
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
        reached = exact_pixels(flat, half) >= pixels
        above = np.where(between & reached, half, above)
        below = np.where(between & ~reached, half, below)
    constant = np.where(exact_pixels(flat, np.zeros_like(slope)) >= pixels, -np.inf, np.inf)
    ends = np.full((1, len(slope)), np.inf)
    found: Array = np.concatenate([-ends, np.where(slope == 0, constant, above), ends]).T
    return found
