"""The networks of the accuracy benchmark, small enough to train three times on two processors.

Usage: models.py, which trains them anew and replaces benchmarks/trained/.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def small_cnn() -> Any:
    """The demo's: conv-bn-relu-pool twice, then dense."""
    import digits

    return digits.small_cnn()


def six_conv(shape: tuple[int, int, int] = (28, 28, 1)) -> Any:
    """Six batch-normalised convolutions in three blocks, each block average-pooled, then dense."""
    import keras
    from keras import layers

    stack: list[Any] = [keras.Input(shape)]
    for filters in (8, 16, 32):
        for _ in range(2):
            stack += [layers.Conv2D(filters, 3, padding="same", use_bias=False), layers.BatchNormalization()]
            stack += [layers.ReLU()]
        stack += [layers.AveragePooling2D(2)]
    return keras.Sequential([*stack, layers.Flatten(), layers.Dense(10)], name="six_conv")


def residual() -> Any:
    """Stem and three residual blocks of two convolutions (8, 16, 32 filters), linear 1x1 shortcuts, global pool."""
    import keras
    from keras import layers

    def convolve(x: Any, filters: int, size: int, strides: int) -> Any:
        x = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    inputs = keras.Input((28, 28, 1))
    x = layers.ReLU()(convolve(inputs, 8, 3, 1))
    for filters, strides in ((8, 1), (16, 2), (32, 2)):
        y = layers.ReLU()(convolve(x, filters, 3, strides))
        y = convolve(y, filters, 3, 1)
        shortcut = x if strides == 1 else convolve(x, filters, 1, strides)
        x = layers.ReLU()(layers.Add()([y, shortcut]))
    x = layers.Dense(10)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, x, name="residual")


NETWORKS: dict[str, Callable[[], Any]] = {"small": small_cnn, "six_conv": six_conv, "residual": residual}

TRAINED = Path(__file__).parent / "trained"
SEEDS = (0, 1, 2)


def trained(name: str, seed: int) -> Any:
    """The network of a seed. The files are part of the project, so that every figure is about the same networks."""
    import keras

    return keras.models.load_model(TRAINED / f"{name}_{seed}.keras")


def train(name: str, data: Any, seed: int, epochs: int = 20) -> Any:
    """20 epochs of Adam, the rate annealed, on training images moved and turned a little (2 pixels, 10 degrees)."""
    import keras
    import tensorflow as tf
    from keras import layers

    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    model = NETWORKS[name]()
    moved = [
        layers.RandomTranslation(0.07, 0.07, fill_mode="constant", seed=seed),
        layers.RandomRotation(0.03, fill_mode="constant", seed=seed),
    ]
    whole = keras.Sequential([keras.Input((28, 28, 1)), *moved, model])
    rate = keras.optimizers.schedules.CosineDecay(4e-3, epochs * -(-len(data.x_train) // 64))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    whole.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    whole.fit(data.x_train, data.y_train, batch_size=64, epochs=epochs, verbose=0)
    return model


def main() -> None:
    """Train all of them anew."""
    import sys

    sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
    import digits

    data = digits.load()
    TRAINED.mkdir(exist_ok=True)
    for name in NETWORKS:
        for seed in SEEDS:
            model = train(name, data, seed)
            model.save(TRAINED / f"{name}_{seed}.keras")
            accuracy = (model.predict(data.x_test, verbose=0).argmax(1) == data.y_test).mean()
            print(f"{name} {seed}: {accuracy:.3f}", flush=True)


if __name__ == "__main__":
    main()
