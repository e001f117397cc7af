"""Convolutions, dense layers, pooling."""

from __future__ import annotations

from typing import Any

from tests.keras_models.make import L, case, conv, end

# --- convolutions ------------------------------------------------------------------------------------------


@case()
def conv_valid(x: Any) -> Any:
    return end(conv(x))


@case()
def conv_same_stride(x: Any) -> Any:
    return end(conv(x, size=(3, 2), strides=2, padding="same"))


@case()
def conv_unequal_strides(x: Any) -> Any:
    return end(conv(x, size=(2, 4), strides=(1, 3), padding="same"))


@case((9, 9, 2))
def conv_dilated_same(x: Any) -> Any:
    return end(conv(x, size=(3, 2), dilation_rate=(2, 3), padding="same"))


@case((9, 9, 2))
def conv_dilated_valid(x: Any) -> Any:
    return end(conv(x, size=3, dilation_rate=2, use_bias=False))


@case((5, 5, 4))
def conv_groups(x: Any) -> Any:
    return end(conv(conv(x, 6, groups=2), 3, 2, groups=3, padding="same"))


@case()
def conv_large_kernel_same(x: Any) -> Any:
    return end(conv(x, size=(9, 5), padding="same"))


@case()
def conv_stride_beyond_kernel(x: Any) -> Any:
    return end(conv(x, size=1, strides=3, padding="same"))


@case(signed=True)
def conv_signed_input(x: Any) -> Any:
    return end(conv(x, padding="same"))


@case()
def depthwise_multiplier(x: Any) -> Any:
    x = L.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="relu")(x)
    return end(L.DepthwiseConv2D((2, 3), strides=2, activation="relu", use_bias=False)(x))


@case((9, 9, 2))
def depthwise_dilated(x: Any) -> Any:
    return end(L.DepthwiseConv2D(3, dilation_rate=2, padding="same", activation="relu")(x))


@case()
def separable(x: Any) -> Any:
    x = L.SeparableConv2D(5, 3, depth_multiplier=2, padding="same", activation="relu")(x)
    return end(L.SeparableConv2D(4, 3, strides=2, activation="relu", use_bias=False)(x))


@case()
def dense_on_maps(x: Any) -> Any:
    return end(L.Dense(5, activation="relu")(conv(x)))


@case((8, 5))
def dense_on_rows(x: Any) -> Any:
    x = L.Dense(4, activation="relu")(x)
    y = L.BatchNormalization()(L.Dense(3)(x))
    return end(L.Concatenate()([x, L.ReLU()(y)]))


@case((12,))
def dense_only(x: Any) -> Any:
    return L.Dense(3)(L.Dense(6, activation="relu")(L.Dense(8, activation="relu")(x)))


# --- pooling -----------------------------------------------------------------------------------------------


@case()
def average_pool(x: Any) -> Any:
    return end(L.AveragePooling2D(2)(conv(x)))


@case()
def average_pool_overlapping_same(x: Any) -> Any:
    x = L.AveragePooling2D(3, strides=1, padding="same")(conv(x))
    return end(L.AveragePooling2D((3, 2), strides=(2, 1), padding="same")(x))


@case()
def average_pool_of_input(x: Any) -> Any:
    return end(conv(L.AveragePooling2D(2)(x), size=2))


@case()
def average_pool_after_padding(x: Any) -> Any:
    return end(L.AveragePooling2D(3)(L.ZeroPadding2D(((1, 0), (2, 1)))(conv(x))))


@case()
def average_pool_then_relu(x: Any) -> Any:
    return end(L.ReLU()(L.AveragePooling2D(2)(conv(x))))


@case()
def average_pool_after_linear(x: Any) -> Any:
    return end(L.ReLU()(L.AveragePooling2D(2)(conv(x, activation=None))))


@case()
def average_pool_overlapping_after_linear_strided(x: Any) -> Any:
    y = conv(x, size=(2, 3), activation=None, strides=(1, 2), padding="same")
    return end(L.ReLU()(L.AveragePooling2D((3, 2), strides=1)(y)))


@case(signed=True)
def average_pool_of_signed_input(x: Any) -> Any:
    return end(conv(L.AveragePooling2D(2)(x), size=2))


@case()
def global_average(x: Any) -> Any:
    return L.Dense(4, activation="softmax")(L.GlobalAveragePooling2D()(conv(x)))


@case()
def global_average_keepdims(x: Any) -> Any:
    return end(conv(L.GlobalAveragePooling2D(keepdims=True)(conv(x)), size=1))


@case()
def global_average_of_linear(x: Any) -> Any:
    return L.Dense(4)(L.GlobalAveragePooling2D()(conv(x, activation=None)))


@case()
def global_average_readout(x: Any) -> Any:
    return L.Softmax()(L.GlobalAveragePooling2D()(conv(x)))


@case()
def global_average_readout_of_linear(x: Any) -> Any:
    return L.Activation("softmax")(L.GlobalAveragePooling2D()(conv(x, activation=None)))


@case()
def global_average_of_concat(x: Any) -> Any:
    return L.Dense(4)(L.GlobalAveragePooling2D()(L.Concatenate()([conv(x), conv(x, 2)])))


@case()
def max_pool(x: Any) -> Any:
    return end(L.MaxPooling2D(2)(conv(x)))


@case()
def max_pool_same_overlapping(x: Any) -> Any:
    return end(L.MaxPooling2D(3, strides=2, padding="same")(conv(x, padding="same")))


@case(signed=True)
def max_pool_of_signed_input(x: Any) -> Any:
    return end(conv(L.MaxPooling2D(2, padding="same")(x), size=2))


@case()
def max_pool_between_conv_and_relu(x: Any) -> Any:
    return end(L.ReLU()(L.MaxPooling2D(2, padding="same")(conv(x, activation=None))))


@case()
def max_pool_of_padding_of_linear(x: Any) -> Any:
    return end(L.ReLU(1.0)(L.MaxPooling2D(2)(L.ZeroPadding2D(1)(conv(x, activation=None)))))


@case()
def global_max(x: Any) -> Any:
    return L.Dense(4)(L.GlobalMaxPooling2D()(conv(x)))


@case()
def global_max_keepdims(x: Any) -> Any:
    return end(conv(L.GlobalMaxPooling2D(keepdims=True)(conv(x)), size=1))


@case()
def max_pool_readout(x: Any) -> Any:
    return L.Flatten()(L.GlobalMaxPooling2D()(conv(x)))
