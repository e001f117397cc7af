"""Whether two networks are the same, and one change of every field of `every_kind`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np

from snncc import ir
from snncc.neurons import INTEGRATE_AND_FIRE
from tests.networks import change, change_projection

CHANGES: dict[str, Callable[[ir.Network], ir.Network]] = {
    **{
        f"network.{name}": lambda n, name=name, value=value: ir.replace(n, **{name: value})
        for name, value in {
            "name": "other",
            "timesteps": 17,
            "signed_bit": 7,
            "dynamics": "step",
            "readout": "spikes",
            "head": "linear",
            "output_scale": 3.25,
            "output_shape": (1, 1, 3),
            "spike_ext": 2,
            "thresholding": "0.25",
            "intervals": {},
        }.items()
    },
    **{
        f"input.{name}": lambda n, name=name, value=value: ir.replace(n, input=ir.replace(n.input, **{name: value}))
        for name, value in {
            "shape": (4, 2, 4),
            "bits": 7,
            "signed": True,
            "encoding": "current",
            "lambda_0": 2.0,
            "gain": np.array([1.0, 1.0 + 2**-52]),
            "offset": np.zeros(2),
            "raw": ir.RawBytes(scale=np.ones(()), offset=np.zeros(()), pixels=np.arange(256)),
        }.items()
    },
    **{
        f"population.{name}": lambda n, name=name, value=value: change(n, "conv", **{name: value})
        for name, value in {
            "name": "other",
            "shape": (4, 2, 8),
            "projections": (),
            "theta": np.array([700, 800, 900, 1001]),
            "bias": np.full((4, 4), -3),
            "v0": np.array(451),
            "lambda_": np.ones(4),
            "saturates": True,
            "layers": (),
            "kind": INTEGRATE_AND_FIRE,
        }.items()
    },
    **{
        f"projection.{name}": lambda n, name=name, value=value: change_projection(n, "conv", **{name: value})
        for name, value in {
            "name": "other",
            "source": ir.Pad(ir.Source("input"), (0, 0, 0, 0)),
            "weights": np.zeros((3, 3, 2, 4), np.int8),
            "shift": 3,
            "strides": (1, 2),
            "dilation": (2, 1),
            "pads": (1, 1, 1, 0),
        }.items()
    },
    "pool.size": lambda n: change_projection(n, "pool", size=(2, 1)),
    "order": lambda n: ir.replace(n, populations=n.populations[::-1]),
}
"""By the name of the field; the network need not be valid afterwards."""


def arrays(value: Any) -> Iterator[np.ndarray]:
    """Every tensor of a network, in a fixed order."""
    if isinstance(value, np.ndarray | np.generic):
        yield np.asarray(value)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from arrays(getattr(value, name))
    elif isinstance(value, tuple):
        for part in value:
            yield from arrays(part)


def same(left: ir.Network, right: ir.Network) -> bool:
    """One hash, and every tensor of one type, shape and value."""
    pairs = list(zip(arrays(left), arrays(right), strict=True))
    return ir.content_hash(left) == ir.content_hash(right) and all(
        a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b) for a, b in pairs
    )
