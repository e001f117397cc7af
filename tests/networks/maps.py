"""Networks of convolutions: every kind of projection and view between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from snncc import ir
from tests.networks.build import network, population, weights


def every_kind(spikes: bool = False) -> ir.Network:
    """Every projection and view: rate-coded 4x4x2 -> conv -> (depthwise + identity) -> pooled, padded, joined -> 3."""

    def firing(name: str, shape: tuple[int, ...], *projections: ir.Projection, **fields: Any) -> ir.Population:
        return population(name, shape, *projections, **{"theta": 900, "v0": 450, "layers": (f"layer_{name}",)} | fields)

    def counted(*shape: int) -> np.ndarray:
        return ((np.arange(np.prod(shape)) * 37) % 255 - 127).reshape(shape).astype(np.int8)

    conv = ir.Conv2D(name="conv_0", source=ir.Source("input"), weights=counted(3, 3, 2, 4), pads=(1, 1, 1, 1), shift=2)
    depthwise = ir.DepthwiseConv2D(
        name="both_0", source=ir.Source("conv"), weights=counted(3, 3, 4, 1), pads=(2, 2, 2, 2), dilation=(2, 2)
    )
    pool = ir.SumPool2D(name="pool_0", source=ir.Source("both"), size=(2, 2), strides=(2, 2), shift=7)
    tree = ir.Concat(
        (
            ir.Reshape(ir.Pad(ir.Source("pool"), (1, 0, 0, 1)), (36,)),
            ir.Reshape(ir.MaxPool(ir.Source("conv"), (2, 2), (2, 2)), (16,)),
        )
    )
    readout = {} if spikes else {"theta": None, "v0": 0}
    return network(
        firing("conv", (4, 4, 4), conv, theta=[700, 800, 900, 1000], bias=np.full((4, 4, 1), -3)),
        firing("both", (4, 4, 4), depthwise, ir.Identity(name="both_1", source=ir.Source("conv"), weights=counted(4))),
        firing("pool", (2, 2, 4), pool, saturates=True, lambda_=np.arange(1.0, 5.0)),
        firing("out", (3,), ir.Dense(name="out_0", source=tree, weights=counted(52, 3)), **readout),
        name="every_kind", shape=(4, 4, 2), source={"gain": np.ones(2)}, readout="spikes" if spikes else "potential",
        head="softmax", output_scale=3.5, spike_ext=1, tool_version="1.2.3",
    )  # fmt: skip


def residual(**options: Any) -> ir.Network:
    """Convolution, depthwise, a residual Add with a strided shortcut, pooling, dense: 8x8 pixels of three channels."""
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
        "last", (10,), ir.Dense(name="g", source=flat, weights=weights(6, 160, 10, bits=bits)),
        theta=None, bias=np.arange(10) - 5,
    )  # fmt: skip
    return network(first, deep, added, pooled, last, shape=(8, 8, 3), **options)


def mixed_conv(dynamics: str) -> ir.Network:
    """conv, depthwise and a residual dense readout, current input: most configurations of the RTL's modules."""
    rng = np.random.default_rng(2)

    def drawn(*shape: int) -> np.ndarray:
        return rng.integers(-7, 8, shape).astype(np.int8)

    def layer(name: str, shape: tuple[int, ...], *projections: ir.Projection, fires: bool = True) -> ir.Population:
        theta = rng.integers(40, 90, shape[-1]) if fires else None
        bias, v0 = rng.integers(-3, 4, shape[-1]), np.zeros(shape[-1], np.int64)
        return population(name, shape, *projections, theta=theta, bias=bias, v0=v0)

    a = layer(
        "a", (6, 6, 5), ir.Conv2D(name="c", source=ir.Source("input"), weights=drawn(3, 3, 2, 5), pads=(1, 1, 1, 1))
    )
    b = layer(
        "b", (3, 3, 10),
        ir.DepthwiseConv2D(
            name="d", source=ir.Source("a"), weights=drawn(3, 3, 5, 2), strides=(2, 2), pads=(0, 1, 0, 1), shift=1
        ),
    )  # fmt: skip
    c = layer("c", (3, 3, 10), ir.SumPool2D(name="s", source=ir.Source("b"), size=(1, 1), strides=(1, 1)))
    c = ir.replace(c, theta=np.arange(1, 11))
    flat = {name: ir.Reshape(ir.Source(name), (n,)) for name, n in (("a", 180), ("c", 90))}
    last = layer(
        "out", (3,), ir.Dense(name="x", source=flat["a"], weights=drawn(180, 3)),
        ir.Dense(name="y", source=flat["c"], weights=drawn(90, 3)), fires=False,
    )  # fmt: skip
    source = {"bits": 6, "signed": True, "encoding": "current"}
    return network(
        a, b, c, last, name="conv", shape=(6, 6, 2), source=source, timesteps=6, signed_bit=4, dynamics=dynamics
    )


def vgg(blocks: Sequence[Sequence[int]], size: int, dense: Sequence[int] = (10,), **options: Any) -> ir.Network:
    """Blocks of 3x3 convolutions with so many channels, a max-pool of 2x2 after each; dense layers, the last silent.

    Thresholds follow the fan-in, so that spikes neither die out nor fill up.
    """
    bits, seed = options.get("signed_bit", 8), 0
    q = 2 ** (bits - 1) - 1
    view: ir.View = ir.Source("input")
    channels, made = 3, []

    def theta(fan_in: int, outputs: int) -> np.ndarray:
        return np.full(outputs, max(1, round(q * fan_in**0.5 / 4)))

    for block, widths in enumerate(blocks):
        for layer, width in enumerate(widths):
            name, seed = f"conv{block + 1}_{layer + 1}", seed + 1
            conv = ir.Conv2D(
                name=f"w_{name}", source=view, weights=weights(seed, 3, 3, channels, width, bits=bits),
                pads=(1, 1, 1, 1),
            )  # fmt: skip
            made.append(population(name, (size, size, width), conv, theta=theta(9 * channels, width), v0=q))
            view, channels = ir.Source(name), width
        view, size = ir.MaxPool(view, (2, 2), (2, 2)), size // 2
    view = ir.Reshape(view, (size * size * channels,))
    inputs = size * size * channels
    for layer, width in enumerate(dense):
        name, seed, last = f"dense{layer + 1}", seed + 1, layer + 1 == len(dense)
        projection = ir.Dense(name=f"w_{name}", source=view, weights=weights(seed, inputs, width, bits=bits))
        made.append(population(name, (width,), projection, theta=None if last else theta(inputs, width), v0=0))
        view, inputs = ir.Source(name), width
    side = size * 2 ** len(blocks)
    return network(*made, shape=(side, side, 3), **options)
