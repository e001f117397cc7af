"""Every layer of Keras either has a reader, or is refused in words that say what to do instead."""

from __future__ import annotations

import inspect
import re

import pytest

from snncc.frontend.keras.activations import ACTIVATIONS, activation
from snncc.frontend.keras.advice import ADVICE, TRAINING_ONLY
from snncc.frontend.keras.layers import READERS, read
from snncc.frontend.keras.steps import Refusal
from tests.frontend.refused import message, model_around
from tests.keras_models import L, keras

BASES = {"Layer", "InputLayer"}
"""What is no layer of a model's own; a model's input is no call."""
LAYERS = {kind.__name__: kind for kind in vars(L).values() if inspect.isclass(kind) and issubclass(kind, L.Layer)}
WAY_OUT = re.compile(r"use |train with |before the model|write it|feed ")
FUNCTIONS = {name: f for name, f in vars(keras.activations).items() if inspect.isfunction(f)}
SERIALISATION = {"get", "serialize", "deserialize"}
TAKEN = {"linear", "relu", "relu6", "leaky_relu", "hard_sigmoid", "hard_tanh", "softmax", "sigmoid"}


def said(kind: type) -> str:
    """What is said of a layer of a class that has no reader; only its class is looked at."""
    with pytest.raises(Refusal) as caught:
        read(object.__new__(kind), [(4, 4, 2)], (4, 4, 2))
    return str(caught.value)


def test_every_layer_converts_or_is_refused_with_a_way_out() -> None:
    assert len(LAYERS) > 140
    known = {*READERS, *TRAINING_ONLY, *ADVICE, *BASES}
    assert LAYERS.keys() - known == set(), "layers that nothing is said of"
    assert not {*READERS, *TRAINING_ONLY} & {*ADVICE}
    for name in LAYERS.keys() & ADVICE.keys():
        assert WAY_OUT.search(said(LAYERS[name])), name


def test_a_layer_that_nobody_knows_is_refused_too() -> None:
    later = type("LaterThanThis", (L.Layer,), {"__module__": "keras.src.layers.later"})
    assert WAY_OUT.search(said(later))


def test_every_activation_converts_or_is_refused_with_a_way_out() -> None:
    assert FUNCTIONS.keys() > TAKEN
    for name, function in FUNCTIONS.items():
        if name in TAKEN:
            activation(function)
        elif name not in SERIALISATION:
            with pytest.raises(Refusal, match=r"use .*relu.* and fine-tune; at the end .* on the host"):
                activation(function)
    assert {activation(layer())[0].slope is None for layer in (L.ReLU, L.LeakyReLU)} == {True, False}
    assert ACTIVATIONS.keys() == {"ReLU", "LeakyReLU", "PReLU", "QCFS"}


def test_gates_and_scales_are_refused_in_one_message() -> None:
    def excited(x: object) -> object:
        gate = L.Dense(4, activation="hard_sigmoid")(L.GlobalAveragePooling2D(keepdims=True)(x))
        return L.Activation("hard_swish", name="swish")(L.Multiply(name="gate")([x, gate]))

    text = message(model_around(excited))
    assert re.search(r"Multiply layer 'gate'.*gates \(squeeze-and-excite\)", text)
    assert re.search(r"Activation layer 'swish'.*use relu or relu6", text)
