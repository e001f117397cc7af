"""The engine `keras` on a GPU beside float `predict` there, and the engines of the CPU on 1, 2, 4, ... of its cores.

    KERAS_BACKEND=jax python benchmarks/gpu.py [IMAGES]

VGG-16 of vgg_bench.py, `count`, T = 64, 8 bits, random weights and images. Every count of some images is compared with
the simulator. No part of `make bench`, which asks for no GPU; benchmarks/results/gpu.json.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import write
from vgg_bench import PLAIN, TIMESTEPS, vgg16

import snncc
from snncc import evaluation
from snncc.engines import ENGINES
from snncc.sim.run import ready

COMPARED, CORE_IMAGES, ROUNDS = 64, 256, 3
SHAPE = (32, 32, 3)


def best(call: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """The least seconds of a few runs, after one to warm up."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def device() -> str:
    """What Keras computes on."""
    import keras

    if keras.backend.backend() != "jax":
        return str(keras.distribution.list_devices())
    import jax

    jax.config.update("jax_enable_x64", True)
    return str(jax.devices()[0].device_kind)


def on_device(network: Any, model: Any, images: int) -> dict[str, Any]:
    """Images a second of `predict` and of `evaluate`, and how many values differ from the simulator's."""
    random = np.random.default_rng(1)
    x = random.random((images, *SHAPE), np.float32)
    pixels = network.pixels(x)
    rates: dict[str, float] = {}
    for batch in (256, 1024):
        rates[f"float predict, batches of {batch}"] = images / best(
            lambda b=batch: model.predict(x, batch_size=b, verbose=0)  # type: ignore[misc]
        )

    def evaluated() -> Any:
        return evaluation.evaluate(network.ir, pixels, None, [TIMESTEPS], "count", engine="keras")

    rates["snncc evaluate, engine keras"] = images / best(evaluated)
    made = ENGINES["keras"].ready(network.ir, TIMESTEPS, "count").run(pixels[:COMPARED])[0]
    expected = ready(network.ir, TIMESTEPS, "count").run(pixels[:COMPARED])[0]
    wrong = sum(int((made[name] != values).sum()) for name, values in expected.items())
    return {"images": images, "images_per_second": rates, "compared_values": sum(v.size for v in expected.values()),
            "values_that_differ": wrong}  # fmt: skip


def on_cores(network: Any) -> dict[str, dict[str, float]]:
    """Images a second of the CPU's engines on the first 1, 2, 4, ... processors."""
    all_of_them = sorted(os.sched_getaffinity(0))
    pixels = network.pixels(np.random.default_rng(2).random((CORE_IMAGES, *SHAPE), np.float32))
    found: dict[str, dict[str, float]] = {"numpy": {}, "native": {}}
    number = 1
    while number <= len(all_of_them):
        os.sched_setaffinity(0, all_of_them[:number])
        for name, rates in found.items():
            images = CORE_IMAGES * (4 if name == "native" else 1)
            many = np.concatenate([pixels] * (images // CORE_IMAGES))

            def run(engine: str = name, data: Any = many) -> Any:
                return evaluation.evaluate(network.ir, data, None, [TIMESTEPS], "count", engine=engine)

            rates[str(number)] = images / best(run, 1 if number < 4 else 2)
            print(f"{name:8} {number:3} cores {rates[str(number)]:10.1f} images/s", flush=True)
        number *= 2
    os.sched_setaffinity(0, all_of_them)
    return found


def main() -> None:
    """Measure, print and write benchmarks/results/gpu.json."""
    kind = device()
    model = vgg16()
    x = np.random.default_rng(0).random((64, *SHAPE), np.float32)
    network = snncc.convert(model, x, timesteps=TIMESTEPS, calibrate="none", **PLAIN)
    figures = on_device(network, model, int(sys.argv[1]) if len(sys.argv) > 1 else 20_480)
    rates = figures["images_per_second"]
    for name, rate in rates.items():
        print(f"{name:32} {rate:10.1f} images/s", flush=True)
    floats = max(rate for name, rate in rates.items() if name.startswith("float"))
    share = rates["snncc evaluate, engine keras"] / floats
    print(f"of float predict: {share:.2f} (goal 0.8); {figures['values_that_differ']} values differ")
    figures |= {"device": kind, "of_float_predict": share}
    write("gpu", figures)
    write("gpu", figures | {"cores": on_cores(network)})


if __name__ == "__main__":
    main()
