"""Batch normalisation, and a relu with a maximum."""

from __future__ import annotations

from typing import Any

from tests.keras_models.make import L, case, conv, end

# --- batch normalisation -----------------------------------------------------------------------------------


@case()
def norm_backwards(x: Any) -> Any:
    x = L.ReLU()(L.BatchNormalization(epsilon=0.1)(conv(x, activation=None, use_bias=False)))
    x = L.ReLU()(L.BatchNormalization(scale=False)(L.DepthwiseConv2D(2, depth_multiplier=2)(x)))
    x = L.ReLU()(L.BatchNormalization(center=False)(L.Dense(5)(L.Flatten()(x))))
    return L.Dense(3)(x)


@case()
def norm_twice(x: Any) -> Any:
    return end(L.ReLU()(L.BatchNormalization()(L.BatchNormalization()(conv(x, activation=None)))))


@case()
def norm_forwards_valid(x: Any) -> Any:
    return end(conv(L.BatchNormalization()(conv(x)), size=2))


@case()
def norm_forwards_same(x: Any) -> Any:
    """At the border the padding is zero after the norm: the bias depends on the position."""
    return end(conv(L.BatchNormalization()(conv(x)), size=3, padding="same"))


@case()
def norm_forwards_depthwise_same(x: Any) -> Any:
    return end(L.DepthwiseConv2D(3, padding="same", activation="relu")(L.BatchNormalization()(conv(x))))


@case()
def norm_forwards_flatten_dense(x: Any) -> Any:
    return end(L.BatchNormalization()(conv(x)))


@case()
def norm_of_input_twice_read(x: Any) -> Any:
    y = L.BatchNormalization()(x)
    return end(L.Concatenate()([conv(y, padding="same"), conv(x, padding="same")]))


@case()
def norm_after_max_pool_of_relu(x: Any) -> Any:
    return end(conv(L.BatchNormalization()(L.MaxPooling2D(2)(conv(x))), size=2, padding="same"))


@case()
def norm_after_max_pool_of_linear_positive_gains(x: Any) -> Any:
    x = L.MaxPooling2D(2, padding="same")(conv(x, activation=None))
    return end(L.ReLU()(L.BatchNormalization()(x)))


@case()
def norm_after_average_pool(x: Any) -> Any:
    return end(L.ReLU()(L.BatchNormalization()(L.AveragePooling2D(2)(conv(x)))))


@case()
def norm_after_concat(x: Any) -> Any:
    y = L.Concatenate()([conv(x, padding="same"), conv(x, 2, activation=None, padding="same"), x])
    return end(conv(L.ReLU()(L.BatchNormalization()(y)), size=2))


@case()
def norm_readout(x: Any) -> Any:
    return L.BatchNormalization()(end(conv(x), activation=None))


@case()
def norm_shared_conv(x: Any) -> Any:
    """A convolution with two readers is duplicated, not folded in place."""
    y = conv(x, activation=None)
    return end(L.Add()([L.ReLU()(L.BatchNormalization()(y)), L.ReLU()(y)]))


# --- relu with a maximum -----------------------------------------------------------------------------------


@case()
def relu6(x: Any) -> Any:
    return end(L.Activation("relu6")(L.ReLU(max_value=0.5)(conv(x, activation=None))))


@case()
def relu_with_maximum_of_relu(x: Any) -> Any:
    return end(L.ReLU(0.25)(L.MaxPooling2D(2)(conv(x))))


@case()
def relu_layer_as_activation(x: Any) -> Any:
    return end(conv(x, activation=L.ReLU(max_value=0.5)))
