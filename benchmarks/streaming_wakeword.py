"""MLPerf Tiny's streaming wakeword, rebuilt from its published shape, trained in seconds on made-up features.

30 steps of 40 features: four blocks of depthwise (3, 5, 10, 15 steps, valid), pointwise (128, 128, 128, 32 filters),
batch normalisation and relu, then a dense layer of 3 classes; 47,707 parameters. The benchmark's recordings are not
ours to ship. Here a word is a smooth pattern over time and frequency, moved by up to two steps, in smooth noise: class
0 the wakeword, 1 one of seven other words, 2 noise alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mlperf_tiny import CALIBRATION, IMAGES, smooth

STEPS, FEATURES, CLASSES = 30, 40, 3
BLOCKS = ((3, 128), (5, 128), (10, 128), (15, 32))
"""(steps of the depthwise kernel, filters)."""
WORDS = 8
NOISE = 1.5
TRAINING = 2048


def untrained() -> Any:
    """The network."""
    import keras
    from keras import layers

    inputs = x = keras.Input((STEPS, 1, FEATURES))
    for steps, filters in BLOCKS:
        x = layers.DepthwiseConv2D((steps, 1), use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(layers.Conv2D(filters, 1, use_bias=False)(x))
        x = layers.Dropout(0.2)(layers.ReLU()(x))
    x = layers.Dense(CLASSES, activation="softmax")(layers.Flatten()(x))
    return keras.Model(inputs, x, name="streaming_wakeword")


def samples(count: int, random: np.random.Generator) -> tuple[Any, Any]:
    """(count, 30, 1, 40) features and their classes."""
    words = smooth(WORDS, (STEPS, FEATURES), np.random.default_rng(0))
    x = NOISE * smooth(count, (STEPS, FEATURES), random)
    classes = random.integers(CLASSES, size=count)
    spoken = np.where(classes == 0, 0, random.integers(1, WORDS, size=count))
    moved = random.integers(-2, 3, size=count)
    for i in np.flatnonzero(classes < 2):
        x[i] += np.roll(words[spoken[i]], moved[i], axis=0)
    return x[:, :, None].astype(np.float32), classes


def trained() -> tuple[Any, Any]:
    """(the network, its calibration and test inputs one after the other)."""
    import keras

    keras.utils.set_random_seed(0)
    model = untrained()
    x, y = samples(TRAINING, np.random.default_rng(1))
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy())
    model.fit(x, y, batch_size=64, epochs=6, verbose=0)
    return model, samples(CALIBRATION + IMAGES, np.random.default_rng(2))[0]
