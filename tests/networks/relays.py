"""Networks of relays: linear layers that stay layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from snncc import ir
from tests.networks.build import SIGNED, network, population, weights


def relay(name: str, shape: tuple[int, ...], *projections: ir.Projection, shift: Any, bias: Any = 0) -> ir.Population:
    """A relay; its ranges are filled in where the network is proved."""
    kind = ir.Relay(shift=np.asarray(shift, np.int64))
    return population(name, shape, *projections, theta=None, bias=bias, kind=kind)


def separable(maximum: bool = False, **options: Any) -> ir.Network:
    """Signed 6x6x2 -> (depthwise, pointwise as relays) -> firing; the relay again by a shortcut, pooled -> 3.

    `maximum`: the pool of the relay is a max-pool.
    """
    view = ir.Source("spread")
    depthwise = ir.DepthwiseConv2D(
        name="a", source=ir.Source("input"), weights=weights(1, 3, 3, 2, 2), pads=(1, 1, 1, 1)
    )
    spread = relay("spread", (6, 6, 4), depthwise, shift=[0, 3, 5, 9], bias=[3, -2, 0, 40])
    mixed = relay(
        "mixed", (6, 6, 5), ir.Conv2D(name="b", source=view, weights=weights(2, 1, 1, 4, 5)), shift=4, bias=-7
    )
    fires = population(
        "fires", (6, 6, 5),
        ir.Conv2D(name="c", source=ir.Source("mixed"), weights=weights(3, 3, 3, 5, 5), pads=(1, 1, 1, 1)),
        ir.Identity(name="d", source=ir.Source("mixed"), weights=weights(4, 5), shift=2),
        theta=3000, v0=1500, bias=np.arange(5),
    )  # fmt: skip
    pools = ir.MaxPool(ir.Source("mixed"), (2, 2), (2, 2)) if maximum else ir.Source("summed")
    summed = relay(
        "summed", (3, 3, 5), ir.SumPool2D(name="e", source=ir.Source("mixed"), size=(2, 2), strides=(2, 2)), shift=1
    )
    flat = (ir.Reshape(pools, (45,)), ir.Reshape(ir.Source("fires"), (180,)))
    readout = [
        ir.Dense(name=f"f{i}", source=view, weights=weights(5 + i, view.shape[0], 3)) for i, view in enumerate(flat)
    ]
    last = population("last", (3,), *readout, theta=None, bias=[1, 2, -3])
    middle = (spread, mixed, fires) if maximum else (spread, mixed, fires, summed)
    return network(*middle, last, shape=(6, 6, 2), source=SIGNED, **{"timesteps": 7, "spike_ext": 1} | options)
