"""What cannot be converted: the message names the layer and says what to write instead, before any work."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import snncc
from snncc.errors import UnsupportedLayerError
from snncc.frontend.keras import from_keras
from snncc.lower.populate import populate
from tests.keras_models import keras, randomised

L = keras.layers
SHAPE = (6, 6, 2)


def _in() -> Any:
    return keras.Input(SHAPE, name="pixels")


def _relu(name: str = "first") -> Any:
    return L.Conv2D(4, 3, activation="relu", padding="same", name=name)


def _tail(x: Any) -> Any:
    return L.Dense(3, activation="softmax", name="tail")(L.Flatten()(x))


def _model(middle: Callable[[Any], Any]) -> Any:
    x = _in()
    return keras.Model(x, _tail(middle(_relu()(x))))


def _linear(name: str = "straight", **options: Any) -> Any:
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
    "leaky": (L.LeakyReLU(name="odd"), r"'odd'.*train with ReLU"),
    "leaky_relu_layer": (L.ReLU(negative_slope=0.1, name="odd"), r"'odd'.*negative_slope"),
    "threshold": (L.ReLU(threshold=1.0, name="odd"), r"'odd'.*threshold"),
    "leaky_activation": (L.Activation("leaky_relu", name="odd"), r"'odd'.*use relu"),
    "elu": (L.ELU(name="odd"), r"'odd'.*train with ReLU"),
    "tanh": (L.Activation("tanh", name="odd"), r"'odd'.*'tanh'.*use relu"),
    "gelu_fused": (L.Conv2D(2, 3, activation="gelu", name="odd"), r"'odd'.*'gelu'"),
    "own_function": (L.Conv2D(2, 3, activation=relu, name="odd"), r"'odd'.*its own.*Keras's relu"),
    "leaky_as_activation": (L.Conv2D(2, 3, activation=L.LeakyReLU(), name="odd"), r"'odd'.*'LeakyReLU'.*use relu"),
    "softmax_inside": (L.Softmax(name="odd"), r"'odd'.*softmax inside.*use relu"),
    "sigmoid_inside": (L.Dense(4, activation="sigmoid", name="odd"), r"'odd'.*sigmoid inside.*use relu"),
    "multiply": (lambda x: L.Multiply(name="odd")([x, x]), r"'odd'.*use Add"),
    "maximum": (lambda x: L.Maximum(name="odd")([x, x]), r"'odd'.*use MaxPooling2D"),
    "layer_norm": (L.LayerNormalization(name="odd"), r"'odd'.*BatchNormalization"),
    "lambda": (L.Lambda(lambda x: x, name="odd"), r"'odd'.*code is unknown"),
    "custom": (Doubled(name="odd"), r"'odd'.*Keras's own layers"),
    "custom_of_the_same_name": (Conv2D(2, 3, name="odd"), r"'odd'.*Keras's own layers"),
    "transposed": (L.Conv2DTranspose(2, 3, name="odd"), r"'odd'.*not supported"),
    "upsampling": (L.UpSampling2D(name="odd"), r"'odd'.*not supported"),
    "permute": (L.Permute((2, 1, 3), name="odd"), r"'odd'.*channels last"),
    "lstm": (lambda x: L.LSTM(3, name="odd")(L.Reshape((6, 24))(x)), r"'odd'.*convolutions"),
    "conv1d": (lambda x: L.Conv1D(3, 2, name="odd")(L.Reshape((6, 24))(x)), r"'odd'.*Conv2D"),
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
    "padded_linear": (
        lambda x: L.Conv2D(3, 3, padding="same", name="odd", activation="relu")(_linear()(x)),
        r"'odd'.*'straight'.*(relu|valid)",
    ),
    "same_pool_of_linear": (
        lambda x: L.ReLU()(L.AveragePooling2D(3, padding="same", name="odd")(_linear()(x))),
        r"'odd'.*padding='valid'",
    ),
    "max_pool_of_linear": (lambda x: _relu("next")(L.MaxPooling2D(2)(_linear()(x))), r"'next'.*'straight'.*max-pool"),
    "padding_of_linear": (lambda x: _relu("next")(L.ZeroPadding2D(1)(_linear()(x))), r"'next'.*'straight'.*padding"),
    "negative_gain_after_pool": (
        lambda x: L.ReLU()(L.Rescaling(-1.0, name="odd")(L.MaxPooling2D(2)(_linear()(x)))),
        r"'odd'.*negative.*relu before",
    ),
    "shift_of_padding": (
        lambda x: L.ReLU()(L.Rescaling(1.0, 0.5, name="odd")(L.ZeroPadding2D(1)(_linear()(x)))),
        r"'odd'.*before padding",
    ),
    "norm_after_reshape": (
        lambda x: L.ReLU()(L.BatchNormalization(name="odd")(L.Flatten()(_linear()(x)))),
        r"'odd'.*normalise before",
    ),
    "add_after_pool_of_linear": (
        lambda x: L.ReLU()(L.Add(name="odd")([L.MaxPooling2D(2)(_linear()(x)), L.MaxPooling2D(2)(_linear("b")(x))])),
        r"'odd'.*'straight'.*relu",
    ),
    "depthwise_after_flattened_linear": (
        lambda x: L.DepthwiseConv2D(1, name="odd", activation="relu")(L.Reshape((1, 1, 64))(_linear()(x))),
        r"'odd'.*'straight'.*reshape",
    ),
}


def message(model: Any) -> str:
    with pytest.raises(UnsupportedLayerError) as caught:
        populate(from_keras(randomised(model)), signed_input=False)
    return str(caught.value)


@pytest.mark.parametrize("name", MIDDLE)
def test_refused_by_name_with_a_way_out(name: str) -> None:
    middle, wanted = MIDDLE[name]
    assert re.search(wanted, message(_model(middle)), re.DOTALL)


def test_all_unsupported_layers_come_in_one_message() -> None:
    x = _in()
    y = L.LeakyReLU(name="leaky")(_relu()(x))
    y = L.Multiply(name="product")([y, L.Activation("tanh", name="tanh")(y)])
    text = message(keras.Model(x, _tail(L.UpSampling2D(name="larger")(y))))
    assert all(repr(name) in text for name in ("leaky", "product", "tanh", "larger"))


def test_all_tensors_that_cannot_be_composed_come_in_one_message() -> None:
    x = _in()
    y = _relu("second")(L.MaxPooling2D(2)(_linear("one")(x)))
    y = _relu("third")(L.ZeroPadding2D(1)(_linear("two", padding="same")(y)))
    text = message(keras.Model(x, _tail(y)))
    assert all(repr(name) in text for name in ("one", "second", "two", "third"))


def test_no_silent_relu_at_the_end() -> None:
    x = _in()
    assert "max-pool" in message(keras.Model(x, L.MaxPooling2D(2)(_linear("one")(x))))


@pytest.mark.parametrize("activation", ["tanh", "hard_sigmoid", "swish", "exponential"])
def test_heads_that_are_refused(activation: str) -> None:
    x = _in()
    text = message(keras.Model(x, L.Dense(3, activation=activation, name="end")(L.Flatten()(x))))
    assert "'end'" in text and "on the host" in text


def test_a_softmax_per_position() -> None:
    x = _in()
    assert "'maps'" in message(keras.Model(x, L.Conv2D(3, 3, activation="softmax", name="maps")(x)))
    y = L.Softmax(name="rows")(L.Reshape((2, 3))(L.Dense(6)(L.Flatten()(x))))
    assert "'rows'" in message(keras.Model(x, y))


def test_relu_after_softmax() -> None:
    x = _in()
    assert "softmax inside" in message(keras.Model(x, L.ReLU()(_tail(x))))


def test_two_inputs_two_outputs_and_none() -> None:
    x, other = _in(), keras.Input(SHAPE)
    assert "2 inputs" in message(keras.Model([x, other], L.Add()([_relu()(x), _relu("b")(other)])))
    assert "2 outputs" in message(keras.Model(x, [_tail(x), _relu()(x)]))
    assert "no layer with weights" in message(keras.Model(x, L.Softmax()(L.Flatten()(x))))


def test_a_nested_model_with_two_outputs() -> None:
    inner = keras.Input(SHAPE)
    block = keras.Model(inner, [_relu("a")(inner), _relu("b")(inner)], name="fork")
    x = _in()
    assert "'fork'" in message(keras.Model(x, _tail(block(x)[1])))


def test_a_subclassed_model() -> None:
    model = Subclassed()
    model(np.zeros((1, 4), np.float32))
    with pytest.raises(UnsupportedLayerError, match=r"subclassed.*Functional"):
        from_keras(model)
    x = keras.Input((4,))
    with pytest.raises(UnsupportedLayerError, match=r"Subclassed.*Keras's own"):
        from_keras(keras.Model(x, Subclassed()(x)))


def test_something_that_is_no_model() -> None:
    with pytest.raises(UnsupportedLayerError):
        snncc.convert(np.zeros(3), np.zeros((2, 3)))


def test_open_shapes() -> None:
    x = keras.Input((None, None, 3))
    with pytest.raises(UnsupportedLayerError, match="fixed height and width"):
        from_keras(keras.Model(x, L.GlobalAveragePooling2D()(L.Conv2D(3, 3, activation="relu")(x))))


def test_a_sequential_model_gets_its_shape_from_the_data() -> None:
    model = keras.Sequential([L.Flatten(), L.Dense(3)])
    assert snncc.convert(model, np.random.default_rng(0).random((5, 4, 2))).ir.input.shape == (8,)
