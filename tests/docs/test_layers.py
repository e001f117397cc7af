"""README's two tables of layers against the readers: each name converts, or is refused for the reason given."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import snncc
from snncc import backends
from snncc.frontend.keras.advice import ADVICE, TRAINING_ONLY
from snncc.frontend.keras.layers import READERS
from tests.docs.pages import parse, read
from tests.frontend.refused import MIDDLE, SHAPE, Subclassed, classified, image, message, model_around, relu_layer
from tests.keras_models import L, keras, randomised

CONVERTS, REFUSED = read("README.md").table("layer"), read("README.md").table("refused")


def over_steps(layer: Any) -> Callable[[Any], Any]:
    """A layer on the map's positions as steps."""
    return lambda x: layer(L.Reshape((36, 4))(x))


CALLS: dict[str, Callable[[Any], Any]] = {
    "Conv2D": L.Conv2D(3, 3),
    "DepthwiseConv2D": L.DepthwiseConv2D(3),
    "SeparableConv2D": L.SeparableConv2D(3, 2),
    "Dense": L.Dense(3),
    "AveragePooling2D": L.AveragePooling2D(3, strides=1, padding="same"),
    "MaxPooling2D": L.MaxPooling2D(2),
    "Activation": L.Activation("relu"),
    "Reshape": L.Reshape((3, 12, 4)),
    "Rescaling": L.Rescaling(0.5),
    "Normalization": L.Normalization(mean=0.2, variance=0.5),
    "Concatenate": lambda x: L.Concatenate()([x, x]),
    "Add": lambda x: L.Add()([x, x, x]),
    "Conv1D": over_steps(L.Conv1D(3, 2, padding="causal")),
    "DepthwiseConv1D": over_steps(L.DepthwiseConv1D(3)),
    "SeparableConv1D": over_steps(L.SeparableConv1D(3, 2)),
    "AveragePooling1D": over_steps(L.AveragePooling1D(3, strides=1, padding="same")),
    "MaxPooling1D": over_steps(L.MaxPooling1D(2)),
    "GlobalAveragePooling1D": over_steps(L.GlobalAveragePooling1D()),
    "GlobalMaxPooling1D": over_steps(L.GlobalMaxPooling1D()),
    "ZeroPadding1D": over_steps(L.ZeroPadding1D()),
    "SpatialDropout1D": over_steps(L.SpatialDropout1D(0.1)),
    "SpatialDropout3D": lambda x: L.SpatialDropout3D(0.1)(L.Reshape((6, 6, 2, 2))(x)),
    "LSTM": lambda x: L.LSTM(3, name="odd")(L.Reshape((6, 24))(x)),
    "GRU": lambda x: L.GRU(3, name="odd")(L.Reshape((6, 24))(x)),
    "SimpleRNN": lambda x: L.SimpleRNN(3, name="odd")(L.Reshape((6, 24))(x)),
    "Average": lambda x: L.Average()([x, x]),
    "PReLU": L.PReLU(shared_axes=[1, 2]),
    "Attention": lambda x: L.Attention(name="odd")([x, x]),
    "MultiHeadAttention": lambda x: L.MultiHeadAttention(2, 2, name="odd")(x, x),
    "Subtract": lambda x: L.Subtract(name="odd")([x, x]),
    "Multiply": lambda x: L.Multiply(name="odd")([x, x]),
    "Maximum": lambda x: L.Maximum(name="odd")([x, x]),
    "GroupNormalization": L.GroupNormalization(2, name="odd"),
    "Conv3D": lambda x: L.Conv3D(3, 2, name="odd")(L.Reshape((6, 6, 2, 2))(x)),
    "Conv1DTranspose": over_steps(L.Conv1DTranspose(2, 3, strides=2)),
    "Conv2DTranspose": L.Conv2DTranspose(2, 3, strides=2),
    "UpSampling1D": over_steps(L.UpSampling1D(2)),
    "Lambda": L.Lambda(lambda x: x, name="odd"),
    "Permute": L.Permute((2, 1, 3), name="odd"),
}
"""How a layer is called on a map of 6×6×4, where its class with 0.1 for what it must have will not do."""


OURS = {"QCFS"}
"""Layers that are no class of Keras."""


def named(rows: list[list[str]]) -> set[str]:
    """The Keras layers that the first column names."""
    words = {word for row in rows for word in re.findall(r"\w+", row[0])}
    return {word for word in words if inspect.isclass(getattr(L, word, None))}


def call(kind: str, x: Any) -> Any:
    """A layer of this kind, named 'odd' where it is to be refused, called on a map."""
    if kind in CALLS:
        return CALLS[kind](x)
    needed = [p for p in inspect.signature(getattr(L, kind)).parameters.values() if p.default is p.empty]
    numbers = [0.1 for p in needed if p.kind is p.POSITIONAL_OR_KEYWORD]
    options = {"name": "odd"} if kind in ADVICE else {}
    return getattr(L, kind)(*numbers, **options)(x)


def _two_inputs() -> Any:
    x, other = image(), keras.Input(SHAPE)
    return keras.Model([x, other], L.Add()([relu_layer()(x), relu_layer("b")(other)]))


def _two_outputs() -> Any:
    x = image()
    return keras.Model(x, [classified(x), relu_layer()(x)])


def _open() -> Any:
    x = keras.Input((None, None, 3))
    return keras.Model(x, L.GlobalAveragePooling2D()(relu_layer()(x)))


def _subclassed() -> Any:
    x = keras.Input((4,))
    return keras.Model(x, Subclassed()(x))


def _softmax_maps() -> Any:
    x = image()
    return keras.Model(x, L.Conv2D(3, 3, activation="softmax", name="odd")(x))


OTHERS: dict[str, list[str | tuple[Callable[[], Any], str]]] = {
    "ELU": ["tanh", "gelu_fused", "sigmoid_inside", "softmax_inside"],
    "LSTM": [],
    "Conv3D": [],
    "Lambda": ["custom", "custom_of_the_same_name", (_subclassed, "Keras's own")],
    "channels_first": ["channels_first", "pool_channels_first"],
    "two inputs": [(_two_inputs, "2 inputs"), (_two_outputs, "2 outputs"), (_open, "fixed height and width")],
    "Add that broadcasts": ["add_broadcast", "concat_axis"],
    "an average pool": ["same_pool_of_linear"],
    "a softmax at every position": [(_softmax_maps, "'odd'.*one class per image")],
}
"""For each row of the table of refusals, by its beginning: what it says beside single layers."""


def test_the_table_names_the_layers_that_have_a_reader_and_no_others() -> None:
    assert named(CONVERTS) == {*READERS, *TRAINING_ONLY} - OURS
    assert {row[0] for row in CONVERTS} >= OURS
    assert named(CONVERTS[1:]) != {*READERS, *TRAINING_ONLY}, "a row less is noticed"
    assert named(parse("| layer |\n|---|\n| Conv2D, activations in a layer |").table("layer")) == {"Conv2D"}


@pytest.mark.parametrize("kind", sorted(named(CONVERTS)))
def test_a_layer_in_the_table_converts(kind: str) -> None:
    x = image()
    before = relu_layer()(x)
    output = L.Dense(3)(L.Flatten()(before if kind == "Softmax" else call(kind, before)))
    model = randomised(keras.Model(x, L.Softmax()(output) if kind == "Softmax" else output))
    images = np.random.default_rng(0).random((8, *SHAPE))
    network = snncc.convert(model, images, timesteps=4, calibrate="none")
    assert network.run(images).classes.shape == (8,)
    assert network.run(images, dynamics="step").classes.shape == (8,)
    stepped = network.with_(dynamics="step").ir
    backends.target("verilog").check(stepped, {})


def test_the_table_of_refusals_names_layers_that_there_is_advice_for() -> None:
    assert named(REFUSED) <= {*ADVICE, "Add", "Concatenate"}


@pytest.mark.parametrize("kind", sorted(named(REFUSED) & {*ADVICE}))
def test_a_layer_in_the_table_of_refusals_is_refused_with_the_advice(kind: str) -> None:
    said = message(model_around(lambda x: L.Reshape((-1, 1, 1))(call(kind, x))))
    assert f"{kind} layer 'odd'" in said and ADVICE[kind] in said


def test_every_other_row_of_the_refusals_is_true() -> None:
    assert len(OTHERS) == len(REFUSED)
    for (said, _), (beginning, examples) in zip(REFUSED, OTHERS.items(), strict=True):
        assert said.startswith(beginning)
        for example in examples:
            if isinstance(example, str):
                middle, reason = MIDDLE[example]
                model = model_around(middle)
            else:
                build, reason = example
                model = build()
            assert re.search(reason, message(model), re.DOTALL), (said, example)
