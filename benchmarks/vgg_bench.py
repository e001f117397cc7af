"""SpKeras's VGG-16 for 32x32x3: bit-exact `count` evaluation beside Keras's float `predict`, and conversion time.

Random weights (He), 8 bits, T = 64, two cores, all in turn in one run. An ideal float32 GEMM of the same
products is the limit that is printed with them.
"""

from __future__ import annotations

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from typing import Any

import numpy as np
from bench import in_turn, ratio, write

import snncc
from snncc.ir import Conv2D, Dense

IMAGES = 512
PLAIN: Any = {"encoding": "rate", "average_pools": "fire"}
TIMESTEPS = 64


def vgg16() -> Any:
    """13 convolutions with batch norm and relu, average pools, three dense layers: 15.0 M parameters."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((32, 32, 3))], name="vgg16")
    for count, filters in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(count):
            model.add(layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal"))
            model.add(layers.BatchNormalization())
            model.add(layers.ReLU())
        model.add(layers.AveragePooling2D(2))
    model.add(layers.Flatten())
    for units in (512, 512):
        model.add(layers.Dense(units, activation="relu", kernel_initializer="he_normal"))
    model.add(layers.Dense(10))
    return model


def products(network: snncc.Network) -> list[tuple[Any, Any]]:
    """For every layer the float32 matrices of its GEMM, for one block of images: the ideal limit."""
    pairs = []
    rng = np.random.default_rng(0)
    for population in network.ir.populations:
        for projection in population.projections:
            if isinstance(projection, Conv2D | Dense):
                weights = projection.weights.reshape(-1, projection.weights.shape[-1]).astype(np.float32)
                positions = int(np.prod(population.shape[:-1])) if len(population.shape) == 3 else 1
                pairs.append((rng.random((positions * 16, len(weights)), np.float32), weights))
    return pairs


def main() -> None:
    """Measure, print and write benchmarks/results/vgg16.json."""
    rng = np.random.default_rng(0)
    x = rng.random((IMAGES, 32, 32, 3), np.float32)
    model = vgg16()
    calibration = x[:256]
    model.predict(calibration, verbose=0, batch_size=64)

    start = time.perf_counter()
    model.predict(calibration, verbose=0, batch_size=64)
    predict_seconds = time.perf_counter() - start
    start = time.perf_counter()
    network = snncc.convert(model, calibration, timesteps=TIMESTEPS, calibrate="none", **PLAIN)
    convert_seconds = time.perf_counter() - start
    start = time.perf_counter()
    snncc.convert(model, calibration, timesteps=TIMESTEPS, calibrate="light", **PLAIN)
    light_seconds = time.perf_counter() - start
    limit = 1.5 * (predict_seconds + 2)

    labels = rng.integers(0, 10, IMAGES)
    matrices = products(network)

    def gemm() -> None:
        for left, right in matrices:
            np.matmul(left, right)

    seconds = in_turn(
        {
            "keras predict (float)": lambda: model.predict(x, verbose=0, batch_size=64),
            "snncc count (bit-exact)": lambda: snncc.evaluate(network, x, labels, TIMESTEPS, "count"),
            "ideal float32 GEMM": gemm,
        }
    )
    images = {name: IMAGES / s["median"] for name, s in seconds.items()}
    images["ideal float32 GEMM"] = 16 / seconds["ideal float32 GEMM"]["median"]
    for name, rate in images.items():
        print(f"{name:26} {rate:8.1f} images/s   {rate / images['keras predict (float)']:.2f} of float predict")
    share = ratio(seconds, "keras predict (float)", "snncc count (bit-exact)")
    for name, s in seconds.items():
        count = 16 if name.startswith("ideal") else IMAGES
        print(f"{name:26} {1000 * s['cpu'] / count:8.2f} CPU ms/image")
    print(f"goal: at least 0.80 of float predict; reached {share:.2f}")
    print(f"convert: {convert_seconds:.2f} s; limit 1.5 x ({predict_seconds:.2f} s + 2 s) = {limit:.2f} s")
    print(f"convert with light calibration: {light_seconds:.2f} s")
    write(
        "vgg16",
        {
            "parameters": model.count_params(),
            "images": IMAGES,
            "timesteps": TIMESTEPS,
            "images_per_second": images,
            "of_float_predict": share,
            "seconds": seconds,
            "convert_seconds": convert_seconds,
            "convert_limit_seconds": limit,
            "convert_light_seconds": light_seconds,
        },
    )


if __name__ == "__main__":
    main()
