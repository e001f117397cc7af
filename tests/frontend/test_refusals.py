"""What cannot be converted: the message names the layer and says what to write instead, before any work."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import snncc
from snncc.errors import UnsupportedLayerError
from snncc.frontend.keras import from_keras, load_model
from snncc.lower.populate import populate
from tests.frontend.refused import (
    MIDDLE,
    SHAPE,
    UNCOMPOSABLE,
    Subclassed,
    classified,
    image,
    linear_layer,
    message,
    model_around,
    relu_layer,
)
from tests.keras_models import keras, randomised

L = keras.layers


@pytest.mark.parametrize("name", MIDDLE)
def test_refused_by_name_with_a_way_out(name: str) -> None:
    middle, wanted = MIDDLE[name]
    assert re.search(wanted, message(model_around(middle)), re.DOTALL)


@pytest.mark.parametrize("name", UNCOMPOSABLE)
def test_what_cannot_be_composed_is_refused_by_compose_alone(name: str) -> None:
    middle, wanted = UNCOMPOSABLE[name]
    assert re.search(wanted, message(model_around(middle), "compose"), re.DOTALL)
    real = populate(from_keras(randomised(model_around(middle))), signed_input=False)
    assert any(population.relay for population in real.populations)


def test_all_unsupported_layers_come_in_one_message() -> None:
    x = image()
    y = L.ELU(name="elu")(relu_layer()(x))
    y = L.Multiply(name="product")([y, L.Activation("tanh", name="tanh")(y)])
    text = message(keras.Model(x, classified(L.Cropping2D(name="smaller")(y))))
    assert all(repr(name) in text for name in ("elu", "product", "tanh", "smaller"))


def test_all_tensors_that_cannot_be_composed_come_in_one_message() -> None:
    x = image()
    y = relu_layer("second")(L.MaxPooling2D(2)(linear_layer("one")(x)))
    y = relu_layer("third")(L.ZeroPadding2D(1)(linear_layer("two", padding="same")(y)))
    text = message(keras.Model(x, classified(y)), "compose")
    assert all(repr(name) in text for name in ("one", "second", "two", "third"))


def test_no_silent_relu_at_the_end() -> None:
    x = image()
    assert "max-pool" in message(keras.Model(x, L.MaxPooling2D(2)(linear_layer("one")(x))), "compose")


@pytest.mark.parametrize("activation", ["tanh", "softplus", "swish", "exponential"])
def test_heads_that_are_refused(activation: str) -> None:
    x = image()
    text = message(keras.Model(x, L.Dense(3, activation=activation, name="end")(L.Flatten()(x))))
    assert "'end'" in text and "on the host" in text


def test_a_softmax_per_position() -> None:
    x = image()
    assert "'maps'" in message(keras.Model(x, L.Conv2D(3, 3, activation="softmax", name="maps")(x)))
    y = L.Softmax(name="rows")(L.Reshape((2, 3))(L.Dense(6)(L.Flatten()(x))))
    assert "'rows'" in message(keras.Model(x, y))


def test_relu_after_softmax() -> None:
    x = image()
    assert "softmax inside" in message(keras.Model(x, L.ReLU()(classified(x))))


def test_two_inputs_two_outputs_and_none() -> None:
    x, other = image(), keras.Input(SHAPE)
    assert "2 inputs" in message(keras.Model([x, other], L.Add()([relu_layer()(x), relu_layer("b")(other)])))
    assert "2 outputs" in message(keras.Model(x, [classified(x), relu_layer()(x)]))
    assert "no layer with weights" in message(keras.Model(x, L.Softmax()(L.Flatten()(x))))


def test_a_nested_model_with_two_outputs() -> None:
    inner = keras.Input(SHAPE)
    block = keras.Model(inner, [relu_layer("a")(inner), relu_layer("b")(inner)], name="fork")
    x = image()
    assert "'fork'" in message(keras.Model(x, classified(block(x)[1])))


def test_a_subclassed_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Subclassed()
    model(np.zeros((1, 4), np.float32))
    monkeypatch.setattr(Subclassed, "__module__", "__main__")  # as in the script that trains it: the file has no module
    model.save(tmp_path / "s.keras")
    with pytest.raises(UnsupportedLayerError, match=r"s\.keras .*\n.* Subclassed: a class of the script .*Functional"):
        load_model(tmp_path / "s.keras")
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
