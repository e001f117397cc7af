"""A network of maps that grow: zeros between the elements, and elements that are repeated."""

from __future__ import annotations

from typing import Any

import numpy as np

from snncc import ir
from tests.networks.build import network, population, weights


def grown(**options: Any) -> ir.Network:
    """3x4x2 -> spread (5x10) -> repeated beside the tangled input, padded, a maximum -> spread inside a frame -> 3."""
    image, half = ir.Source("input"), (2, 3)
    first = population(
        "first", (5, 10, 3),
        ir.Conv2D(name="a", source=ir.Spread(image, half), weights=weights(1, 3, 3, 2, 3), pads=(1, 1, 1, 1)),
        theta=150, bias=[9, 5, 12], v0=70,
    )  # fmt: skip
    tangled = ir.Concat((ir.Reshape(ir.Source("first"), (10, 5, 3)), ir.Reshape(ir.Source("first"), (10, 5, 3))))
    second = population(
        "second", (5, 4, 6),
        ir.DepthwiseConv2D(name="b", source=ir.Spread(tangled, (1, 2), repeat=True), weights=weights(2, 2, 3, 6, 1),
                           strides=(2, 2)),
        theta=200, v0=90, bias=7,
    )  # fmt: skip
    both = ir.Concat((ir.Source("second"), ir.Pad(ir.Source("second"), (0, 0, 0, 0))))
    most = ir.MaxPool(ir.Spread(ir.Pad(both, (1, 0, 0, 1)), (2, 1)), (2, 2), (2, 1), (1, 0, 0, 0))  # (6, 4, 12)
    third = population(
        "third", (6, 4, 4), ir.Conv2D(name="c", source=most, weights=weights(3, 1, 1, 12, 4), shift=1),
        ir.Conv2D(name="d", source=ir.Spread(image, (2, 1), repeat=True), weights=weights(4, 1, 1, 2, 4)),
        theta=300, v0=150,
    )  # fmt: skip
    flat = ir.Reshape(ir.Spread(ir.Source("third"), (1, 2), repeat=True), (192,))
    zeros = ir.Reshape(ir.Spread(ir.Source("third"), (1, 2)), (168,))
    last = population(
        "last", (3,), ir.Dense(name="e", source=flat, weights=weights(5, 192, 3)),
        ir.Dense(name="f", source=zeros, weights=weights(6, 168, 3)), theta=None, bias=np.arange(3),
    )  # fmt: skip
    return network(
        first, second, third, last, shape=(3, 4, 2), **{"timesteps": 7, "spike_ext": 1, "dynamics": "count"} | options
    )
