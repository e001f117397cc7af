"""Real architectures from keras.applications, random weights at small inputs: they convert, no larger than they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from snncc.frontend.keras import from_keras
from snncc.lower.populate import populate
from snncc.lower.projections import RealPool
from tests.keras_models import keras

A = keras.applications
SMALL = {"weights": None, "classes": 10}

MODELS: dict[str, Callable[[], Any]] = {
    "VGG16": lambda: A.VGG16(input_shape=(32, 32, 3), include_top=False, weights=None, pooling="avg"),
    "ResNet50": lambda: A.ResNet50(input_shape=(32, 32, 3), **SMALL),
    "ResNet50V2": lambda: A.ResNet50V2(input_shape=(32, 32, 3), **SMALL),
    "MobileNet": lambda: A.MobileNet(input_shape=(32, 32, 3), alpha=0.25, **SMALL),
    "MobileNetV2": lambda: A.MobileNetV2(input_shape=(32, 32, 3), alpha=0.35, **SMALL),
    "MobileNetV3Small": lambda: A.MobileNetV3Small(
        input_shape=(32, 32, 3), minimalistic=True, include_preprocessing=False, **SMALL
    ),
    "DenseNet121": lambda: A.DenseNet121(input_shape=(32, 32, 3), **SMALL),
    "InceptionV3": lambda: A.InceptionV3(input_shape=(75, 75, 3), **SMALL),
    "Xception": lambda: A.Xception(input_shape=(71, 71, 3), **SMALL),
}


@pytest.mark.parametrize("name", MODELS)
def test_it_converts_with_at_most_a_twentieth_more_weights(name: str) -> None:
    keras.utils.set_random_seed(1)
    model = MODELS[name]()
    real = populate(from_keras(model), signed_input=True)
    projections = [q for p in real.populations for q in p.projections if not isinstance(q, RealPool)]
    assert sum(q.weights.size for q in projections) <= 1.05 * model.count_params()
