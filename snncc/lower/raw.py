"""How a raw byte becomes a model input, `x = byte*scale + offset`: named, given, or recognised from the data.

Devices get bytes of a camera or a file; models are trained on what a script made of them. The script is gone, but
what it made lies on a lattice of 256 values. It is recognised where it is unmistakable, and never guessed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from snncc.errors import CalibrationError
from snncc.ir import (
    BYTE_KINDS,
    Array,
    Input,
    RawBytes,
    byte_inputs,
    byte_pixels,
    describe_bytes,
    exact_pixels,
    pixel_range,
)

AMBIGUOUS = ("x-128",)
"""Never recognised: integers around 0 are as well features of 8 bits."""
ELEMENTS = 2**22
"""Of the calibration data, at most so many are looked at."""
FEWEST_VALUES = 8
"""A lattice of fewer different values is not unmistakable; of plain integers three are enough."""
FOREIGN = 64
"""Inputs made of bytes that reach so many times as far as the calibration data, or so much less, are not like them."""
SHARED_CHANNELS = 16
"""Up to so many channels, each may have a lattice of its own."""


@dataclass(frozen=True)
class Found:
    """`name` of a kind, or "" where scale and offset have none; `reason` in half a sentence."""

    raw: RawBytes | None
    name: str
    reason: str

    @property
    def line(self) -> str:
        """What compile says of it."""
        if self.raw is None:
            return (
                f"Raw bytes: {self.reason}, so no target gets a byte quantiser; `bytes`, or `bytes_scale` and "
                "`bytes_offset`, says how a byte becomes a model input."
            )
        return f"Raw bytes: a model input is {describe_bytes(self.raw)}, {self.reason}."


def raw_bytes(source: Input, x: Array, kind: str, scale: object = None, offset: object = None) -> Found:
    """How bytes become pixels. `kind`: auto, none, or a name of BYTE_KINDS; scale and offset go before it.

    CalibrationError: an unknown kind, or numbers that are not one per channel.
    """
    channels = source.shape[-1]
    if scale is not None or offset is not None:
        numbers = (
            _numbers(1.0 if scale is None else scale, channels),
            _numbers(0.0 if offset is None else offset, channels),
        )
        if not numbers[0].all():
            raise CalibrationError("bytes_scale must not be 0: all bytes would be the same input")
        return _given(source, x, "", numbers)
    if kind == "none":
        return Found(None, "", "left out as asked")
    if kind != "auto":
        if kind not in BYTE_KINDS:
            raise CalibrationError(f"no kind of bytes {kind!r}: choose auto, none, {', '.join(BYTE_KINDS)}")
        numbers = _numbers(BYTE_KINDS[kind][0], channels, kind), _numbers(BYTE_KINDS[kind][1], channels, kind)
        return _given(source, x, kind, numbers)
    return _recognised(source, _some(x))


def _given(source: Input, x: Array, kind: str, numbers: tuple[Array, Array]) -> Found:
    """Bytes as they are told; CalibrationError where they are of another scale than the calibration data."""
    raw = _table(source, x, *numbers)
    reach = float(np.abs(byte_inputs(*numbers) * source.gain + source.offset).max())
    if source.lambda_0 > FOREIGN * reach or (kind and reach > FOREIGN * source.lambda_0):
        raise CalibrationError(
            f"a model input is {describe_bytes(raw)}, as given, which is {reach:.4g} at most (after a leading "
            f"normalisation); the calibration data reach {source.lambda_0:.4g}: give them as one would feed them to "
            "the model, not as raw bytes, or another kind of `bytes`"
        )
    return Found(raw, kind, "as given")


def _numbers(values: object, channels: int, kind: str = "") -> Array:
    """One number as (), one per channel as (C,)."""
    try:
        numbers = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise CalibrationError(f"bytes_scale and bytes_offset must be numbers, not {values!r}") from None
    if numbers.size == 1:
        numbers = numbers.reshape(())
    if numbers.shape not in ((), (channels,)) or not np.isfinite(numbers).all():
        what = f"the kind of bytes {kind!r}" if kind else "bytes_scale and bytes_offset"
        raise CalibrationError(f"{what}: give one finite number, or one per channel ({channels}), not {numbers.shape}")
    return numbers


def _some(x: Array) -> Array:
    """Samples spread over all of the data, as many as are looked at."""
    per_sample = max(1, x[0].size)
    return x[:: max(1, math.ceil(len(x) * per_sample / ELEMENTS))]


def _table(source: Input, x: Array, scale: Array, offset: Array) -> RawBytes:
    """The pixel of every byte: the formula's, and the data's own where a byte is seen in them."""
    pixels = byte_pixels(source, scale, offset)
    seen = _some(x).reshape(-1, source.shape[-1])
    if pixels.ndim == 1:
        _correct(source, pixels[None], np.unique(seen)[:, None], scale, offset)
    elif len(pixels) <= SHARED_CHANNELS:
        _correct(source, pixels, seen, scale, offset)
    return RawBytes(scale=scale, offset=offset, pixels=pixels)


def _correct(source: Input, pixels: Array, values: Array, scale: Array, offset: Array) -> None:
    """Put the pixels of `values` (M, channels) into the table where they lie on the lattice."""
    with np.errstate(all="ignore"):
        found = np.rint((values.astype(np.float64) - offset) / scale)
        near = np.abs(found * scale + offset - values) <= tolerance(values, scale, offset)
    near &= (found >= 0) & (found <= 255)
    own = np.clip(exact_pixels(source, values), *pixel_range(source)).astype(np.int64)
    rows = np.broadcast_to(np.arange(len(pixels)), values.shape)
    pixels[rows[near], found[near].astype(np.int64)] = own[near]


def tolerance(values: Array, scale: Array, offset: Array) -> Array:
    """How far from the lattice rounding in the data's own type can have put a value: under an eighth of a step."""
    kind = values.dtype if values.dtype == np.float16 else np.dtype(np.float32)
    rounding = (1 if kind == np.float16 else 8) * np.finfo(kind).eps
    reach = np.abs(values.astype(np.float64)) + np.abs(offset)
    return np.asarray(np.minimum(rounding * reach, np.abs(scale) / 8))


def _recognised(source: Input, x: Array) -> Found:
    if x.dtype == np.uint8:
        one, zero = np.ones(()), np.zeros(())
        return Found(_table(source, x, one, zero), "x", "as the calibration data are bytes")
    values = np.unique(x)
    matches = []
    for name, (scale, offset) in BYTE_KINDS.items():
        if name in AMBIGUOUS:
            continue
        if np.ndim(scale) or np.ndim(offset):
            if x.shape[-1] == 3 and _per_channel_match(x, np.asarray(scale), np.asarray(offset)):
                matches.append(name)
        elif _unmistakable(values, np.asarray(scale), np.asarray(offset), 3 if name == "x" else FEWEST_VALUES):
            matches.append(name)
    if len(matches) == 1:
        found = _table(source, x, *(np.asarray(v, np.float64) for v in BYTE_KINDS[matches[0]]))
        return Found(found, matches[0], f"recognised from the calibration data ({len(values)} different values)")
    spans = _full_spans(x)
    if not matches and spans is not None:
        return Found(_table(source, x, *spans), "", "recognised from the calibration data, which span all 256 bytes")
    return Found(None, "", "the calibration data do not say what a byte is")


def _unmistakable(values: Array, scale: Array, offset: Array, least: int) -> bool:
    """All values on the lattice, enough of them, and not on a coarser one alone."""
    if len(values) < least or len(values) > 256:
        return False
    numbers = values.astype(np.float64)
    found = np.rint((numbers - offset) / scale)
    if found.min() < 0 or found.max() > 255:
        return False
    if (np.abs(found * scale + offset - numbers) > tolerance(values, scale, offset)).any():
        return False
    return math.gcd(*(int(step) for step in np.diff(found))) == 1


def _per_channel_match(x: Array, scale: Array, offset: Array) -> bool:
    scales, offsets = (np.broadcast_to(v, x.shape[-1:]) for v in (scale, offset))
    columns = x.reshape(-1, x.shape[-1])
    return all(
        _unmistakable(np.unique(columns[:, c]), scales[c], offsets[c], FEWEST_VALUES) for c in range(x.shape[-1])
    )


def _full_spans(x: Array) -> tuple[Array, Array] | None:
    """Scale and offset of each channel whose values span exactly 255 steps of their smallest difference."""
    if x.shape[-1] > SHARED_CHANNELS or x.dtype.kind != "f":
        return None
    scales, offsets = [], []
    for column in x.reshape(-1, x.shape[-1]).T:
        values = np.unique(column)
        first, last = values[[0, -1]].astype(np.float64)
        step = (last - first) / 255
        if not _unmistakable(values, np.asarray(step), first, FEWEST_VALUES):
            return None
        scales.append(step)
        offsets.append(first)
    if len(set(scales)) == len(set(offsets)) == 1:
        return np.asarray(scales[0]), np.asarray(offsets[0])
    return np.asarray(scales), np.asarray(offsets)
