"""Activations that are not 0 below 0: a positive and a negative part; and those made of a relu with a max_value."""

from __future__ import annotations

from typing import Any

from tests.keras_models.make import L, case, conv, end


@case()
def leaky_relu(x: Any) -> Any:
    return end(conv(L.LeakyReLU(0.3)(conv(x, activation=None)), 5, 2, activation="leaky_relu"))


@case()
def leaky_relu_with_max_value(x: Any) -> Any:
    return end(L.ReLU(0.8, negative_slope=0.1)(conv(x, activation=None)))


@case(signed=True)
def leaky_relu_of_input_padding_and_concat(x: Any) -> Any:
    y = L.Concatenate()([L.LeakyReLU(0.5)(x), conv(x, padding="same", activation=None), conv(x, 2, padding="same")])
    return end(conv(L.LeakyReLU(0.25)(L.ZeroPadding2D(1)(y))))


@case()
def leaky_relu_after_norm_and_reshape(x: Any) -> Any:
    y = L.BatchNormalization()(conv(x, activation=None))
    return L.Dense(3)(L.LeakyReLU(0.2)(L.Dense(6)(L.LeakyReLU(0.2)(L.Flatten()(y)))))


@case()
def leaky_relu_after_max_pool(x: Any) -> Any:
    return end(L.LeakyReLU(0.4)(L.MaxPooling2D(2)(conv(x, activation=None))))


@case()
def leaky_relu_readout(x: Any) -> Any:
    return L.Flatten()(L.LeakyReLU(0.3)(conv(x, activation=None)))


@case()
def parametric_relu(x: Any) -> Any:
    x = L.PReLU(shared_axes=[1, 2])(conv(x, activation=None))
    return L.Dense(3)(L.PReLU()(L.Dense(6)(L.Flatten()(x))))


@case()
def leaky_residual(x: Any) -> Any:
    x = conv(x, padding="same")
    y = L.Add()([x, conv(x, padding="same", activation="leaky_relu")])
    return end(L.LeakyReLU(0.1)(y))


@case()
def hard_sigmoid_and_hard_tanh(x: Any) -> Any:
    return end(conv(conv(x, activation="hard_sigmoid"), size=2, activation="hard_tanh"))
