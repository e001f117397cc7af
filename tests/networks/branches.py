"""Small networks that between them use every loop of the C and every branch of the RTL."""

from __future__ import annotations

from typing import Any

import numpy as np

from snncc import ir
from tests.networks.build import SIGNED, network, population, weights


def max_pooled(**options: Any) -> ir.Network:
    """`count`: strided, padded and dilated convolutions, depthwise, max-pools of a tangled view, a relu with a cap."""
    bits = options.get("signed_bit", 8)
    q = 2 ** (bits - 1) - 1
    image, first = ir.Source("input"), ir.Source("first")
    conv = ir.Conv2D(
        name="a", source=image, weights=weights(1, 3, 3, 2, 3, bits=bits), strides=(1, 2), pads=(1, 1, 1, 0)
    )  # (5, 5, 2) -> (5, 2, 3)
    tangled = ir.Concat((ir.Reshape(first, (2, 5, 3)), ir.Reshape(image, (2, 5, 5))))
    pool = ir.MaxPool(ir.Pad(tangled, (1, 0, 0, 1)), (2, 3), (1, 2), (0, 1, 1, 0))  # (3, 6, 8) -> (3, 3, 8)
    mixed = ir.Conv2D(
        name="b", source=pool, weights=weights(2, 2, 2, 8, 3, bits=bits), dilation=(2, 1), pads=(0, 0, 0, 1), shift=1
    )  # (1, 3, 3)
    plain = ir.MaxPool(ir.Concat((first, first)), (2, 1), (2, 1), (1, 0, 0, 0))  # (3, 2, 6)
    deep = ir.DepthwiseConv2D(
        name="c", source=ir.Pad(plain, (0, 0, 1, 0)), weights=weights(3, 3, 1, 6, 2, bits=bits), shift=2
    )  # (1, 3, 12)
    flat = ir.Concat((ir.Reshape(ir.Source("mixed"), (9,)), ir.Reshape(ir.Source("deep"), (36,))))
    return network(
        population("first", (5, 2, 3), conv, theta=np.array([5, 6, 7]) * q // 2, bias=np.arange(3) - 1, v0=2 * q),
        ir.replace(population("mixed", (1, 3, 3), mixed, theta=9 * q, bias=40, v0=q), saturates=True),
        population("deep", (1, 3, 12), deep, theta=np.arange(12) + 3 * q, v0=np.arange(36).reshape(1, 3, 12) + q),
        population("last", (4,), ir.Dense(name="d", source=flat, weights=weights(4, 45, 4, bits=bits)), theta=None,
                   bias=np.arange(4) * 3),
        shape=(5, 5, 2), timesteps=9, spike_ext=2, **options,
    )  # fmt: skip


def shortcuts(**options: Any) -> ir.Network:
    """An Add with strided and depthwise shortcuts and an identity, overlapping and plain sums, spikes read out."""
    bits = options.get("signed_bit", 8)
    q = 2 ** (bits - 1) - 1
    start, half = ir.Source("first"), {"strides": (2, 2)}

    def w(seed: int, *shape: int) -> np.ndarray:
        return weights(seed, *shape, bits=bits)

    first = population(
        "first", (4, 5, 4), ir.Conv2D(name="a", source=ir.Source("input"), weights=w(1, 3, 3, 1, 4), pads=(1, 1, 1, 1)),
        theta=3 * q, bias=np.arange(4) * q // 4, v0=q,
    )  # fmt: skip
    added = population(
        "added", (2, 3, 4),
        ir.Conv2D(name="b", source=start, weights=w(2, 3, 2, 4, 4), shift=1, **half, pads=(0, 1, 1, 1)),
        ir.Conv2D(name="c", source=start, weights=w(3, 1, 1, 4, 4), **half),
        ir.DepthwiseConv2D(
            name="d", source=start, weights=w(4, 2, 1, 4, 1), dilation=(2, 1), **half, pads=(0, 1, 0, 0)
        ),
        theta=5 * q, bias=-2, v0=2 * q,
    )  # fmt: skip
    kept = population(
        "kept", (2, 3, 4), ir.Identity(name="e", source=ir.Source("added"), weights=w(5, 4), shift=2),
        theta=2 * q, bias=np.arange(6).reshape(2, 3, 1), v0=q,
    )  # fmt: skip
    wide = population(
        "wide", (2, 3, 4), ir.SumPool2D(name="g", source=start, size=(3, 2), **half, pads=(0, 1, 1, 1), shift=1),
        theta=np.arange(4) + 5, v0=3,
    )  # fmt: skip
    small = population(
        "small", (1, 1, 4), ir.SumPool2D(name="h", source=ir.Source("kept"), size=(2, 3), strides=(2, 3), shift=4),
        theta=33, v0=16,
    )  # fmt: skip
    flat = ir.Concat((ir.Reshape(ir.Source("wide"), (24,)), ir.Reshape(ir.Source("small"), (4,))))
    last = population(
        "last", (5,), ir.Dense(name="i", source=flat, weights=w(7, 28, 5)), theta=3 * q, bias=np.arange(5) + 2, v0=q
    )
    settings = {"readout": "spikes", "timesteps": 7, "spike_ext": 1} | options
    return network(first, added, kept, wide, small, last, shape=(4, 5, 1), **settings)


def one_output(**options: Any) -> ir.Network:
    """A signed current input, read by two layers, and a readout of one neuron."""
    bits = options.get("signed_bit", 8)
    q = 2 ** (bits - 1) - 1
    image = ir.Source("input")
    conv = ir.Conv2D(name="a", source=image, weights=weights(1, 2, 3, 3, 6, bits=bits), pads=(0, 1, 1, 0))
    first = population("first", (3, 3, 6), conv, theta=8 * q, bias=np.arange(6) - 3, v0=4 * q)
    pool = ir.SumPool2D(name="b", source=image, size=(3, 2), strides=(1, 1), pads=(1, 1, 0, 0), shift=3)
    second = population("second", (3, 3, 3), pool, theta=300, v0=150)
    flat = ir.Concat((ir.Reshape(ir.Source("first"), (54,)), ir.Reshape(ir.Source("second"), (27,))))
    last = population(
        "last", (1,), ir.Dense(name="c", source=flat, weights=weights(2, 81, 1, bits=bits)), theta=None, bias=-q
    )
    return network(first, second, last, shape=(3, 4, 3), **({"timesteps": 6, "source": SIGNED} | options))
