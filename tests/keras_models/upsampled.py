"""Maps that grow: transposed convolutions and upsampling."""

from __future__ import annotations

from typing import Any

from tests.keras_models.make import L, case, conv, end


def transposed(x: Any, filters: int = 4, size: Any = 3, activation: str | None = "relu", **options: Any) -> Any:
    return L.Conv2DTranspose(filters, size, activation=activation, **options)(x)


@case((3, 4, 3))
def transposed_same(x: Any) -> Any:
    return end(transposed(transposed(x, strides=2, padding="same"), 3, (2, 4), strides=(2, 1), padding="same"))


@case((3, 4, 3))
def transposed_valid(x: Any) -> Any:
    return end(transposed(transposed(x, strides=(1, 3), use_bias=False), 3, 2, strides=3))


@case((3, 4, 3), signed=True)
def transposed_with_output_padding(x: Any) -> Any:
    x = transposed(x, strides=2, padding="same", output_padding=1)
    return end(transposed(x, 3, (3, 4), strides=(2, 3), output_padding=(1, 0)))


@case((3, 4, 3))
def transposed_larger_stride_than_kernel(x: Any) -> Any:
    return end(transposed(transposed(x, size=2, strides=3, padding="same"), 3, 1, strides=2))


@case((5, 4, 3))
def transposed_linear(x: Any) -> Any:
    x = L.ReLU()(L.BatchNormalization()(transposed(x, strides=2, activation=None)))
    return end(conv(transposed(x, 3, 2, strides=2, activation=None), size=2, strides=3))


@case((5, 4, 3))
def transposed_after_linear(x: Any) -> Any:
    return end(transposed(conv(x, activation=None), 3, 2, strides=2))


@case((3, 4, 3))
def upsampling(x: Any) -> Any:
    return end(conv(L.UpSampling2D((2, 3))(conv(x, size=2)), padding="same"))


@case((3, 4, 3), signed=True)
def upsampling_of_input(x: Any) -> Any:
    return end(conv(L.UpSampling2D(2)(x), strides=2))


@case((5, 4, 3))
def upsampling_of_linear(x: Any) -> Any:
    y = L.UpSampling2D(2)(conv(x, activation=None))
    return end(L.ReLU()(L.BatchNormalization()(y)))


@case((5, 4, 3))
def upsampling_of_linear_into_convolution(x: Any) -> Any:
    return end(conv(L.UpSampling2D(2)(conv(x, activation=None)), padding="same"))


@case((6, 6, 3))
def upsampling_joined(x: Any) -> Any:
    """A step down, a step up, and both side by side."""
    x = conv(x, padding="same")
    y = conv(L.MaxPooling2D(2)(x), 5, padding="same")
    y = L.Concatenate()([L.UpSampling2D(2)(y), x])
    return end(conv(y, 3, padding="same"))


@case((6, 6, 3))
def upsampling_of_pools(x: Any) -> Any:
    y = L.UpSampling2D(3)(L.AveragePooling2D(3)(conv(x, padding="same")))
    return end(L.MaxPooling2D(2)(L.UpSampling2D(2)(conv(y, 3, 3))))


@case((7, 3))
def sequence_upsampled(x: Any) -> Any:
    x = L.Conv1DTranspose(4, 3, strides=2, padding="same", activation="relu")(x)
    return end(L.Conv1D(3, 3, activation="relu")(L.UpSampling1D(2)(x)))


@case((6, 6, 3))
def autoencoder(x: Any) -> Any:
    x = conv(x, strides=2, padding="same")
    x = L.Dense(8, activation="relu")(L.Flatten()(x))
    x = L.Reshape((3, 3, 4))(L.Dense(36, activation="relu")(x))
    x = transposed(x, strides=2, padding="same")
    return L.Flatten()(transposed(x, 1, activation=None, padding="same"))
