"""What the tests of the C backend share: a compiled folder, a hand-made network, a comparison with the simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from snncc import ir, store
from snncc.backends.c.run import Host
from snncc.jobs import Job
from snncc.verification.compare import Tally, compare_all, expectations


def compiled(network: ir.Network, folder: Path, **options: Any) -> Path:
    """A compiled folder with the target `c`."""
    store.write(network, folder, {"c": options}, force=True)
    return folder


def agree(
    folder: Path, network: ir.Network, pixels: np.ndarray, timesteps: int, variant: str, runner: Any = None
) -> Tally:
    """Run one variant on the images; every spike, potential and value must equal the simulator's."""
    tally = Tally()
    with (runner or Host()).run(Job(folder, network, pixels, timesteps), variant) as observed:
        compare_all(tally, expectations(network, pixels, timesteps), observed)
    assert tally.mismatches == 0, str(tally.first)
    return tally


def proved(network: ir.Network) -> ir.Network:
    network = ir.replace(network, intervals=ir.prove(network))
    ir.check(network)
    return network


def with_bytes(network: ir.Network) -> ir.Network:
    """The network with raw bytes that are its model inputs divided by 255."""
    scale, offset = np.array(1 / 255), np.zeros(())
    raw = ir.RawBytes(scale=scale, offset=offset, pixels=ir.byte_pixels(network.input, scale, offset))
    return proved(ir.replace(network, input=ir.replace(network.input, raw=raw)))


def population(name: str, shape: tuple[int, ...], *projections: ir.Projection, theta: Any, bias: Any = 0, v0: Any = 0):
    integers = [None if a is None else np.asarray(a, np.int64) for a in (theta, bias, v0)]
    return ir.Population(
        name=name, shape=shape, projections=projections, theta=integers[0], bias=integers[1], v0=integers[2],
        lambda_=np.ones(()),
    )  # fmt: skip


def network(*populations: ir.Population, shape: tuple[int, ...], **options: Any) -> ir.Network:
    source = {"bits": 8, "signed": False, "encoding": "rate"} | options.pop("source", {})
    return proved(
        ir.Network(
            **{"name": "net", "timesteps": 16, "signed_bit": 8, "output_shape": populations[-1].shape} | options,
            input=ir.Input(shape=shape, lambda_0=1.0, gain=np.ones(()), offset=np.zeros(()), **source),
            populations=populations,
        )
    )


def weights(seed: int, *shape: int, bits: int = 8) -> np.ndarray:
    q = 2 ** (bits - 1) - 1
    return np.random.default_rng(seed).integers(-q, q, shape, endpoint=True).astype(ir.weight_dtype(bits))


def residual(**options: Any) -> ir.Network:
    """Convolution, depthwise, a residual Add with a strided shortcut, pooling, dense: every kind at once."""
    bits = options.get("signed_bit", 8)
    q = 2 ** (bits - 1) - 1
    start, half = ir.Source("first"), {"strides": (2, 2)}
    first = population(
        "first", (8, 8, 8),
        ir.Conv2D(name="a", source=ir.Source("input"), weights=weights(1, 3, 3, 3, 8, bits=bits), pads=(1, 1, 1, 1)),
        theta=9 * q, bias=np.arange(8) * q // 8, v0=5 * q,
    )  # fmt: skip
    deep = population(
        "deep", (8, 8, 8),
        ir.DepthwiseConv2D(name="b", source=start, weights=weights(2, 3, 3, 8, 1, bits=bits), pads=(1, 1, 1, 1)),
        theta=np.arange(8) + 2 * q, bias=3, v0=q,
    )  # fmt: skip
    added = population(
        "added", (4, 4, 8),
        ir.Conv2D(
            name="c", source=ir.Source("deep"), weights=weights(3, 3, 3, 8, 8, bits=bits), shift=1, **half,
            pads=(0, 1, 0, 1),
        ),
        ir.Conv2D(name="d", source=start, weights=weights(4, 1, 1, 8, 8, bits=bits), **half),
        ir.DepthwiseConv2D(name="e", source=start, weights=weights(5, 2, 2, 8, 1, bits=bits), **half),
        theta=12 * q, bias=-7, v0=6 * q,
    )  # fmt: skip
    pooled = population(
        "pooled", (2, 2, 8), ir.SumPool2D(name="f", source=ir.Source("added"), size=(2, 2), strides=(2, 2), shift=7),
        theta=600, v0=300,
    )  # fmt: skip
    flat = ir.Concat((ir.Reshape(ir.Source("pooled"), (32,)), ir.Reshape(ir.Source("added"), (128,))))
    last = population(
        "last",
        (10,),
        ir.Dense(name="g", source=flat, weights=weights(6, 160, 10, bits=bits)),
        theta=None,
        bias=np.arange(10) - 5,
    )
    return network(first, deep, added, pooled, last, shape=(8, 8, 3), **options)
