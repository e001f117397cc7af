"""The synapses of a projection, counted output by output."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from snncc.ir import Conv2D, Dense, DepthwiseConv2D, Identity, SumPool2D


def synapses(q: Any, source: tuple[int, ...], output: tuple[int, ...]) -> dict[tuple[int, ...], int]:
    """For each element of the view the number of non-zero weights that carry it into the map: output by output."""
    found: dict[tuple[int, ...], int] = dict.fromkeys(np.ndindex(*source), 0)
    match q:
        case Dense():
            for i, o in np.ndindex(*q.weights.shape):
                found[(i,)] += bool(q.weights[i, o])
        case Identity():
            for place in found:
                found[place] += bool(q.weights if q.weights.ndim == 0 else q.weights[place[-1]])
        case Conv2D() | DepthwiseConv2D() | SumPool2D():
            size = q.size if isinstance(q, SumPool2D) else q.weights.shape[:2]
            dilation = (1, 1) if isinstance(q, SumPool2D) else q.dilation
            for (i, j, o), k, m in product(np.ndindex(*output), range(size[0]), range(size[1])):
                y = i * q.strides[0] + k * dilation[0] - q.pads[0]
                x = j * q.strides[1] + m * dilation[1] - q.pads[2]
                if not (0 <= y < source[0] and 0 <= x < source[1]):
                    continue
                if isinstance(q, SumPool2D):
                    found[y, x, o] += 1
                elif isinstance(q, DepthwiseConv2D):
                    multiplier = q.weights.shape[3]
                    found[y, x, o // multiplier] += bool(q.weights[k, m, o // multiplier, o % multiplier])
                else:
                    for c in range(source[2]):
                        found[y, x, c] += bool(q.weights[k, m, c, o])
    return found
