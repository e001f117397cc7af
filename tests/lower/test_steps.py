"""Inputs of steps (L, C): the shape that the network gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import snncc
from tests.keras_models import L, keras


@pytest.mark.parametrize(
    ("first", "wanted"),
    [
        ([L.Conv1D(2, 2, activation="relu")], (1, 6, 4)),
        ([L.Flatten()], (24,)),
        ([L.Reshape((6, 4, 1)), L.Conv2D(2, 2, activation="relu")], (24,)),
        ([L.Rescaling(0.5), L.Flatten()], (24,)),
        ([L.Rescaling([0.5, 0.25, 1.0, 2.0]), L.Flatten()], (1, 6, 4)),
    ],
)
def test_the_shape_of_an_input_of_steps(first: list[Any], wanted: tuple[int, ...]) -> None:
    """A map of one row where it is read as steps or scaled per channel; data keep the model's shape."""
    keras.utils.set_random_seed(0)  # not one whose relus are all dead
    model = keras.Sequential([keras.Input((6, 4)), *first, L.Flatten(), L.Dense(3)])
    x = np.random.default_rng(0).random((5, 6, 4))
    network = snncc.convert(model, x, calibrate="none", timesteps=4)
    assert network.ir.input.shape == wanted
    assert network.run(x).classes.shape == (5,)
    assert len(snncc.evaluate(network, x, np.zeros(5, int), timesteps=[4])) == 1
