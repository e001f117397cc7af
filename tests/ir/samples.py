"""One network that holds every kind of projection and view, for the tests of the verifier and of the file."""

from __future__ import annotations

from typing import Any

import numpy as np

from snncc import ir


def every_kind(spikes: bool = False) -> ir.Network:
    """Rate-coded 4x4x2 -> conv -> (depthwise + identity) -> pooled, padded, concatenated -> dense readout of 3."""

    def population(name: str, shape: tuple[int, ...], *projections: ir.Projection, **changes: Any) -> ir.Population:
        fields: dict[str, Any] = {
            "theta": np.array(900, np.int64),
            "bias": np.zeros((), np.int64),
            "v0": np.array(450, np.int64),
            "lambda_": np.ones(()),
            "layers": (f"layer_{name}",),
        }
        return ir.Population(name=name, shape=shape, projections=projections, **(fields | changes))

    def weights(*shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        return ((np.arange(count) * 37) % 255 - 127).reshape(shape).astype(np.int8)

    conv = ir.Conv2D(name="conv_0", source=ir.Source("input"), weights=weights(3, 3, 2, 4), pads=(1, 1, 1, 1), shift=2)
    depthwise = ir.DepthwiseConv2D(
        name="both_0",
        source=ir.Source("conv"),
        weights=weights(3, 3, 4, 1),
        pads=(2, 2, 2, 2),
        dilation=(2, 2),
    )
    pool = ir.SumPool2D(name="pool_0", source=ir.Source("both"), size=(2, 2), strides=(2, 2), shift=7)
    tree = ir.Concat(
        (
            ir.Reshape(ir.Pad(ir.Source("pool"), (1, 0, 0, 1)), (36,)),
            ir.Reshape(ir.MaxPool(ir.Source("conv"), (2, 2), (2, 2)), (16,)),
        )
    )
    readout: dict[str, Any] = {} if spikes else {"theta": None, "v0": np.zeros((), np.int64)}
    network = ir.Network(
        name="every_kind",
        input=ir.Input(
            shape=(4, 4, 2),
            bits=8,
            signed=False,
            encoding="rate",
            lambda_0=1.0,
            gain=np.ones(2),
            offset=np.zeros(()),
        ),
        populations=(
            population("conv", (4, 4, 4), conv, theta=np.array([700, 800, 900, 1000]), bias=np.full((4, 4, 1), -3)),
            population(
                "both", (4, 4, 4), depthwise, ir.Identity(name="both_1", source=ir.Source("conv"), weights=weights(4))
            ),
            population("pool", (2, 2, 4), pool, saturates=True, lambda_=np.arange(1.0, 5.0)),
            population("out", (3,), ir.Dense(name="out_0", source=tree, weights=weights(52, 3)), **readout),
        ),
        timesteps=16,
        signed_bit=8,
        readout="spikes" if spikes else "potential",
        head="softmax",
        output_scale=3.5,
        output_shape=(3,),
        spike_ext=1,
        tool_version="1.2.3",
    )
    return ir.replace(network, intervals=ir.prove(network))


def change(network: ir.Network, which: str, /, **changes: Any) -> ir.Network:
    """The network with some fields of one population changed, its intervals as they were."""
    populations = tuple(ir.replace(p, **changes) if p.name == which else p for p in network.populations)
    return ir.replace(network, populations=populations)


def change_projection(network: ir.Network, which: str, /, **changes: Any) -> ir.Network:
    """The network with some fields of one population's first projection changed."""
    first, *rest = network[which].projections
    return change(network, which, projections=(ir.replace(first, **changes), *rest))
