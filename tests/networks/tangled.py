"""Networks with views that entangle their axes: two maps read in another shape, one after the other on channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from snncc import ir
from tests.networks.build import network, population, weights

TANGLED_FIRST = population(
    "first", (4, 5, 6),
    ir.Conv2D(name="a", source=ir.Source("input"), weights=weights(1, 3, 3, 3, 6), pads=(1, 1, 1, 1)),
    theta=900, bias=40, v0=450,
)  # fmt: skip
"""The first population; it reads pixels of (4, 5, 3)."""


def tangled_view() -> ir.View:
    """(6, 6, 9): two maps of 4x5 read as 5x4, one after the other on channels, with zeros around."""
    parts = (ir.Reshape(ir.Source("first"), (5, 4, 6)), ir.Reshape(ir.Source("input"), (5, 4, 3)))
    return ir.Pad(ir.Concat(parts), (1, 0, 0, 2))


def tangled_readout(view: ir.View, size: int) -> ir.Population:
    """A dense readout of three potentials from a view of so many values."""
    dense = ir.Dense(name="z", source=ir.Reshape(view, (size,)), weights=weights(9, size, 3))
    return population("last", (3,), dense, theta=None, bias=np.arange(3))


def tangled(kind: str, **options: Any) -> ir.Network:
    """first -> a tangled view -> one projection of that kind -> dense readout."""
    view, half = tangled_view(), {"strides": (2, 2)}
    match kind:
        case "conv2d":
            shape, projection = (3, 3, 4), ir.Conv2D(
                name="m", source=view, weights=weights(2, 3, 3, 9, 4), **half, pads=(1, 0, 0, 1)
            )  # fmt: skip
        case "depthwise_conv2d":
            shape, projection = (4, 4, 18), ir.DepthwiseConv2D(
                name="m", source=view, weights=weights(3, 2, 2, 9, 2), dilation=(2, 2)
            )  # fmt: skip
        case "sum_pool2d":
            shape, projection = (3, 3, 9), ir.SumPool2D(name="m", source=view, size=(3, 3), **half, pads=(0, 1, 1, 0),
                                                        shift=8)  # fmt: skip
        case "identity":
            shape, projection = (6, 6, 9), ir.Identity(name="m", source=view, weights=weights(4, 9), shift=3)
        case _:
            pool = ir.MaxPool(view, (2, 3), (2, 1), (1, 0, 1, 1))
            shape, projection = (3, 6, 4), ir.Conv2D(name="m", source=pool, weights=weights(5, 1, 1, 9, 4))
    middle = population("middle", shape, projection, theta=500, bias=-7, v0=250)
    last = tangled_readout(ir.Source("middle"), int(np.prod(shape)))
    return network(TANGLED_FIRST, middle, last, shape=(4, 5, 3), timesteps=5, **options)
