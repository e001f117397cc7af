"""Random small Keras graphs: each converts and agrees with Keras, or is refused with a layer's name."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from hypothesis import given

import snncc
from snncc.errors import UnsupportedLayerError
from snncc.frontend.keras import from_keras
from snncc.lower.populate import populate
from tests.keras_models import keras, randomised
from tests.lower.bounds import T, apply_head, differences, float_activations
from tests.lower.random_graphs import SHAPE, tensors
from tests.support import examples


@examples(40)
@given(tensors())
def test_random_graphs_convert_or_are_refused_by_name(chosen: Any) -> None:
    source, output, signed, seed = chosen
    model = randomised(keras.Model(source, output), seed)
    rng = np.random.default_rng(seed)
    x = (rng.integers(-127 if signed else 0, 128, (8, *SHAPE)) / 127).astype(np.float32)
    x.flat[0] = 1
    try:
        real = populate(from_keras(model), signed_input=signed)
    except UnsupportedLayerError as why:
        assert any(repr(layer.name) in str(why) for layer in model.layers)
        return
    wanted = np.asarray(model(x, training=False), np.float64)
    found = float_activations(real, x)[real.populations[-1].name].reshape(wanted.shape)
    scale = max(1.0, np.abs(wanted).max())
    np.testing.assert_allclose(apply_head(real.head, found), wanted, rtol=0, atol=1e-4 * scale)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # random populations may be dead
        network = snncc.convert(model, x, signed_bit=16, timesteps=T, input_bits=8 if signed else 16, calibrate="none")
    for population, (error, allowed) in differences(network, real, x).items():
        assert (error <= allowed + 1e-4 * scale).all(), population
