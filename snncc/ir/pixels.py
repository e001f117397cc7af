"""The host's quantiser, its formula said once: model inputs -> integer pixels. Source: docs/contract.md, 2."""

from __future__ import annotations

import numpy as np

from snncc.ir.network import Array, Input


def exact_pixels(source: Input, x: Array) -> Array:
    """`rint((float64(x)*gain + offset)*L / lambda_0)`, half to even, before clipping; x: (..., C) or any shape."""
    exact = np.asarray(x).astype(np.float64)
    if source.gain.ndim or source.offset.ndim or source.gain != 1 or source.offset != 0:
        exact = exact * source.gain + source.offset
    return np.asarray(np.rint(exact * source.levels / source.lambda_0))


def pixel_range(source: Input) -> tuple[int, int]:
    """(smallest, largest) pixel."""
    return (-source.levels if source.signed else 0), source.levels
