"""Layers over steps: a sequence (L, C) is a map of one row."""

from __future__ import annotations

from typing import Any

from tests.keras_models.make import L, case, end

STEPS = (14, 3)


@case(STEPS)
def sequence_conv_causal(x: Any) -> Any:
    x = L.Conv1D(5, 3, padding="causal", dilation_rate=2, activation="relu")(x)
    x = L.Conv1D(4, 3, strides=2, padding="same", activation="relu")(x)
    return end(L.Conv1D(4, 2, use_bias=False, activation="relu")(x))


@case(STEPS, signed=True)
def sequence_of_signed_steps(x: Any) -> Any:
    x = L.ReLU()(L.BatchNormalization()(L.Conv1D(6, 3, groups=3, padding="same")(x)))
    return L.Dense(4)(L.GlobalAveragePooling1D()(x))


@case(STEPS)
def sequence_separable(x: Any) -> Any:
    x = L.SeparableConv1D(5, 3, depth_multiplier=2, padding="same", activation="relu")(x)
    x = L.DepthwiseConv1D(3, strides=2, depth_multiplier=2, activation="relu")(x)
    return end(L.SeparableConv1D(4, 2, use_bias=False, activation="relu")(x))


@case(STEPS)
def sequence_pools(x: Any) -> Any:
    x = L.Conv1D(5, 3, activation="relu")(L.ZeroPadding1D((2, 1))(x))
    x = L.MaxPooling1D(3, strides=2, padding="same")(x)
    x = L.AveragePooling1D(2, padding="same")(L.Conv1D(4, 2, activation="relu")(x))
    return end(x)


@case(STEPS)
def sequence_global_pools(x: Any) -> Any:
    x = L.Conv1D(5, 3, activation="relu")(x)
    y = L.GlobalAveragePooling1D(keepdims=True)(x)
    z = L.GlobalMaxPooling1D(keepdims=True)(x)
    return L.Dense(4)(L.Concatenate()([L.Flatten()(y), L.Flatten()(z), L.GlobalMaxPooling1D()(x)]))


@case(STEPS)
def sequence_residual(x: Any) -> Any:
    x = L.Conv1D(5, 3, padding="same", activation="relu")(x)
    y = L.Conv1D(5, 3, padding="causal")(x)
    return end(L.Dense(4, activation="relu")(L.ReLU()(L.Add()([x, y]))))


@case(STEPS, data="bytes")
def sequence_normalised_per_channel(x: Any) -> Any:
    x = L.Rescaling([1 / 255, 1 / 127, 1 / 64], [0.0, 0.1, 0.2])(x)
    return end(L.Conv1D(5, 4, strides=3, activation="relu")(x))


@case((20,))
def sequence_made_of_a_vector(x: Any) -> Any:
    return end(L.Conv1D(5, 4, strides=2, activation="relu")(L.Reshape((20, 1))(x)))
