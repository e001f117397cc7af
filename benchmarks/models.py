"""The networks of the accuracy benchmark, small enough to train three times on two processors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def small_cnn() -> Any:
    """The demo's: conv-bn-relu-pool twice, then dense."""
    import digits

    return digits.small_cnn()


def six_conv() -> Any:
    """Six batch-normalised convolutions in three blocks, each block average-pooled, then dense."""
    import keras
    from keras import layers

    stack: list[Any] = [keras.Input((28, 28, 1))]
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

CACHE = Path("build/accuracy")


def train(name: str, data: Any, seed: int) -> Any:
    """The trained network of a seed, from the cache where it was made before; logits. Kept whole or not at all."""
    import digits
    import keras

    path = CACHE / f"{name}_{seed}.keras"
    if path.is_file():
        return keras.models.load_model(path)
    keras.utils.set_random_seed(seed)
    model = NETWORKS[name]()
    if name == "residual":  # global pooling learns slowly: more epochs, the rate annealed
        rate = keras.optimizers.schedules.CosineDecay(4e-3, 18 * -(-len(data.x_train) // 64))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
        model.fit(data.x_train, data.y_train, batch_size=64, epochs=18, verbose=0)
    else:
        digits.train(model, data, epochs=12, seed=seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.stem}.part.keras")
    model.save(beside)
    beside.replace(path)
    return model
