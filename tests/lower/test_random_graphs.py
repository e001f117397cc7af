"""Random small Keras graphs: each converts and agrees with Keras, or is refused with a layer's name."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import snncc
from snncc.errors import UnsupportedLayerError
from snncc.frontend.keras import from_keras
from snncc.lower.populate import populate
from tests.keras_models import keras, randomised
from tests.lower.test_conversion import T, apply_head, differences, float_activations
from tests.support import examples

L = keras.layers
SHAPE = (7, 6, 2)


@st.composite
def tensors(draw: st.DrawFn) -> Any:
    """(input, output, settings): up to seven layers, each after any earlier tensor, joined where shapes agree."""
    source = keras.Input(SHAPE)
    made = [source]
    for _ in range(draw(st.integers(1, 7))):
        x = draw(st.sampled_from(made[-3:]))
        padding = draw(st.sampled_from(["same", "valid"]))
        height, width = x.shape[1:3]
        size = (draw(st.integers(1, min(3, height))), draw(st.integers(1, min(3, width))))
        strides = draw(st.integers(1, 2))
        kind = draw(
            st.sampled_from(
                [
                    "conv",
                    "conv",
                    "conv",
                    "depthwise",
                    "average",
                    "max",
                    "norm",
                    "relu",
                    "relu",
                    "add",
                    "add",
                    "concat",
                    "pad",
                ]
            )
        )
        activation = draw(st.sampled_from(["relu", "relu", None]))
        match kind:
            case "conv":
                y = L.Conv2D(draw(st.integers(1, 4)), size, strides, padding, activation=activation)(x)
            case "depthwise":
                y = L.DepthwiseConv2D(size, strides, padding, draw(st.integers(1, 2)), activation=activation)(x)
            case "average":
                y = L.AveragePooling2D(size, strides, padding)(x)
            case "max":
                y = L.MaxPooling2D(size, strides, padding)(x)
            case "norm":
                y = L.BatchNormalization()(x)
            case "relu":
                y = L.ReLU(draw(st.sampled_from([None, 0.7])))(x)
            case "pad":
                y = L.ZeroPadding2D(((1, 0), (0, 2)))(x)
            case "add":
                partners = [t for t in made if t.shape == x.shape]
                y = L.Add()([x, *draw(st.lists(st.sampled_from(partners), min_size=1, max_size=2))])
            case "concat":
                partners = [t for t in made if t.shape[1:3] == x.shape[1:3]]
                y = L.Concatenate()([x, draw(st.sampled_from(partners))])
        made.append(y)
    ends = [L.Dense(3)(L.Flatten()(made[-1])), L.GlobalAveragePooling2D()(made[-1])]
    return source, draw(st.sampled_from(ends)), draw(st.booleans()), draw(st.integers(0, 99))


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
