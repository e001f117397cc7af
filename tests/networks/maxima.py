"""Maxima of a signed input, and pixels for them."""

from __future__ import annotations

import numpy as np

from snncc import ir
from snncc.backends.vectors import random_pixels
from tests.networks.build import SIGNED, network
from tests.networks.tangled import TANGLED_FIRST, tangled_readout, tangled_view


def signed_maxima() -> dict[str, ir.Network]:
    """Maxima of a signed input, of which every element counts, its zeros too."""
    image, window = ir.Source("input"), ((2, 2), (2, 2))
    padded = ir.MaxPool(ir.Pad(image, (1, 0, 0, 0)), (3, 2), (2, 2), (1, 1, 1, 0))
    views: dict[str, ir.View] = {
        "whole": ir.MaxPool(image, *window),
        "ragged": ir.MaxPool(image, (3, 3), (2, 2), (1, 1, 1, 1)),
        "zeros around": padded,
        "of a maximum": ir.MaxPool(ir.MaxPool(image, (2, 2), (1, 1)), (2, 2), (1, 1)),
        "of a vector": ir.MaxPool(ir.Reshape(image, (60, 1, 1)), (3, 1), (2, 1)),
        "of a tangled map": ir.MaxPool(ir.Reshape(image, (5, 4, 3)), *window),
        "beside spikes": ir.MaxPool(tangled_view(), *window),
        "in one window with spikes": ir.MaxPool(ir.Reshape(ir.Concat((image, ir.Source("first"))), (6, 6, 5)), *window),
    }
    made = {}
    for name, view in views.items():
        size = int(np.prod(ir.view_shape(view, {"input": (4, 5, 3), "first": (4, 5, 6)})))
        hidden = [TANGLED_FIRST] if "first" in ir.sources(view) else []
        made[name] = network(*hidden, tangled_readout(view, size), shape=(4, 5, 3), timesteps=3, source=SIGNED)
    return made


def signed_pixels(net: ir.Network) -> np.ndarray:
    """Negatives alone, negatives and zeros, all the lowest, anything."""
    low, rng = -net.input.levels, np.random.default_rng(3)
    shape = (2, *net.input.shape)
    mostly = rng.integers(low, 0, shape)
    return np.concatenate([mostly, np.where(rng.random(shape) < 0.4, 0, mostly), random_pixels(net, 4)[2:]])
