"""Linear layers that are composed, heads, structure, preprocessing."""

from __future__ import annotations

from typing import Any

from tests.keras_models.make import L, case, conv, end, keras

# --- composition of linear layers --------------------------------------------------------------------------


@case()
def depthwise_pointwise_linear(x: Any) -> Any:
    y = L.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    return end(L.ReLU()(L.Conv2D(5, 1)(L.BatchNormalization()(y))))


@case((9, 9, 2))
def conv_conv_valid(x: Any) -> Any:
    y = conv(x, 3, (3, 2), activation=None, strides=(2, 1), padding="same")
    return end(conv(y, 4, (2, 3), strides=(1, 2), dilation_rate=1))


@case((11, 11, 2))
def conv_conv_dilated(x: Any) -> Any:
    y = conv(x, 3, 2, activation=None, dilation_rate=2)
    return end(conv(y, 4, 2, dilation_rate=2))


@case((7, 7, 2))
def pointwise_strided_then_padded(x: Any) -> Any:
    return end(conv(conv(x, 3, 1, activation=None, strides=2), 4, 3, padding="same"))


@case()
def conv_depthwise_linear(x: Any) -> Any:
    y = L.DepthwiseConv2D(2, depth_multiplier=2)(conv(x, 3, activation=None))
    return end(L.ReLU()(L.DepthwiseConv2D(2)(y)))


@case()
def depthwise_depthwise_linear(x: Any) -> Any:
    y = L.DepthwiseConv2D(2, depth_multiplier=2)(x)
    return end(L.DepthwiseConv2D(2, depth_multiplier=2, activation="relu")(y))


@case()
def three_linear(x: Any) -> Any:
    y = L.Conv2D(3, 2)(L.Conv2D(4, 2)(x))
    return end(L.Conv2D(3, 2, activation="relu")(y))


@case()
def linear_conv_flatten_dense(x: Any) -> Any:
    return end(conv(x, activation=None))


@case((12,))
def linear_dense_reshape_conv(x: Any) -> Any:
    y = L.Reshape((1, 1, 6))(L.Dense(6)(x))
    return end(L.Conv2D(4, 1, activation="relu")(y))


@case()
def add_of_linear_then_conv(x: Any) -> Any:
    y = L.Add()([conv(x, activation=None), conv(x, activation=None)])
    return end(conv(y, size=2))


# --- heads -------------------------------------------------------------------------------------------------


@case()
def head_linear(x: Any) -> Any:
    return end(conv(x), activation=None)


@case()
def head_relu(x: Any) -> Any:
    return end(conv(x), activation="relu")


@case()
def head_one_sigmoid(x: Any) -> Any:
    return end(conv(x), 1, "sigmoid")


@case()
def head_relu_then_softmax(x: Any) -> Any:
    return L.Softmax()(end(conv(x), activation="relu"))


@case()
def head_relu_with_maximum(x: Any) -> Any:
    return L.ReLU(0.5)(end(conv(x), activation=None))


@case()
def head_convolution(x: Any) -> Any:
    return L.Softmax()(L.Flatten()(conv(x, 3, (6, 7), activation=None)))


# --- structure ---------------------------------------------------------------------------------------------


@case((6, 6, 3))
def shared_layer(x: Any) -> Any:
    conv = L.Conv2D(3, 3, padding="same", activation="relu")
    return end(conv(conv(x)))


@case((6, 6, 3))
def nested(x: Any) -> Any:
    inner = keras.Input((6, 6, 3))
    block = keras.Model(inner, L.Add()([inner, conv(inner, 3, padding="same", activation=None)]), name="block")
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
    y = L.Concatenate()([x, conv(x, padding="same")])
    return end(conv(y))


@case(signed=True)
def signed_flattened_beside_population(x: Any) -> Any:
    return L.Dense(4)(L.Flatten()(L.Concatenate()([x, conv(x, padding="same")])))


@case()
def flattened_concatenation_of_linear(x: Any) -> Any:
    return end(L.Concatenate()([conv(x, 3, activation=None), conv(x, 2)]))


# --- preprocessing in front --------------------------------------------------------------------------------


@case(data="bytes")
def rescaling_bytes(x: Any) -> Any:
    return end(conv(L.Rescaling(1 / 255)(x), padding="same"))


@case(data="bytes")
def rescaling_bytes_to_signed(x: Any) -> Any:
    return end(conv(L.Rescaling(1 / 127.5, offset=-1)(x), padding="same"))


@case(data="bytes")
def raw_bytes(x: Any) -> Any:
    return end(conv(x, padding="same"), activation=None)


@case(data="bytes")
def normalization_bytes(x: Any) -> Any:
    norm = L.Normalization(mean=[120.0, 130.0, 100.0], variance=[3000.0, 5000.0, 4000.0])
    return end(conv(norm(L.Rescaling([1.0, 0.5, 2.0])(x)), padding="same"))


@case(data="bytes")
def normalization_scalar(x: Any) -> Any:
    return end(conv(L.Normalization(axis=None, mean=120.0, variance=900.0)(x)))


@case()
def rescaling_inside(x: Any) -> Any:
    return end(conv(L.Rescaling(0.5, offset=-0.1)(conv(x)), padding="same"))
