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


def crossed() -> ir.Network:
    """12 -> 8 -> 5, fed back from the second to the first, and a delay of the first, which a leaking readout reads."""
    plain: dict[str, Any] = {
        "leak": np.array(512), "decay": np.array(1000), "lowest": np.array(-300), "amount": np.array(500), "most": 3,
        "rounding": "zero",
    }  # fmt: skip
    forward = ir.Dense(name="a", source=ir.Source("input"), weights=weights(1, 12, 8), shift=2)
    back = ir.Dense(name="b", source=ir.Late("second"), weights=weights(2, 5, 8), shift=1)
    first = population("first", (8,), forward, back, theta=600, bias=40, v0=100, kind=ir.LeakyIntegrateAndFire(**plain))
    reads = ir.Dense(name="c", source=ir.Source("first"), weights=weights(3, 8, 5), shift=2)
    own = ir.Dense(name="d", source=ir.Late("second"), weights=weights(4, 5, 5))
    kind = ir.LeakyIntegrateAndFire(**plain | {"reset": "subtract_late", "late_current": True, "most": 1})
    second = population("second", (5,), reads, own, theta=400, bias=30, kind=kind)
    delayed = ir.Identity(name="e", source=ir.Late("first"), weights=np.array(1, np.int8))
    delay = population("delay", (8,), delayed, theta=None, kind=ir.Relay(shift=np.array(0)))
    ends = (
        ir.Dense(name="f", source=ir.Source("second"), weights=weights(5, 5, 3)),
        ir.Dense(name="g", source=ir.Source("delay"), weights=weights(6, 8, 3)),
    )
    leaks = {"leak": np.array(256), "decay": np.array(4096), "lowest": np.array(-(2**62))}
    readout = population("last", (3,), *ends, theta=None, bias=2, kind=ir.LeakyIntegrator(**leaks))
    return network(
        first, second, delay, readout, shape=(12,), source={"encoding": "frames", "bits": 3}, dynamics="step",
        timesteps=20,
    )  # fmt: skip


def late_maximum(**fields: Any) -> ir.Network:
    """`recurrent`, whose readout also reads maxima of the first layer's spikes, up to three, of the timestep before."""
    made = recurrent(**fields)
    hidden, last = made.populations
    view = ir.Reshape(ir.MaxPool(ir.Reshape(ir.Late("hidden"), (4, 2, 1)), (2, 1), (2, 1)), (4,))
    pooled = ir.Dense(name="d", source=view, weights=weights(4, 4, 3))
    last = ir.replace(last, projections=(*last.projections, pooled))
    return ir.proven(ir.replace(made, populations=(hidden, last), intervals={}))
