"""Average pools composed into their readers: the same function as Keras, fewer populations; else they fire."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import snncc
from snncc.errors import CalibrationError
from snncc.frontend.keras import from_keras
from snncc.ir import Conv2D
from snncc.lower.calibrate import input_extremes
from snncc.lower.ends import input_scaling
from snncc.lower.options import AveragePools, LinearLayers
from snncc.lower.populate import populate
from snncc.lower.projections import RealPool
from snncc.lower.real import RealNetwork
from tests import keras_models
from tests.keras_models import CASES
from tests.lower.bounds import T, apply_head, differences, float_activations

AVERAGES = (
    *(layers.AveragePooling1D, layers.AveragePooling2D),
    *(layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D),
)


def real_network(model: Any, x: np.ndarray, pools: AveragePools, linear: LinearLayers = "compose") -> RealNetwork:
    graph = from_keras(model)
    gain, offset, _ = input_scaling(graph)
    return populate(graph, input_extremes(x, gain, offset)[0] < 0, average_pools=pools, linear=linear)


def averaging(real: RealNetwork) -> list[str]:
    return [p.name for p in real.populations if isinstance(p.projections[0], RealPool)]


@pytest.mark.parametrize("pools", ["global", "all"])
@pytest.mark.parametrize("linear", ["compose", "least"])
@pytest.mark.parametrize("name", CASES)
def test_the_function_stays_that_of_keras(name: str, linear: LinearLayers, pools: AveragePools) -> None:
    model, x = keras_models.build(name), keras_models.samples(name)
    if linear == "compose" and name in keras_models.RELAYED:
        return
    if not any(isinstance(layer, AVERAGES) for layer in model.layers):
        assert [p.name for p in real_network(model, x, pools, linear).populations] == [
            p.name for p in real_network(model, x, "fire", linear).populations
        ]
        return
    wanted = np.asarray(model(x, training=False), np.float64)
    real = real_network(model, x, pools, linear)
    found = float_activations(real, x)[real.populations[-1].name].reshape(wanted.shape)
    np.testing.assert_allclose(apply_head(real.head, found), wanted, rtol=0, atol=1e-4 * max(1, np.abs(wanted).max()))
    network = snncc.convert(model, x, signed_bit=16, timesteps=T, calibrate="none", average_pools=pools, linear=linear)
    values = float_activations(real, x)
    for population, (error, allowed) in differences(network, real, x).items():
        slack = 1e-5 * max(1.0, float(np.abs(values.get(population, error)).max()))
        assert (error <= allowed + slack).all(), population


def pooled_net(size: int, pool: Any, *after: Any) -> tuple[Any, np.ndarray]:
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((size, size, 2)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            pool,
            *after,
            layers.Dense(3),
        ]
    )
    return model, np.random.default_rng(4).random((6, size, size, 2)).astype(np.float32)


def conv(**options: Any) -> Any:
    return layers.Conv2D(5, 3, activation="relu", **options)


@pytest.mark.parametrize(
    ("size", "pool", "after", "fires"),
    [
        (8, layers.AveragePooling2D(2), [conv(padding="same"), layers.Flatten()], False),
        (8, layers.AveragePooling2D(2), [conv(padding="same", strides=2), layers.Flatten()], False),
        (
            8,
            layers.AveragePooling2D(2),
            [layers.DepthwiseConv2D(3, padding="same", activation="relu"), layers.Flatten()],
            False,
        ),
        (9, layers.AveragePooling2D(2), [conv(), layers.Flatten()], False),
        (8, layers.AveragePooling2D(2), [layers.Flatten()], False),
        (
            9,
            layers.AveragePooling2D(2),
            [conv(padding="same"), layers.Flatten()],
            True,
        ),  # the last row belongs to no window
        (8, layers.AveragePooling2D(3, strides=2), [conv(padding="same"), layers.Flatten()], True),  # windows overlap
        (
            8,
            layers.AveragePooling2D(3, padding="same"),
            [conv(), layers.Flatten()],
            True,
        ),  # smaller windows at the border
        (
            8,
            layers.AveragePooling2D(2),
            [layers.ReLU(), layers.MaxPooling2D(2), layers.Flatten()],
            True,
        ),  # no linear reader
    ],
)
def test_a_pool_fires_only_where_it_cannot_be_composed(size: int, pool: Any, after: list[Any], fires: bool) -> None:
    model, x = pooled_net(size, pool, *after)
    real = real_network(model, x, "all")
    assert bool(averaging(real)) == fires
    assert averaging(real_network(model, x, "fire"))
    wanted = np.asarray(model(x, training=False), np.float64)
    found = float_activations(real, x)[real.populations[-1].name].reshape(wanted.shape)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)


def test_global_composes_global_pools_alone() -> None:
    model, x = pooled_net(8, layers.AveragePooling2D(2), conv(padding="same"), layers.GlobalAveragePooling2D())
    assert len(averaging(real_network(model, x, "fire"))) == 2
    assert len(averaging(real_network(model, x, "global"))) == 1
    assert averaging(real_network(model, x, "all")) == []


def test_a_pool_with_two_readers_is_passed_by_for_the_linear_one_only() -> None:
    keras.utils.set_random_seed(5)
    entry = keras.Input((8, 8, 2))
    pooled = layers.AveragePooling2D(2)(layers.Conv2D(4, 3, padding="same", activation="relu")(entry))
    added = layers.ReLU()(layers.Add()([pooled, layers.Conv2D(4, 3, padding="same")(pooled)]))
    model = keras.Model(entry, layers.Dense(3)(layers.Flatten()(added)))
    x = np.random.default_rng(6).random((6, 8, 8, 2)).astype(np.float32)
    real = real_network(model, x, "all")
    assert len(averaging(real)) == 1
    kinds = [q.kind for p in real.populations for q in p.projections if not isinstance(q, RealPool)]
    assert kinds.count(Conv2D) == 2
    found = float_activations(real, x)[real.populations[-1].name]
    np.testing.assert_allclose(found, np.asarray(model(x, training=False)), rtol=0, atol=1e-4)


def test_diagnose_finds_out_what_was_composed() -> None:
    model, x = pooled_net(8, layers.AveragePooling2D(2), conv(padding="same"), layers.GlobalAveragePooling2D())
    for pools in ("fire", "global", "all"):
        network = snncc.convert(model, x, timesteps=8, average_pools=pools)
        rows = snncc.diagnose(network, model, x).rows
        assert [row.population for row in rows][-len(network.ir.populations) :] == [
            p.name for p in network.ir.populations
        ]


def test_another_word_is_refused() -> None:
    model, x = pooled_net(8, layers.AveragePooling2D(2), layers.Flatten())
    with pytest.raises(CalibrationError, match="fire, global or all"):
        snncc.convert(model, x, average_pools="some")
