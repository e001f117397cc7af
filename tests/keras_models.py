"""Tiny Keras models, one per layer kind and combination that converts; every weight is random and not dead.

`build(name)` makes one; each builder says its input shape and what it does to a tensor.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras

L = keras.layers
IMAGE = (6, 7, 3)


@dataclass(frozen=True)
class Case:
    """Input shape, what is done to it, and what data it reads: unit (signed or not) or bytes."""

    body: Callable[[Any], Any]
    shape: tuple[int, ...] = IMAGE
    signed: bool = False
    data: str = "unit"


CASES: dict[str, Case] = {}


def case(shape: tuple[int, ...] = IMAGE, **options: Any) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    def add(body: Callable[[Any], Any]) -> Callable[[Any], Any]:
        CASES[body.__name__] = Case(body, shape, **options)
        return body

    return add


def randomised(model: Any, seed: int = 0) -> Any:
    """Every weight random: biases and batch-norm statistics too, with gains of both signs."""
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers(include_self=False):
        if type(layer).__name__ in ("Functional", "Sequential", "Normalization"):
            continue
        for weight in layer.weights:
            name, shape = weight.name, weight.shape
            if name == "moving_variance":
                value = rng.uniform(0.2, 2.0, shape)
            elif name == "gamma":
                value = rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0, 1.0], shape)
            elif len(shape) < 2:
                value = rng.normal(0.1, 0.2, shape)
            elif name == "seed_generator_state":
                continue
            else:
                fan = np.prod(shape[:-1]) if len(shape) < 4 or "depthwise" not in weight.path else np.prod(shape[:2])
                value = rng.normal(0.0, 1.5 / np.sqrt(fan), shape)
            if weight.dtype.startswith("float"):
                weight.assign(value.astype(np.float32))
    return model


def positive_gains(model: Any) -> Any:
    """The same with batch-norm gains made positive: what a max-pool between convolution and norm needs."""
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.gamma.assign(np.abs(np.asarray(layer.gamma)))
    return model


def build(name: str, seed: int = 0) -> Any:
    chosen = CASES[name]
    made = chosen.body(keras.Input(chosen.shape, name="pixels"))
    if isinstance(made, keras.Model):
        model = made
    else:
        source, output = made if isinstance(made, tuple) else (None, made)
        model = keras.Model(source if source is not None else _root(output), output, name=name)
    model = randomised(model, seed)
    return positive_gains(model) if name.endswith("positive_gains") else model


def _root(tensor: Any) -> Any:
    while True:
        history = tensor._keras_history
        inbound = history.operation._inbound_nodes[history.node_index].input_tensors
        if not inbound:
            return tensor
        tensor = inbound[0]


def samples(name: str, count: int = 24, seed: int = 1) -> np.ndarray:
    chosen = CASES[name]
    rng = np.random.default_rng(seed)
    bytes_ = rng.integers(0, 256, (count, *chosen.shape))
    bytes_[0].flat[0] = 255
    if chosen.data == "bytes":
        return bytes_.astype(np.uint8)
    if chosen.signed:  # multiples of 1/127, which eight signed bits hold exactly
        return ((np.clip(bytes_, 1, 255) - 128) / 127).astype(np.float32)
    return (bytes_ / 255).astype(np.float32)


def _conv(x: Any, filters: int = 4, size: Any = 3, activation: str | None = "relu", **options: Any) -> Any:
    return L.Conv2D(filters, size, activation=activation, **options)(x)


def _end(x: Any, units: int = 4, activation: str | None = "softmax") -> Any:
    return L.Dense(units, activation=activation)(L.Flatten()(x))


# --- convolutions ------------------------------------------------------------------------------------------


@case()
def conv_valid(x: Any) -> Any:
    return _end(_conv(x))


@case()
def conv_same_stride(x: Any) -> Any:
    return _end(_conv(x, size=(3, 2), strides=2, padding="same"))


@case()
def conv_unequal_strides(x: Any) -> Any:
    return _end(_conv(x, size=(2, 4), strides=(1, 3), padding="same"))


@case((9, 9, 2))
def conv_dilated_same(x: Any) -> Any:
    return _end(_conv(x, size=(3, 2), dilation_rate=(2, 3), padding="same"))


@case((9, 9, 2))
def conv_dilated_valid(x: Any) -> Any:
    return _end(_conv(x, size=3, dilation_rate=2, use_bias=False))


@case((5, 5, 4))
def conv_groups(x: Any) -> Any:
    return _end(_conv(_conv(x, 6, groups=2), 3, 2, groups=3, padding="same"))


@case()
def conv_large_kernel_same(x: Any) -> Any:
    return _end(_conv(x, size=(9, 5), padding="same"))


@case()
def conv_stride_beyond_kernel(x: Any) -> Any:
    return _end(_conv(x, size=1, strides=3, padding="same"))


@case(signed=True)
def conv_signed_input(x: Any) -> Any:
    return _end(_conv(x, padding="same"))


@case()
def depthwise_multiplier(x: Any) -> Any:
    x = L.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="relu")(x)
    return _end(L.DepthwiseConv2D((2, 3), strides=2, activation="relu", use_bias=False)(x))


@case((9, 9, 2))
def depthwise_dilated(x: Any) -> Any:
    return _end(L.DepthwiseConv2D(3, dilation_rate=2, padding="same", activation="relu")(x))


@case()
def separable(x: Any) -> Any:
    x = L.SeparableConv2D(5, 3, depth_multiplier=2, padding="same", activation="relu")(x)
    return _end(L.SeparableConv2D(4, 3, strides=2, activation="relu", use_bias=False)(x))


@case()
def dense_on_maps(x: Any) -> Any:
    return _end(L.Dense(5, activation="relu")(_conv(x)))


@case((8, 5))
def dense_on_rows(x: Any) -> Any:
    x = L.Dense(4, activation="relu")(x)
    y = L.BatchNormalization()(L.Dense(3)(x))
    return _end(L.Concatenate()([x, L.ReLU()(y)]))


@case((12,))
def dense_only(x: Any) -> Any:
    return L.Dense(3)(L.Dense(6, activation="relu")(L.Dense(8, activation="relu")(x)))


# --- pooling -----------------------------------------------------------------------------------------------


@case()
def average_pool(x: Any) -> Any:
    return _end(L.AveragePooling2D(2)(_conv(x)))


@case()
def average_pool_overlapping_same(x: Any) -> Any:
    x = L.AveragePooling2D(3, strides=1, padding="same")(_conv(x))
    return _end(L.AveragePooling2D((3, 2), strides=(2, 1), padding="same")(x))


@case()
def average_pool_of_input(x: Any) -> Any:
    return _end(_conv(L.AveragePooling2D(2)(x), size=2))


@case()
def average_pool_after_padding(x: Any) -> Any:
    return _end(L.AveragePooling2D(3)(L.ZeroPadding2D(((1, 0), (2, 1)))(_conv(x))))


@case()
def average_pool_then_relu(x: Any) -> Any:
    return _end(L.ReLU()(L.AveragePooling2D(2)(_conv(x))))


@case()
def average_pool_after_linear(x: Any) -> Any:
    return _end(L.ReLU()(L.AveragePooling2D(2)(_conv(x, activation=None))))


@case()
def average_pool_overlapping_after_linear_strided(x: Any) -> Any:
    y = _conv(x, size=(2, 3), activation=None, strides=(1, 2), padding="same")
    return _end(L.ReLU()(L.AveragePooling2D((3, 2), strides=1)(y)))


@case(signed=True)
def average_pool_of_signed_input(x: Any) -> Any:
    return _end(_conv(L.AveragePooling2D(2)(x), size=2))


@case()
def global_average(x: Any) -> Any:
    return L.Dense(4, activation="softmax")(L.GlobalAveragePooling2D()(_conv(x)))


@case()
def global_average_keepdims(x: Any) -> Any:
    return _end(_conv(L.GlobalAveragePooling2D(keepdims=True)(_conv(x)), size=1))


@case()
def global_average_of_linear(x: Any) -> Any:
    return L.Dense(4)(L.GlobalAveragePooling2D()(_conv(x, activation=None)))


@case()
def global_average_readout(x: Any) -> Any:
    return L.Softmax()(L.GlobalAveragePooling2D()(_conv(x)))


@case()
def global_average_readout_of_linear(x: Any) -> Any:
    return L.Activation("softmax")(L.GlobalAveragePooling2D()(_conv(x, activation=None)))


@case()
def global_average_of_concat(x: Any) -> Any:
    return L.Dense(4)(L.GlobalAveragePooling2D()(L.Concatenate()([_conv(x), _conv(x, 2)])))


@case()
def max_pool(x: Any) -> Any:
    return _end(L.MaxPooling2D(2)(_conv(x)))


@case()
def max_pool_same_overlapping(x: Any) -> Any:
    return _end(L.MaxPooling2D(3, strides=2, padding="same")(_conv(x, padding="same")))


@case(signed=True)
def max_pool_of_signed_input(x: Any) -> Any:
    return _end(_conv(L.MaxPooling2D(2, padding="same")(x), size=2))


@case()
def max_pool_between_conv_and_relu(x: Any) -> Any:
    return _end(L.ReLU()(L.MaxPooling2D(2, padding="same")(_conv(x, activation=None))))


@case()
def max_pool_of_padding_of_linear(x: Any) -> Any:
    return _end(L.ReLU(1.0)(L.MaxPooling2D(2)(L.ZeroPadding2D(1)(_conv(x, activation=None)))))


@case()
def global_max(x: Any) -> Any:
    return L.Dense(4)(L.GlobalMaxPooling2D()(_conv(x)))


@case()
def global_max_keepdims(x: Any) -> Any:
    return _end(_conv(L.GlobalMaxPooling2D(keepdims=True)(_conv(x)), size=1))


@case()
def max_pool_readout(x: Any) -> Any:
    return L.Flatten()(L.GlobalMaxPooling2D()(_conv(x)))


# --- batch normalisation -----------------------------------------------------------------------------------


@case()
def norm_backwards(x: Any) -> Any:
    x = L.ReLU()(L.BatchNormalization(epsilon=0.1)(_conv(x, activation=None, use_bias=False)))
    x = L.ReLU()(L.BatchNormalization(scale=False)(L.DepthwiseConv2D(2, depth_multiplier=2)(x)))
    x = L.ReLU()(L.BatchNormalization(center=False)(L.Dense(5)(L.Flatten()(x))))
    return L.Dense(3)(x)


@case()
def norm_twice(x: Any) -> Any:
    return _end(L.ReLU()(L.BatchNormalization()(L.BatchNormalization()(_conv(x, activation=None)))))


@case()
def norm_forwards_valid(x: Any) -> Any:
    return _end(_conv(L.BatchNormalization()(_conv(x)), size=2))


@case()
def norm_forwards_same(x: Any) -> Any:
    """At the border the padding is zero after the norm: the bias depends on the position."""
    return _end(_conv(L.BatchNormalization()(_conv(x)), size=3, padding="same"))


@case()
def norm_forwards_depthwise_same(x: Any) -> Any:
    return _end(L.DepthwiseConv2D(3, padding="same", activation="relu")(L.BatchNormalization()(_conv(x))))


@case()
def norm_forwards_flatten_dense(x: Any) -> Any:
    return _end(L.BatchNormalization()(_conv(x)))


@case()
def norm_of_input_twice_read(x: Any) -> Any:
    y = L.BatchNormalization()(x)
    return _end(L.Concatenate()([_conv(y, padding="same"), _conv(x, padding="same")]))


@case()
def norm_after_max_pool_of_relu(x: Any) -> Any:
    return _end(_conv(L.BatchNormalization()(L.MaxPooling2D(2)(_conv(x))), size=2, padding="same"))


@case()
def norm_after_max_pool_of_linear_positive_gains(x: Any) -> Any:
    x = L.MaxPooling2D(2, padding="same")(_conv(x, activation=None))
    return _end(L.ReLU()(L.BatchNormalization()(x)))


@case()
def norm_after_average_pool(x: Any) -> Any:
    return _end(L.ReLU()(L.BatchNormalization()(L.AveragePooling2D(2)(_conv(x)))))


@case()
def norm_after_concat(x: Any) -> Any:
    y = L.Concatenate()([_conv(x, padding="same"), _conv(x, 2, activation=None, padding="same"), x])
    return _end(_conv(L.ReLU()(L.BatchNormalization()(y)), size=2))


@case()
def norm_readout(x: Any) -> Any:
    return L.BatchNormalization()(_end(_conv(x), activation=None))


@case()
def norm_shared_conv(x: Any) -> Any:
    """A convolution with two readers is duplicated, not folded in place."""
    y = _conv(x, activation=None)
    return _end(L.Add()([L.ReLU()(L.BatchNormalization()(y)), L.ReLU()(y)]))


# --- relu with a maximum -----------------------------------------------------------------------------------


@case()
def relu6(x: Any) -> Any:
    return _end(L.Activation("relu6")(L.ReLU(max_value=0.5)(_conv(x, activation=None))))


@case()
def relu_with_maximum_of_relu(x: Any) -> Any:
    return _end(L.ReLU(0.25)(L.MaxPooling2D(2)(_conv(x))))


@case()
def relu_layer_as_activation(x: Any) -> Any:
    return _end(_conv(x, activation=L.ReLU(max_value=0.5)))


# --- add ---------------------------------------------------------------------------------------------------


@case((6, 6, 4))
def add_identity(x: Any) -> Any:
    return _end(L.ReLU()(L.Add()([x, _conv(_conv(x, padding="same"), padding="same", activation=None)])))


@case()
def add_linear_shortcut(x: Any) -> Any:
    x = _conv(x)
    main = _conv(_conv(x, 6, strides=2, padding="same"), 6, padding="same", activation=None)
    return _end(L.ReLU()(L.Add()([main, _conv(x, 6, 1, strides=2, activation=None)])))


@case()
def add_without_activation(x: Any) -> Any:
    x = _conv(x, padding="same")
    return _end(_conv(L.Add()([x, _conv(x, padding="same", activation=None)]), size=2))


@case()
def add_of_relus(x: Any) -> Any:
    return _end(_conv(L.Add()([_conv(x), _conv(x), _conv(x)]), size=2, padding="same"))


@case()
def add_four_branches(x: Any) -> Any:
    y = _conv(x, padding="same")
    branches = [y, _conv(y, 4, 1, activation=None), L.BatchNormalization()(y), _conv(x, 4, 3, padding="same")]
    return _end(L.ReLU()(L.Add()(branches)))


@case()
def add_twice_the_same(x: Any) -> Any:
    y = _conv(x, activation=None)
    return _end(L.ReLU()(L.Add()([y, y])))


@case()
def add_of_concats(x: Any) -> Any:
    def two(first: int) -> Any:
        return L.Concatenate()([_conv(x, first), _conv(x, 6 - first, activation=None)])

    return _end(L.ReLU()(L.Add()([two(2), two(4), two(2)])))


@case()
def add_of_average_pools(x: Any) -> Any:
    x = _conv(x)
    return _end(L.Add()([L.AveragePooling2D(2)(x), L.MaxPooling2D(2)(x)]))


@case()
def add_by_operator(x: Any) -> Any:
    y = _conv(x, padding="same")
    return _end(L.ReLU()(y + _conv(y, padding="same", activation=None)))


@case((12,))
def add_of_vectors(x: Any) -> Any:
    y = L.Dense(6, activation="relu")(x)
    return L.Dense(3)(L.ReLU()(L.Add()([L.Dense(6)(y), y, L.Dense(6)(x)])))


@case()
def add_readout(x: Any) -> Any:
    x = _conv(x)
    return L.Softmax()(L.Add()([L.Dense(4)(L.Flatten()(x)), L.GlobalAveragePooling2D()(x)]))


@case()
def add_shared_names(x: Any) -> Any:
    """Three terms of one population, two of them of one layer, the third named like its second copy."""
    shared, other = L.Conv2D(4, 1, name="conv"), L.Conv2D(4, 1, name="conv_2")
    a, b, c = (_conv(x) for _ in range(3))
    return _end(L.ReLU()(L.Add()([shared(a), other(b), shared(c)])))


@case((6, 6, 4))
def preactivation_block(x: Any) -> Any:
    x = _conv(x, padding="same", activation=None)
    for _ in range(2):
        y = L.ReLU()(L.BatchNormalization()(x))
        y = _conv(y, padding="same", activation=None, use_bias=False)
        y = _conv(L.ReLU()(L.BatchNormalization()(y)), padding="same", activation=None)
        x = L.Add()([x, y])
    return L.Dense(3)(L.GlobalAveragePooling2D()(L.ReLU()(L.BatchNormalization()(x))))


@case((6, 6, 4))
def preactivation_projection(x: Any) -> Any:
    x = L.ReLU()(L.BatchNormalization()(_conv(x, padding="same", activation=None)))
    shortcut = _conv(x, 6, 1, strides=2, activation=None)
    y = _conv(x, 6, strides=2, padding="same", activation=None)
    y = _conv(L.ReLU()(L.BatchNormalization()(y)), 6, padding="same", activation=None)
    return _end(L.ReLU()(L.BatchNormalization()(L.Add()([shortcut, y]))))


@case((6, 6, 3))
def dense_block(x: Any) -> Any:
    x = _conv(x, 4, padding="same", activation=None)
    for _ in range(2):
        y = L.ReLU()(L.BatchNormalization()(x))
        x = L.Concatenate()([x, _conv(y, 2, padding="same", activation=None)])
    y = _conv(L.ReLU()(L.BatchNormalization()(x)), 4, 1, activation=None)
    y = L.AveragePooling2D(2)(y)
    return L.Dense(3)(L.GlobalAveragePooling2D()(L.ReLU()(L.BatchNormalization()(y))))


# --- index maps --------------------------------------------------------------------------------------------


@case()
def concatenate(x: Any) -> Any:
    y = L.Concatenate()([_conv(x, 3, padding="same"), x, L.MaxPooling2D(3, 1, padding="same")(x)])
    return _end(L.Concatenate()([_conv(y, 2), _conv(y, 3)]))


@case()
def concatenate_of_linear(x: Any) -> Any:
    y = L.Concatenate()([_conv(x, 3, activation=None), _conv(x, 2), _conv(x, 2, activation=None)])
    return _end(_conv(y, 4, 2, strides=2))


@case((10,))
def concatenate_vectors(x: Any) -> Any:
    parts = [L.Dense(4, activation="relu")(x), L.Dense(3)(x), x]
    return L.Dense(3)(L.Concatenate()(parts))


@case()
def concatenate_of_flattened(x: Any) -> Any:
    parts = [L.Flatten()(_conv(x)), L.GlobalAveragePooling2D()(_conv(x, 2))]
    return L.Dense(3)(L.Concatenate()(parts))


@case()
def concatenate_depthwise(x: Any) -> Any:
    y = L.Concatenate()([_conv(x, 3), _conv(x, 2, activation=None)])
    return _end(L.DepthwiseConv2D(2, depth_multiplier=2, activation="relu")(y))


@case()
def concatenate_readout(x: Any) -> Any:
    x = _conv(x)
    return L.Concatenate()([L.GlobalAveragePooling2D()(x), L.Dense(3)(L.Flatten()(x))])


@case()
def reshape(x: Any) -> Any:
    x = L.Reshape((7, 6, 3))(x)
    x = L.Reshape((2, 40))(_conv(x))
    x = L.Reshape((4, 5, 4))(x)
    return _end(_conv(x))


@case((28,))
def reshape_of_vector_input(x: Any) -> Any:
    return _end(_conv(L.Reshape((4, 7, 1))(x)))


@case((6, 7))
def reshape_of_rows(x: Any) -> Any:
    return _end(_conv(L.Reshape((6, 7, 1))(x)))


@case()
def zero_padding(x: Any) -> Any:
    x = _conv(L.ZeroPadding2D(((1, 2), (0, 3)))(x))
    return _end(_conv(L.ZeroPadding2D(1)(x), strides=2))


@case()
def training_only(x: Any) -> Any:
    x = L.GaussianNoise(0.1)(L.RandomFlip("horizontal")(x))
    x = L.SpatialDropout2D(0.2)(_conv(x))
    x = L.ActivityRegularization(0.1)(L.GaussianDropout(0.1)(x))
    return _end(L.Identity()(L.Dropout(0.5)(x)))


@case()
def autoencoder(x: Any) -> Any:
    y = L.Dense(10, activation="relu")(L.Flatten()(x))
    return L.Reshape(IMAGE)(L.Dense(6 * 7 * 3, activation="sigmoid")(y))


@case()
def autoencoder_linear_maps(x: Any) -> Any:
    return _conv(_conv(x, padding="same"), 3, padding="same", activation=None)


# --- composition of linear layers --------------------------------------------------------------------------


@case()
def depthwise_pointwise_linear(x: Any) -> Any:
    y = L.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    return _end(L.ReLU()(L.Conv2D(5, 1)(L.BatchNormalization()(y))))


@case((9, 9, 2))
def conv_conv_valid(x: Any) -> Any:
    y = _conv(x, 3, (3, 2), activation=None, strides=(2, 1), padding="same")
    return _end(_conv(y, 4, (2, 3), strides=(1, 2), dilation_rate=1))


@case((11, 11, 2))
def conv_conv_dilated(x: Any) -> Any:
    y = _conv(x, 3, 2, activation=None, dilation_rate=2)
    return _end(_conv(y, 4, 2, dilation_rate=2))


@case((7, 7, 2))
def pointwise_strided_then_padded(x: Any) -> Any:
    return _end(_conv(_conv(x, 3, 1, activation=None, strides=2), 4, 3, padding="same"))


@case()
def conv_depthwise_linear(x: Any) -> Any:
    y = L.DepthwiseConv2D(2, depth_multiplier=2)(_conv(x, 3, activation=None))
    return _end(L.ReLU()(L.DepthwiseConv2D(2)(y)))


@case()
def depthwise_depthwise_linear(x: Any) -> Any:
    y = L.DepthwiseConv2D(2, depth_multiplier=2)(x)
    return _end(L.DepthwiseConv2D(2, depth_multiplier=2, activation="relu")(y))


@case()
def three_linear(x: Any) -> Any:
    y = L.Conv2D(3, 2)(L.Conv2D(4, 2)(x))
    return _end(L.Conv2D(3, 2, activation="relu")(y))


@case()
def linear_conv_flatten_dense(x: Any) -> Any:
    return _end(_conv(x, activation=None))


@case((12,))
def linear_dense_reshape_conv(x: Any) -> Any:
    y = L.Reshape((1, 1, 6))(L.Dense(6)(x))
    return _end(L.Conv2D(4, 1, activation="relu")(y))


@case()
def add_of_linear_then_conv(x: Any) -> Any:
    y = L.Add()([_conv(x, activation=None), _conv(x, activation=None)])
    return _end(_conv(y, size=2))


# --- heads -------------------------------------------------------------------------------------------------


@case()
def head_linear(x: Any) -> Any:
    return _end(_conv(x), activation=None)


@case()
def head_relu(x: Any) -> Any:
    return _end(_conv(x), activation="relu")


@case()
def head_one_sigmoid(x: Any) -> Any:
    return _end(_conv(x), 1, "sigmoid")


@case()
def head_relu_then_softmax(x: Any) -> Any:
    return L.Softmax()(_end(_conv(x), activation="relu"))


@case()
def head_relu_with_maximum(x: Any) -> Any:
    return L.ReLU(0.5)(_end(_conv(x), activation=None))


@case()
def head_convolution(x: Any) -> Any:
    return L.Softmax()(L.Flatten()(_conv(x, 3, (6, 7), activation=None)))


# --- structure ---------------------------------------------------------------------------------------------


@case((6, 6, 3))
def shared_layer(x: Any) -> Any:
    conv = L.Conv2D(3, 3, padding="same", activation="relu")
    return _end(conv(conv(x)))


@case((6, 6, 3))
def nested(x: Any) -> Any:
    inner = keras.Input((6, 6, 3))
    block = keras.Model(inner, L.Add()([inner, _conv(inner, 3, padding="same", activation=None)]), name="block")
    tail = keras.Sequential([L.Flatten(), L.Dense(5, activation="relu")], name="tail")
    return L.Dense(3)(tail(L.ReLU()(block(L.ReLU()(block(x))))))


@case()
def sequential_without_input(x: Any) -> Any:
    model = keras.Sequential([L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D(), L.Flatten(), L.Dense(3)])
    model.build((None, *x.shape[1:]))
    return model


@case(signed=True)
def signed_beside_population(x: Any) -> Any:
    """A signed tensor and a population side by side in one view."""
    y = L.Concatenate()([x, _conv(x, padding="same")])
    return _end(_conv(y))


@case(signed=True)
def signed_flattened_beside_population(x: Any) -> Any:
    return L.Dense(4)(L.Flatten()(L.Concatenate()([x, _conv(x, padding="same")])))


@case()
def flattened_concatenation_of_linear(x: Any) -> Any:
    return _end(L.Concatenate()([_conv(x, 3, activation=None), _conv(x, 2)]))


# --- preprocessing in front --------------------------------------------------------------------------------


@case(data="bytes")
def rescaling_bytes(x: Any) -> Any:
    return _end(_conv(L.Rescaling(1 / 255)(x), padding="same"))


@case(data="bytes")
def rescaling_bytes_to_signed(x: Any) -> Any:
    return _end(_conv(L.Rescaling(1 / 127.5, offset=-1)(x), padding="same"))


@case(data="bytes")
def raw_bytes(x: Any) -> Any:
    return _end(_conv(x, padding="same"), activation=None)


@case(data="bytes")
def normalization_bytes(x: Any) -> Any:
    norm = L.Normalization(mean=[120.0, 130.0, 100.0], variance=[3000.0, 5000.0, 4000.0])
    return _end(_conv(norm(L.Rescaling([1.0, 0.5, 2.0])(x)), padding="same"))


@case(data="bytes")
def normalization_scalar(x: Any) -> Any:
    return _end(_conv(L.Normalization(axis=None, mean=120.0, variance=900.0)(x)))


@case()
def rescaling_inside(x: Any) -> Any:
    return _end(_conv(L.Rescaling(0.5, offset=-0.1)(_conv(x)), padding="same"))
