"""Networks of `step` alone: leaky neurons, recurrent projections, frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from snncc import ir
from tests.networks.build import network, population, weights

KINDS = (ir.LeakyIntegrateAndFire, ir.LeakyIntegrator)


def change_kinds(network: ir.Network, **fields: Any) -> ir.Network:
    """The network with these fields of every leaky kind changed, where the kind has them."""
    populations = []
    for one in network.populations:
        kind = one.kind
        if isinstance(kind, KINDS):
            known = {name: value for name, value in fields.items() if hasattr(kind, name)}
            one = ir.replace(one, kind=ir.replace(kind, **known))
        populations.append(one)
    return ir.replace(network, populations=tuple(populations))


def recurrent(**fields: Any) -> ir.Network:
    """12 -> 8 recurrent -> 3, leaky with currents, on frames of events."""
    plain: dict[str, Any] = {
        "leak": np.array([300] * 8), "decay": np.array(1000), "lowest": np.array(-900), "amount": np.array(700),
        "rounding": "zero", "most": 3,
    }  # fmt: skip
    dense = ir.Dense(name="a", source=ir.Source("input"), weights=weights(1, 12, 8), shift=2)
    back = ir.Dense(name="b", source=ir.Late("hidden"), weights=weights(2, 8, 8))
    hidden = population(
        "hidden", (8,), dense, back, theta=800, bias=7, v0=100, kind=ir.LeakyIntegrateAndFire(**plain | fields)
    )
    last = ir.Dense(name="c", source=ir.Source("hidden"), weights=weights(3, 8, 3))
    leaks = {"leak": np.array(256), "decay": np.array(4096), "lowest": np.array(-(2**62))}
    readout = population("last", (3,), last, theta=None, bias=2, kind=ir.LeakyIntegrator(**leaks))
    return network(
        hidden, readout, shape=(12,), source={"encoding": "frames", "bits": 3}, dynamics="step", timesteps=20
    )
