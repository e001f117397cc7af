"""The engines beside float and int8 inference and beside spiking simulators, on this machine's processors, in one run.

VGG-16 (vgg_bench.py), ResNet-8 and MobileNetV1 0.25 of MLPerf Tiny, the demo's CNN; `count` at T = 64 and `step` at
T = 16, 8 bits. Peers: Keras's float `predict`; int8 in TensorFlow Lite (XNNPACK) and in ONNX Runtime, of the same float
networks; SpikingJelly and snnTorch where $TORCH_PYTHON names a Python that has them (spiking_peers.py), networks of the
same shape. All in turn, on one processor and on all: the least wall and CPU seconds of a few rounds. Images a second
are of CPU seconds on one processor and of wall seconds on more, so that what else the machine does disturbs little.
Integers are equal by tests; accuracy is not looked at here.

With $SHORT set: an eighth of the images, one round, and nothing is written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if len(sys.argv) > 1:  # before any library makes its threads
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[2])])

import numpy as np
from bench import in_turn, write

sys.path.insert(0, str(Path(__file__).parents[1]))

import mlperf_tiny
import onnx_int8
from tflm import silent
from vgg_bench import PLAIN, vgg16

import snncc
from examples import digits
from snncc.sim.run import batches

TIMESTEPS = {"count": 64, "step": 16}
IMAGES = {"vgg16": 64, "image_classification": 256, "visual_wake_words": 64, "demo": 512}
SHORT = bool(os.environ.get("SHORT"))
SPIKING_IMAGES, ROUNDS = 8, 1 if SHORT else 5
if SHORT:
    IMAGES = {name: images // 8 for name, images in IMAGES.items()}


def networks() -> dict[str, Any]:
    """The float networks."""
    tiny = mlperf_tiny.models()
    return {"vgg16": vgg16(), **{name: tiny[name] for name in IMAGES if name in tiny}, "demo": digits.small_cnn()}


def tflite(model: Any, calibration: Any, images: Any, threads: int) -> Callable[[], Any]:
    """int8 in TensorFlow Lite, a batch at once."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[None]] for sample in calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    flat = silent(converter.convert)[0]
    engine = tf.lite.Interpreter(model_content=flat, num_threads=threads)
    place = engine.get_input_details()[0]
    engine.resize_tensor_input(place["index"], images.shape)
    engine.allocate_tensors()
    scale, zero = place["quantization"]
    values = np.clip(np.rint(images / scale) + zero, -128, 127).astype(np.int8)

    def run() -> Any:
        engine.set_tensor(place["index"], values)
        engine.invoke()

    return run


def spiking(name: str, threads: int) -> dict[str, dict[str, float]]:
    """Wall and CPU seconds an image of the spiking simulators; nothing without them."""
    python = os.environ.get("TORCH_PYTHON")
    if not python:
        print("SpikingJelly and snnTorch: not measured, $TORCH_PYTHON names no Python with them", file=sys.stderr)
        return {}
    script = str(Path(__file__).with_name("spiking_peers.py"))
    command = [python, script, name, str(SPIKING_IMAGES), str(TIMESTEPS["step"]), str(threads)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds: dict[str, dict[str, float]] = json.loads(said.splitlines()[-1])
    return {peer: {clock: s / SPIKING_IMAGES for clock, s in each.items()} for peer, each in seconds.items()}


def measured(name: str, model: Any, threads: int) -> dict[str, Any]:
    """Images a second of every engine and peer on so many processors."""
    random = np.random.default_rng(0)
    shape = model.input_shape[1:]
    calibration, x = random.random((64, *shape), np.float32), random.random((IMAGES[name], *shape), np.float32)
    floating, int8 = silent(lambda: onnx_int8.int8(model, calibration, threads))[0]
    commands: dict[str, Callable[[], Any]] = {
        "keras float predict": lambda: model.predict(x, verbose=0, batch_size=64),
        "onnxruntime float": lambda: floating(x),
        "onnxruntime int8": lambda: int8(x),
        "tflite int8": tflite(model, calibration, x, threads),
    }
    for dynamics, timesteps in TIMESTEPS.items():
        options = {**PLAIN, "timesteps": timesteps, "dynamics": dynamics, "calibrate": "none"}
        network = snncc.convert(model, calibration, **options)
        for engine, dtype in (
            ("numpy", np.int32),
            ("native", np.uint8),
        ):  # each reads its own type, as the int8 peers do
            pixels = network.pixels(x).astype(dtype)
            made = snncc.engines.ENGINES[engine].ready(network.ir, timesteps, dynamics)  # type: ignore[arg-type]

            def run(made: Any = made, pixels: Any = pixels) -> Any:
                return list(batches(made, pixels, lambda outputs, _: None))

            commands[f"{engine} {dynamics}"] = run
    seconds = {
        peer: {"wall": s["least"] / IMAGES[name], "cpu": s["cpu_least"] / IMAGES[name]}
        for peer, s in in_turn(commands, ROUNDS).items()
    } | spiking(name, threads)
    clock = "cpu" if threads == 1 else "wall"
    return {
        "images_per_second": {peer: 1 / s[clock] for peer, s in seconds.items()},
        "cpu_ms_per_image": {peer: 1000 * s["cpu"] for peer, s in seconds.items()},
        "wall_ms_per_image": {peer: 1000 * s["wall"] for peer, s in seconds.items()},
    }


def main() -> None:
    """Measure, print and write benchmarks/results/engines.json; each number of processors in a process of its own."""
    figures: dict[str, Any] = {}
    for name in IMAGES:
        for threads in dict.fromkeys((1, len(os.sched_getaffinity(0)))):
            command = [sys.executable, __file__, name, str(threads)]
            said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            found = figures.setdefault(name, {})[str(threads)] = json.loads(said.splitlines()[-1])
            rates = found["images_per_second"]
            for peer, rate in sorted(rates.items(), key=lambda item: -item[1]):
                share = rate / rates["keras float predict"]
                print(
                    f"{name:22} {threads} x {peer:20} {rate:10.1f} images/s  {share:6.2f} of float predict", flush=True
                )
            if not SHORT:
                write("engines", {"timesteps": TIMESTEPS, "images": IMAGES, "networks": figures})


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measured(sys.argv[1], networks()[sys.argv[1]], int(sys.argv[2]))))
    else:
        main()
