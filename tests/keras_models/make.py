"""How a tiny model is made of a case: what is done to an input, random weights, data."""

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


def conv(x: Any, filters: int = 4, size: Any = 3, activation: str | None = "relu", **options: Any) -> Any:
    return L.Conv2D(filters, size, activation=activation, **options)(x)


def end(x: Any, units: int = 4, activation: str | None = "softmax") -> Any:
    return L.Dense(units, activation=activation)(L.Flatten()(x))
