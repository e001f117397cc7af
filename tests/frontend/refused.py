"""Models that cannot be converted, and what the refusal says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from snncc.errors import UnsupportedLayerError
from snncc.frontend.keras import from_keras
from snncc.lower.options import LinearLayers
from snncc.lower.populate import populate
from tests.keras_models import keras, randomised

L = keras.layers
SHAPE = (6, 6, 2)


def image() -> Any:
    """Pixels of 6x6x2."""
    return keras.Input(SHAPE, name="pixels")


def relu_layer(name: str = "first") -> Any:
    return L.Conv2D(4, 3, activation="relu", padding="same", name=name)


def classified(x: Any) -> Any:
    """Classes of a map."""
    return L.Dense(3, activation="softmax", name="tail")(L.Flatten()(x))


def model_around(middle: Callable[[Any], Any]) -> Any:
    """A model with something between its first relu and its classes."""
    x = image()
    return keras.Model(x, classified(middle(relu_layer()(x))))


def linear_layer(name: str = "straight", **options: Any) -> Any:
    return L.Conv2D(4, options.pop("size", 3), name=name, **options)


class Doubled(L.Layer):
    def call(self, x: Any) -> Any:
        return 2 * x


class Conv2D(L.Conv2D):
    """Named like Keras's own, but computes something else."""

    def call(self, x: Any) -> Any:
        return 2 * super().call(x)


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = L.Dense(2)

    def call(self, x: Any) -> Any:
        return self.dense(x)


def relu(x: Any) -> Any:
    """Named like Keras's own."""
    return x * x


MIDDLE: dict[str, tuple[Callable[[Any], Any], str]] = {
    "slopes_per_position": (L.PReLU(name="odd"), r"'odd'.*shared_axes=\[1, 2\]"),
    "threshold": (L.ReLU(threshold=1.0, name="odd"), r"'odd'.*threshold"),
    "hard_swish": (L.Activation("hard_swish", name="odd"), r"'odd'.*hard_silu.*use relu or relu6.*fine-tune"),
    "silu_fused": (L.Conv2D(2, 3, activation="swish", name="odd"), r"'odd'.*use relu or relu6.*fine-tune"),
    "elu": (L.ELU(name="odd"), r"'odd'.*use relu or leaky_relu.*fine-tune"),
    "tanh": (L.Activation("tanh", name="odd"), r"'odd'.*'tanh'.*use hard_tanh or relu"),
    "gelu_fused": (L.Conv2D(2, 3, activation="gelu", name="odd"), r"'odd'.*'gelu'"),
    "own_function": (L.Conv2D(2, 3, activation=relu, name="odd"), r"'odd'.*its own.*Keras's relu"),
    "elu_as_activation": (L.Conv2D(2, 3, activation=L.ELU(), name="odd"), r"'odd'.*'ELU'.*use relu or leaky_relu"),
    "softmax_inside": (L.Softmax(name="odd"), r"'odd'.*softmax inside.*use relu"),
    "sigmoid_inside": (L.Dense(4, activation="sigmoid", name="odd"), r"'odd'.*sigmoid inside.*use relu"),
    "multiply": (lambda x: L.Multiply(name="odd")([x, x]), r"'odd'.*use Add"),
    "maximum": (lambda x: L.Maximum(name="odd")([x, x]), r"'odd'.*use MaxPooling2D"),
    "layer_norm": (L.LayerNormalization(name="odd"), r"'odd'.*BatchNormalization"),
    "lambda": (L.Lambda(lambda x: x, name="odd"), r"'odd'.*code is unknown"),
    "custom": (Doubled(name="odd"), r"'odd'.*Keras's own layers"),
    "custom_of_the_same_name": (Conv2D(2, 3, name="odd"), r"'odd'.*Keras's own layers"),
    "transposed_dilated": (L.Conv2DTranspose(2, 3, dilation_rate=2, name="odd"), r"'odd'.*use strides"),
    "upsampling_bilinear": (L.UpSampling2D(interpolation="bilinear", name="odd"), r"'odd'.*'nearest', or Conv2DTrans"),
    "cropping": (L.Cropping2D(1, name="odd"), r"'odd'.*padding='valid'"),
    "permute": (L.Permute((2, 1, 3), name="odd"), r"'odd'.*channels last"),
    "lstm": (lambda x: L.LSTM(3, name="odd")(L.Reshape((6, 24))(x)), r"'odd'.*convolutions"),
    "channels_first": (L.Flatten(data_format="channels_first", name="odd"), r"'odd'.*channels_last"),
    "pool_channels_first": (L.ZeroPadding2D(data_format="channels_first", name="odd"), r"'odd'.*channels_last"),
    "norm_axis": (L.BatchNormalization(axis=1, name="odd"), r"'odd'.*axis"),
    "softmax_axis": (L.Softmax(axis=1, name="odd"), r"'odd'.*axis"),
    "concat_axis": (lambda x: L.Concatenate(axis=1, name="odd")([x, x]), r"'odd'.*axis"),
    "add_broadcast": (lambda x: L.Add(name="odd")([x, L.GlobalAveragePooling2D(keepdims=True)(x)]), r"'odd'.*shape"),
    "constant": (lambda x: x + 1.0, r"'add.*constant.*Rescaling"),
    "rescaling_positions": (L.Rescaling(np.ones((6, 1, 1)), name="odd"), r"'odd'.*per channel"),
    "normalization_positions": (
        L.Normalization(axis=1, mean=np.arange(6.0), variance=np.ones(6), name="odd"),
        r"'odd'.*per channel",
    ),
    "same_pool_of_linear": (
        lambda x: L.ReLU()(L.AveragePooling2D(3, strides=1, padding="same", name="odd")(linear_layer()(x))),
        r"'odd'.*padding='valid'",
    ),
}
"""What stands in the middle of a model, and what its refusal says."""

UNCOMPOSABLE: dict[str, tuple[Callable[[Any], Any], str]] = {
    "padded_linear": (
        lambda x: L.Conv2D(3, 3, padding="same", name="odd", activation="relu")(linear_layer()(x)),
        r"'odd'.*'straight'.*(relu|valid)",
    ),
    "max_pool_of_linear": (
        lambda x: relu_layer("next")(L.MaxPooling2D(2)(linear_layer()(x))),
        r"'next'.*'straight'.*max-pool",
    ),
    "padding_of_linear": (
        lambda x: relu_layer("next")(L.ZeroPadding2D(1)(linear_layer()(x))),
        r"'next'.*'straight'.*padding",
    ),
    "negative_gain_after_pool": (
        lambda x: L.ReLU()(L.Rescaling(-1.0, name="odd")(L.MaxPooling2D(2)(linear_layer()(x)))),
        r"'odd'.*negative.*relu before",
    ),
    "shift_of_padding": (
        lambda x: L.ReLU()(L.Rescaling(1.0, 0.5, name="odd")(L.ZeroPadding2D(1)(linear_layer()(x)))),
        r"'odd'.*before padding",
    ),
    "norm_after_reshape": (
        lambda x: L.ReLU()(L.BatchNormalization(name="odd")(L.Flatten()(linear_layer()(x)))),
        r"'odd'.*normalise before",
    ),
    "add_after_pool_of_linear": (
        lambda x: L.ReLU()(
            L.Add(name="odd")([L.MaxPooling2D(2)(linear_layer()(x)), L.MaxPooling2D(2)(linear_layer("b")(x))])
        ),
        r"'odd'.*'straight'.*relu",
    ),
    "depthwise_after_flattened_linear": (
        lambda x: L.DepthwiseConv2D(1, name="odd", activation="relu")(L.Reshape((1, 1, 64))(linear_layer()(x))),
        r"'odd'.*'straight'.*reshape",
    ),
}
"""The same of what only `linear` compose refuses: else a relay stands between."""


def message(model: Any, linear: LinearLayers = "least") -> str:
    """What the refusal of the model says."""
    with pytest.raises(UnsupportedLayerError) as caught:
        populate(from_keras(randomised(model)), signed_input=False, linear=linear)
    return str(caught.value)
