"""The Keras model on devices that round: no library convolution, no product of more than 8 bits, no tie left open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import layers, ops
from tensorflow.python.ops import gen_math_ops

import snncc
from snncc import ir
from snncc.errors import DataError, NetworkError
from snncc.keras_layers import (
    ExactConv2D,
    ExactDense,
    ExactDepthwiseConv2D,
    InputSpikes,
    SpikeForward,
    build,
    to_keras,
)
from snncc.keras_layers.check import compare
from snncc.keras_layers.straight import floor_divide
from snncc.keras_layers.synapses import cut, floor
from snncc.sim.encode import steps, to_pixels
from tests import strategies
from tests.keras_counts import built, counts, differences, images
from tests.keras_models import randomised
from tests.spkeras_golden import mnist, model
from tests.support import examples


def to_bits(x: Any, bits: int) -> Any:
    """A float32 tensor rounded to that many significant bits (Veltkamp): 11 is TF32, 8 bfloat16. float64 stays."""
    if x.dtype != tf.float32:
        return x
    scaled = x * (2.0 ** (24 - bits) + 1)
    return scaled - (scaled - x)


@contextmanager
def device(bits: int) -> Iterator[None]:
    """TensorFlow rounds the operands of float32 matrix products to `bits`, and has no convolutions.

    And Keras makes float64 float32 where it does on JAX or PyTorch.
    """

    def matmul(a: Any, b: Any, *others: Any, **options: Any) -> Any:
        return real(to_bits(a, bits), to_bits(b, bits), *others, **options)

    def narrow(function: Any) -> Any:
        return lambda *arguments: function(*(ops.cast(x, "float32") for x in arguments))

    def convolve(*_: Any, **__: Any) -> Any:
        raise AssertionError("a library convolution")

    real = gen_math_ops.mat_mul
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gen_math_ops, "mat_mul", matmul)
        for name in ("matmul", "floor", "maximum", "minimum"):
            patch.setattr(ops, name, narrow(getattr(ops, name)))
        for name in ("convolution", "conv2d", "depthwise_conv2d"):
            patch.setattr(tf.nn, name, convolve)
        yield


def test_the_emulated_device_rounds_and_has_no_convolutions() -> None:
    """What the tests below rest on: Keras's own layers are wrong on it, or do not run."""
    np.testing.assert_array_equal(to_bits(tf.constant([256.0, 257, 259, 2049, -515]), 8), [256, 256, 260, 2048, -516])
    np.testing.assert_array_equal(to_bits(tf.constant([2047.0, 2049, 2051]), 11), [2047, 2048, 2052])
    x = np.full((1, 3), 257, np.float32)
    dense = layers.Dense(1, use_bias=False, kernel_initializer="ones")
    with device(8):
        assert float(dense(x)[0, 0]) == 768
        with pytest.raises(AssertionError, match="library convolution"):
            layers.Conv2D(1, 2)(np.ones((1, 3, 3, 1), np.float32))
        with pytest.raises(AssertionError, match="library convolution"):
            layers.DepthwiseConv2D(2)(np.ones((1, 3, 3, 1), np.float32))
        assert ops.floor(np.array([2.0**24 + 1])).dtype == "float32"
    assert float(dense(x)[0, 0]) == 771
    assert int(ops.floor(np.array([2.0**24 + 1]))[0]) == 2**24 + 1


# --- structure ------------------------------------------------------------------------------------------------


def every_window() -> keras.Model:
    """Strides, dilation, groups, depth multipliers, separable kernels, uneven padding, a residual block."""
    inputs = keras.Input((11, 9, 2))
    x = layers.Conv2D(4, (3, 2), strides=(2, 1), padding="same", activation="relu")(inputs)
    x = layers.Conv2D(6, 3, dilation_rate=2, padding="same", groups=2, activation="relu")(x)
    y = layers.DepthwiseConv2D((2, 3), strides=2, depth_multiplier=2, padding="same", activation="relu")(x)
    y = layers.SeparableConv2D(5, 3, padding="same", use_bias=False)(y)
    x = layers.ReLU()(layers.Add()([y, layers.Conv2D(5, 1, strides=2)(x)]))
    x = layers.DepthwiseConv2D(2, dilation_rate=(1, 2), activation="relu")(x)
    return randomised(keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x))))


def compiled(timesteps: int = 64, **options: Any) -> tuple[ir.Network, np.ndarray]:
    x = np.random.default_rng(2).random((12, 11, 9, 2)).astype(np.float32)
    return snncc.convert(every_window(), x, timesteps=timesteps, calibrate="none", **options).ir, x


def operations(whole: keras.Model) -> set[str]:
    """The kinds of operation in the model's graph, as TensorFlow would hand them to a device."""
    spec = tf.TensorSpec((2, *whole.input_shape[1:]), whole.input.dtype)
    return {operation.type for operation in tf.function(whole).get_concrete_function(spec).graph.get_operations()}


def test_the_graph_has_matrix_products_and_no_convolution() -> None:
    network, _ = compiled()
    banned = ("conv", "fft", "patches", "einsum")
    assert [o for o in operations(every_window()) if any(word in o.lower() for word in banned)]
    found = operations(to_keras(network, check=0))
    assert "MatMul" in found
    assert not [o for o in found if any(word in o.lower() for word in banned)]


@pytest.mark.parametrize("bits", [11, 8])
@pytest.mark.parametrize(
    "options",
    [
        {"signed_bit": 8},
        {"signed_bit": 16},
        {"signed_bit": 12, "timesteps": 4},
        {"signed_bit": 8, "timesteps": 1000},
        {"signed_bit": 8, "encoding": "current"},
    ],
)
def test_every_window_is_exact_on_a_device_that_rounds(bits: int, options: dict[str, Any]) -> None:
    network, x = compiled(**options)
    timesteps = options.get("timesteps", 64)
    with device(bits):
        assert not differences(network, x, timesteps, counts(network, to_keras(network), x))


@pytest.mark.parametrize("options", [{"signed_bit": 12, "timesteps": 4}, {"signed_bit": 8, "timesteps": 1000}])
def test_without_pieces_the_device_would_be_noticed(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """So the pieces are what keeps these networks exact, and their large operands do meet float32 products."""
    network, x = compiled(**options)
    monkeypatch.setattr(build, "pieces", lambda _: 1)
    with device(8):
        assert differences(network, x, options["timesteps"], counts(network, to_keras(network, check=0), x))
        with pytest.raises(NetworkError, match="not exact"):
            to_keras(network)
    assert not differences(network, x, options["timesteps"], counts(network, to_keras(network, check=0), x))


@examples(8)
@given(strategies.cases(dynamics="count"), st.sampled_from([8, 11]))
def test_random_networks_are_exact_on_a_device_that_rounds(case: strategies.Case, bits: int) -> None:
    network, pixels, timesteps = case
    x = images(network.input, pixels)
    with device(bits):
        assert not differences(network, x, timesteps, counts(network, built(network, timesteps), x))


SMALL = {"extreme": False, "max_neurons": 60, "max_side": 4, "max_populations": 2}


@examples(8)
@given(strategies.cases(dynamics="count", signed_bits=st.integers(9, 16), timesteps=st.integers(1, 2000), **SMALL))
def test_wide_operands_are_exact_on_a_device_that_rounds(case: strategies.Case) -> None:
    network, pixels, timesteps = case
    x = images(network.input, pixels)
    with device(8):
        assert not differences(network, x, timesteps, counts(network, built(network, timesteps), x))


# --- pieces ---------------------------------------------------------------------------------------------------


@examples(50)
@given(st.integers(1, 3), st.data())
def test_pieces_have_8_bits_the_sign_of_the_whole_and_its_sum(count: int, data: Any) -> None:
    x = data.draw(st.integers(-min(256**count, 2**24), min(256**count, 2**24)))
    found = [int(piece[0]) for piece in cut(ops.array([float(x)]), count)]
    assert sum(found) == x
    for piece in found:
        assert piece * x >= 0
        assert abs(piece) <= abs(x)
        assert abs(piece) >> max(0, abs(piece).bit_length() - 8) << max(0, abs(piece).bit_length() - 8) == abs(piece)


def test_gradients_pass_through_the_pieces() -> None:
    random = np.random.default_rng(0)
    x = tf.constant(random.integers(0, 3000, (4, 5)), tf.float32)
    found = []
    for pieces in ((1, 1), (2, 2)):
        layer = ExactDense(3, pieces=pieces)
        layer.build((None, 5))
        layer.set_weights([random.integers(-500, 500, (5, 3)) if not found else found[0][0]])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        found.append((layer.get_weights()[0], y, *tape.gradient(y, [x, layer.kernel.value])))
    for one, cut_ in zip(*found, strict=True):
        np.testing.assert_array_equal(one, cut_)


@pytest.mark.parametrize(
    "layer",
    [
        ExactDense(3, pieces=(2, 1)),
        ExactConv2D(4, (2, 3), strides=(2, 1), dilation_rate=(1, 2), pieces=(1, 3)),
        ExactDepthwiseConv2D((3, 2), 2, strides=(1, 3)),
    ],
)
def test_layers_come_back_from_their_configuration(layer: keras.layers.Layer) -> None:
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    shape = (None, 5) if isinstance(layer, ExactDense) else (None, 9, 8, 2)
    x = np.random.default_rng(0).random((2, *shape[1:])).astype(np.float32)
    y = layer(x)
    assert layer.compute_output_shape(shape)[1:] == tuple(y.shape)[1:]
    again.build(shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), y)


# --- rounding at both ends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_division_that_is_off_by_one_is_corrected(off: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quotient below 2^23 that is two units off in the last place is off by one at most."""
    random = np.random.default_rng(off + 1)
    theta = random.integers(1, 2**14, 1000)
    u = random.integers(-(2**22), 2**22, 1000)
    monkeypatch.setattr("snncc.keras_layers.layers.floor", lambda q: floor(q) + off)
    n = floor_divide(ops.array(u.astype(np.float32)), ops.array(theta.astype(np.float32)))
    np.testing.assert_array_equal(n, u // theta)


def reads(source: ir.Input, dtype: str = "float64") -> keras.Model:
    inputs = keras.Input(source.shape, dtype=dtype)
    spikes = InputSpikes(1, source.levels, source.signed, "current", source.lambda_0, source.gain, source.offset,
                         dtype=dtype)  # fmt: skip
    return keras.Model(inputs, spikes(inputs))


def input_of(lambda_0: float, bits: int = 8, signed: bool = False, gain: Any = 1.0, offset: Any = 0.0) -> ir.Input:
    gain, offset = np.asarray(gain, np.float64), np.asarray(offset, np.float64)
    return ir.Input(shape=(1, 1, 3), bits=bits, signed=signed, encoding="current", lambda_0=lambda_0, gain=gain,
                    offset=offset)  # fmt: skip


@pytest.mark.parametrize("lambda_0", [6.0, 14.0, 150.0, 210.0, 255.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_whole_numbers_at_ties_become_the_hosts_pixels(lambda_0: float, dtype: str) -> None:
    """As `predict` runs it: XLA multiplies by 1/lambda_0, which falls on the other side of some ties."""
    for signed in (False, True):
        source = input_of(lambda_0, signed=signed)
        x = np.repeat(np.arange(256, dtype=np.float32)[:, None, None, None], 3, axis=-1)
        np.testing.assert_array_equal(reads(source, dtype).predict(x, verbose=0), to_pixels(source, x))


SOURCES = [
    input_of(1.0),
    input_of(84 + 2 / 3, signed=True, gain=1 / 3, offset=-1 / 3),
    input_of(3.7, 16, True, gain=[0.1, -2.0, 0.0], offset=[-0.3, 5.0, 1.1]),
    input_of(255.0, 2, gain=[1.0, 0.5, 2.0]),
    input_of(1e-3, 12, True, gain=1e-5, offset=1.0),
]


@pytest.mark.parametrize("source", SOURCES)
def test_steps_are_the_least_values_of_their_pixels(source: ir.Input) -> None:
    found = steps(source)
    gain = np.broadcast_to(source.gain, (3,))
    low = -source.levels if source.signed else 0
    for row, slope in zip(np.broadcast_to(found, (3, found.shape[1])), gain, strict=True):
        assert (np.diff(row[1:-1]) >= 0).all() if slope else np.isinf(row).all()
    finite = np.broadcast_to(np.where(np.isfinite(found), found, 0), (3, found.shape[1]))[:, 1:-1].T[:, None, None]
    pixels = np.arange(low + 1, source.levels + 1)[:, None, None, None]
    moves = np.isfinite(np.broadcast_to(found, (3, found.shape[1])))[:, 1:-1].T[:, None, None]
    sign = np.sign(gain)
    reached = to_pixels(source, np.where(moves, finite * sign, 0)) >= pixels
    assert reached[moves].all()
    before = to_pixels(source, np.where(moves, np.nextafter(finite, -np.inf) * sign, 0)) >= pixels
    assert not before[moves].any()


@pytest.mark.parametrize("source", SOURCES)
def test_pixels_are_the_hosts_at_both_sides_of_every_step(source: ir.Input) -> None:
    row = steps(source)[0, 1:-1]
    row = row[np.isfinite(row)]
    x = np.concatenate([row, np.nextafter(row, -np.inf), np.random.default_rng(0).normal(0, 3, 999)])
    x = np.repeat(x[:, None, None, None], 3, axis=-1)
    x = np.maximum(x, 0) if not source.signed else x
    np.testing.assert_array_equal(tf.function(reads(source), jit_compile=True)(x), to_pixels(source, x))


# --- the check ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network() -> ir.Network:
    return snncc.convert(model("seq"), mnist()[0], signed_bit=8, timesteps=64).ir


def test_one_wrong_weight_of_any_population_is_named(network: ir.Network) -> None:
    snn = to_keras(network)
    for population in network.populations:
        if any(isinstance(p, ir.SumPool2D) for p in population.projections):
            continue
        layer = snn.get_layer(f"{population.name}_synapses")
        (kernel,) = layer.get_weights()
        wrong = kernel.copy()
        wrong[np.unravel_index(np.abs(kernel).argmax(), kernel.shape)] *= -1
        layer.set_weights([wrong])
        with pytest.raises(NetworkError, match=rf"population '{population.name}', neuron \(.*potential is .*, the"):
            compare(network, snn, 64, 4)
        layer.set_weights([kernel])
    compare(network, snn, 64, 4)


def test_the_first_wrong_neuron_is_named_with_both_values(network: ir.Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted fault: one neuron of every firing population counts one more."""
    real = SpikeForward.call

    def call(self: Any, inputs: Any) -> Any:
        n = real(self, inputs)
        one = np.zeros(tuple(inputs.shape[1:]), np.float32)
        one[(-1,) * one.ndim] = 1
        return n + ops.cast(one, n.dtype)

    first = network.populations[0]
    last = tuple(int(n) - 1 for n in first.shape)
    monkeypatch.setattr(SpikeForward, "call", call)
    with pytest.raises(NetworkError) as error:
        to_keras(network)
    place = re.escape(f"population {first.name!r}, neuron {last}, image 0 of the check")
    found = re.search(rf"{place}: its count is (\d+), the simulator's (\d+) \(4 of ", str(error.value))
    assert found is not None
    assert int(found[1]) == int(found[2]) + 1
    to_keras(network, check=0)


def test_a_convolution_that_rounds_is_named(network: ir.Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Winograd does: the last bit of a float32 product."""
    real = ExactConv2D.call
    monkeypatch.setattr(ExactConv2D, "call", lambda self, x: real(self, x) * (1 + 2.0**-20))
    with pytest.raises(NetworkError, match=r"'conv2d', neuron .* image 0 .* potential is \d+\.\d+, the simulator's"):
        to_keras(network)


def test_what_cannot_be_asked_for(network: ir.Network) -> None:
    with pytest.raises(DataError, match="number of images"):
        to_keras(network, check=-1)
    with pytest.raises(NetworkError, match="bfloat16"):
        to_keras(network, dtype="bfloat16")
