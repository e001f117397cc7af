"""The Keras model against the integer simulator: every count of every population, on random networks and real ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snncc
from snncc import ir
from snncc.errors import CalibrationError, NetworkError
from snncc.keras_layers import CurrentBias, SpikeForward, SumPooling2D, to_keras
from snncc.keras_layers.straight import floor_divide
from tests import networks, strategies
from tests.keras_counts import built, counts, differences, images
from tests.spkeras_golden import logits, mnist, model
from tests.support import examples


@examples(30)
@given(strategies.cases(dynamics="count"))
def test_counts_equal_the_simulator(case: strategies.Case) -> None:
    network, pixels, timesteps = case
    x = images(network.input, pixels)
    assert not differences(network, x, timesteps, counts(network, built(network, timesteps), x))


@examples(8)
@given(strategies.cases(dynamics="count", max_pool=True, signed=True, extreme=False))
def test_max_pools_of_signed_inputs_equal_the_simulator(case: strategies.Case) -> None:
    network, pixels, timesteps = case
    x = images(network.input, pixels)
    assert not differences(network, x, timesteps, counts(network, built(network, timesteps), x))


def test_kernels_that_keras_lacks() -> None:
    """Strides with dilation, and depthwise strides of two sizes."""
    random = np.random.default_rng(1)
    weights = random.integers(-7, 8, (3, 2, 2, 3)).astype(np.int8)
    dilated = {"strides": (2, 1), "dilation": (2, 2), "pads": (1, 0, 2, 1)}
    conv = ir.Conv2D(name="a", source=ir.Source("input"), weights=weights, **dilated)
    depthwise = ir.DepthwiseConv2D(name="b", source=ir.Source("input"), weights=weights[:2, :, :, :2], strides=(2, 3))
    views = {"conv": ir.Source("conv"), "depthwise": ir.Source("depthwise")}
    shapes = {"conv": (3, 9, 3), "depthwise": (4, 3, 4)}
    populations = [
        networks.population(name, shapes[name], projection, theta=5, bias=1, v0=2)
        for name, projection in (("conv", conv), ("depthwise", depthwise))
    ]
    dense = [
        ir.Dense(name=name, source=ir.Reshape(view, (size,)), weights=random.integers(-7, 8, (size, 4)).astype(np.int8))
        for (name, view), size in zip(views.items(), (81, 48), strict=True)
    ]
    last = networks.population("out", (4,), *dense, theta=None, bias=[1, -2, 3, 0])
    made = networks.network(*populations, last, shape=(9, 8, 2), timesteps=9, signed_bit=4)
    x = random.random((5, 9, 8, 2))
    assert not differences(made, x, 9, counts(made, to_keras(made), x))


def changed(name: str) -> Callable[[ir.Network], ir.Network]:
    def change(network: ir.Network) -> ir.Network:
        first, *others = network.populations
        values = getattr(first, name) + 40
        return ir.replace(network, populations=(ir.replace(first, **{name: values}), *others))

    return change


@pytest.fixture(scope="module")
def network() -> snncc.Network:
    """The golden chain in 8 bits."""
    return snncc.convert(model("seq"), mnist()[0], signed_bit=8, timesteps=64)


@pytest.mark.parametrize("what", ["theta", "bias", "v0"])
def test_a_wrong_parameter_is_noticed(network: snncc.Network, what: str) -> None:
    x = mnist()[1][:16]
    wrong = changed(what)(network.ir)
    wrong = networks.with_intervals(wrong)
    assert differences(network.ir, x, 64, counts(network.ir, to_keras(network), x)) == []
    assert "conv2d" in differences(network.ir, x, 64, counts(network.ir, to_keras(wrong), x))


@pytest.mark.parametrize(("name", "dtype"), [("seq", None), ("residual", "float64")])
def test_predict_evaluate_save_and_load(name: str, dtype: str | None, tmp_path: Path) -> None:
    """The ordinary life of a Keras model, equal at each step to the simulator."""
    _, x, y = mnist()
    network = snncc.convert(model(name), mnist()[0], signed_bit=6, timesteps=32)
    result = network.run(x)
    snn = to_keras(network, dtype=dtype)
    outputs = snn.predict(x, verbose=0)
    np.testing.assert_array_equal(outputs.argmax(axis=1), result.classes)
    exponentials = np.exp(result.outputs - result.outputs.max(axis=1, keepdims=True))
    np.testing.assert_allclose(outputs, exponentials / exponentials.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-6)
    snn.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    found = snn.evaluate(x, y, verbose=0, return_dict=True)["accuracy"]
    assert abs(found - (result.classes == y).mean()) < 1e-6
    snn.save(tmp_path / "snn.keras")
    loaded = keras.models.load_model(tmp_path / "snn.keras")
    assert not differences(network.ir, x[:16], 32, counts(network.ir, loaded, x[:16]))


def test_kernels_hold_the_integers(network: snncc.Network) -> None:
    snn = to_keras(network)
    for population in network.ir.populations:
        for projection in population.projections:
            if not isinstance(projection, ir.SumPool2D):
                (kernel,) = snn.get_layer(f"{population.name}_synapses").get_weights()
                np.testing.assert_array_equal(kernel, projection.weights)


def test_bytes_and_floats_are_one(network: snncc.Network) -> None:
    """uint8 images of a network calibrated on bytes."""
    bytes_ = np.rint(mnist()[0] * 255).astype(np.uint8)
    whole = snncc.convert(model("seq"), bytes_, signed_bit=8, timesteps=16)
    assert whole.ir.input.lambda_0 == 255
    assert not differences(whole.ir, bytes_[:8], 16, counts(whole.ir, to_keras(whole), bytes_[:8]))


@pytest.mark.parametrize("spike_ext", [-1, 0, 5])
def test_compile_time_choices(network: snncc.Network, spike_ext: int) -> None:
    x = mnist()[1][:16]
    other = network.with_(timesteps=12, thresholding=0.25, scaling_factor=0.75, spike_ext=spike_ext)
    assert not differences(other.ir, x, 12, counts(other.ir, to_keras(other), x))
    assert differences(network.ir, x, 12, counts(other.ir, to_keras(other), x))


def test_the_float_twin_without_loss_is_the_cnn() -> None:
    twin = snncc.convert(model("readme_residual"), mnist()[0], signed_bit=0, timesteps=256)
    x = mnist()[1]
    snn = to_keras(twin, noneloss=True, pixels=False)
    assert (snn.predict(x, verbose=0).argmax(axis=1) == logits("readme_residual").argmax(axis=1)).mean() >= 0.98
    found = counts(twin.ir, to_keras(twin), x[:32])
    expected = twin.run(x[:32]).counts
    for name in set(found) - {twin.ir.output.name}:
        assert np.abs(found[name] - expected[name]).max() <= 1
        assert (found[name] == expected[name]).mean() >= 0.999


def test_fine_tuning_reaches_every_layer_and_lowers_the_loss() -> None:
    """Straight through the floor: gradients are finite, and a few steps at T=4 learn."""
    x, _, _ = mnist()
    twin = snncc.convert(model("seq"), x, signed_bit=0, timesteps=4)
    target = keras.ops.one_hot(model("seq").predict(x, verbose=0).argmax(axis=1), 10)
    snn = to_keras(twin)
    before = [w.numpy() for w in snn.trainable_variables]
    fixed = [w.numpy() for w in snn.non_trainable_variables]
    snn.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy")
    history = snn.fit(x, target, epochs=4, batch_size=50, verbose=0, shuffle=False).history["loss"]
    assert history[-1] < 0.8 * history[0]
    assert all((w.numpy() != old).any() for w, old in zip(snn.trainable_variables, before, strict=True))
    assert all((w.numpy() == old).all() for w, old in zip(snn.non_trainable_variables, fixed, strict=True))


def test_gradient_is_straight_through() -> None:
    import tensorflow as tf

    layer = SpikeForward(timesteps=4)
    layer.build((None, 5))
    layer.set_weights([np.array(2.0), np.array(1.0)])
    u = tf.constant([[-9.0, 0.5, 3.2, 6.9, 40.0]])
    with tf.GradientTape() as tape:
        tape.watch(u)
        n = layer(u)
    np.testing.assert_array_equal(n, [[0, 0, 2, 3, 4]])
    np.testing.assert_array_equal(tape.gradient(n, u), [[0, 0.5, 0.5, 0.5, 0]])


@examples(200)
@given(st.integers(-(2**23), 2**23), st.integers(1, 2**20))
def test_floor_divide_is_exact(u: int, theta: int) -> None:
    assert int(floor_divide(keras.ops.array([float(u)]), keras.ops.array([float(theta)]))[0]) == u // theta


def test_layers_by_hand() -> None:
    """CurrentBias and SpikeForward as a user writes them: n = clip(floor((x + b*T)/theta + 0.5), 0, T)."""
    snn = keras.Sequential([keras.Input((3,)), CurrentBias(timesteps=8), SpikeForward(timesteps=8, thresholding=0.5)])
    snn.layers[0].set_weights([np.array([0.25, 0, -1])])
    np.testing.assert_array_equal(snn(np.array([[1.4, 7.9, 7.9]])), [[3, 8, 0]])
    again = keras.Sequential.from_config(snn.get_config())
    assert again.layers[0].get_config() == snn.layers[0].get_config()
    assert again.layers[1].get_config() == snn.layers[1].get_config()


@pytest.mark.parametrize(("size", "strides"), [((2, 3), (1, 2)), ((4, 5), (4, 5)), ((1, 1), (2, 1))])
def test_sum_pooling(size: tuple[int, int], strides: tuple[int, int]) -> None:
    x = np.random.default_rng(0).integers(0, 9, (2, 9, 11, 3)).astype(np.float32)
    average = keras.layers.AveragePooling2D(size, strides)(x)
    np.testing.assert_allclose(SumPooling2D(size, strides)(x), average * size[0] * size[1], rtol=1e-6)


def test_refusals(network: snncc.Network) -> None:
    with pytest.raises(NetworkError, match="float twin"):
        to_keras(network, noneloss=True)
    with pytest.raises(NetworkError, match="float twin"):
        to_keras(network, pixels=False)
    with pytest.raises(CalibrationError, match="timesteps"):
        SpikeForward(timesteps=0)
    with pytest.raises(CalibrationError, match="spike_ext"):
        SpikeForward(spike_ext=-2)


def test_beyond_float64_is_refused_by_name(network: snncc.Network) -> None:
    first, *others = network.ir.populations
    kernel, *_ = first.projections
    wide = ir.replace(first, projections=(ir.replace(kernel, shift=44),), theta=first.theta * 2**44)
    huge: Any = ir.replace(network.ir, populations=(wide, *others))
    huge = networks.with_intervals(huge)
    with pytest.raises(NetworkError, match=r"'conv2d'.*53 bits"):
        to_keras(huge)
