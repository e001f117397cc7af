"""Raw bytes of a user's own data: their named kinds, their model inputs, their pixels. Source: docs/contract.md, 2."""

from __future__ import annotations

import numpy as np

from snncc.ir.network import Array, Input, RawBytes
from snncc.ir.pixels import exact_pixels, pixel_range

BYTES = 256

BYTE_KINDS: dict[str, tuple[float | tuple[float, ...], float | tuple[float, ...]]] = {
    "x": (1.0, 0.0),
    "x/255": (1 / 255, 0.0),
    "x/256": (1 / 256, 0.0),
    "x/127.5-1": (1 / 127.5, -1.0),
    "x/128-1": (1 / 128, -1.0),
    "x/255-0.5": (1 / 255, -0.5),
    "x/16": (1 / 16, 0.0),
    "x-128": (1.0, -128.0),
    "imagenet": (
        (1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)),
        (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225),
    ),
    "imagenet-bgr": (1.0, (-103.939, -116.779, -123.68)),
}
"""Named kinds: scale and offset. imagenet: (x/255 - mean)/deviation of red, green, blue, as PyTorch's models want;
imagenet-bgr: x - mean of blue, green, red, as Keras's VGG and ResNet want."""


def describe_bytes(raw: RawBytes) -> str:
    """The model input of a byte in words, by its kind's name where it has one: `byte/255`, `byte*0.5 - 1`."""
    for name, (scale, offset) in BYTE_KINDS.items():
        same = raw.scale.shape == np.shape(scale) and raw.offset.shape == np.shape(offset)
        if same and np.array_equal(raw.scale, scale) and np.array_equal(raw.offset, offset):
            return {"x": "the byte itself", "x-128": "byte - 128"}.get(name, name.replace("x", "byte", name[0] == "x"))
    if raw.scale.size == raw.offset.size == 1:
        return f"byte*{float(raw.scale):.9g} {'-' if raw.offset < 0 else '+'} {abs(float(raw.offset)):.9g}"
    both = np.broadcast_arrays(raw.scale, raw.offset)
    shown = [f"byte*{s:.6g} {'-' if o < 0 else '+'} {abs(o):.6g}" for s, o in zip(*both, strict=True)]
    return "per channel " + ", ".join(shown[:4] + (["..."] if len(shown) > 4 else []))


def byte_inputs(scale: Array, offset: Array) -> Array:
    """The model inputs that bytes 0..255 stand for: `byte*scale + offset`, (256,) or (256, C)."""
    per_channel = scale.ndim or offset.ndim
    numbers = np.arange(BYTES, dtype=np.float64)
    return np.asarray((numbers[:, None] if per_channel else numbers) * scale + offset)


def byte_pixels(source: Input, scale: Array, offset: Array) -> Array:
    """The pixel of every byte by the formula: (256,) or, where anything differs between channels, (C, 256); int64."""
    x = byte_inputs(scale, offset)
    if x.ndim == 1 and (source.gain.ndim or source.offset.ndim):
        x = x[:, None]
    pixels = np.clip(exact_pixels(source, x), *pixel_range(source)).astype(np.int64)
    return pixels if pixels.ndim == 1 else np.ascontiguousarray(pixels.T)


def pixels_of_bytes(raw: RawBytes, data: Array) -> Array:
    """Raw bytes (N, ..., C) -> pixels of the same shape, by the table."""
    if raw.pixels.ndim == 1:
        return raw.pixels[data]
    return np.asarray(raw.pixels[np.arange(data.shape[-1]), data])


def bytes_of_pixels(raw: RawBytes, pixels: Array) -> Array | None:
    """Bytes that the table makes these pixels of, uint8; None where a pixel is not in the table."""
    table = np.broadcast_to(raw.pixels, (pixels.shape[-1], BYTES)) if raw.pixels.ndim > 1 else raw.pixels[None]
    found = np.zeros(pixels.shape, np.uint8)
    for channel, row in enumerate(table):
        order = np.argsort(row, kind="stable")
        wanted = pixels[..., channel] if len(table) > 1 else pixels
        at = order[np.minimum(np.searchsorted(row[order], wanted), BYTES - 1)]
        if (row[at] != wanted).any():
            return None
        if len(table) > 1:
            found[..., channel] = at
        else:
            found[...] = at
    return found
