"""The int8 network of TensorFlow Lite's converter in tflite-micro's interpreter: agreement and memory.

The wheel runs the reference kernels on this machine. Its arena holds the tensors, which are as large on any processor,
and the interpreter's own structures, whose pointers have 8 bytes here and 4 on a microcontroller.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
from mlperf_tiny import FOLDER, wheel

VERSION = "0.dev20261023182759"
ARENA = 4_000_000


def silent(call: Callable[[], Any]) -> tuple[Any, str]:
    """(what it returns, what the process says meanwhile, in Python or in C)."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with tempfile.TemporaryFile() as said:
        try:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            result = call()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            os.close(kept[0])
            os.close(kept[1])
        said.seek(0)
        return result, said.read().decode(errors="replace")


def int8(model: Any, calibration: Any) -> bytes:
    """The model in integers of 8 bits, input and output too."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[None]] for sample in calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converted: bytes = silent(converter.convert)[0]
    return converted


def interpreter(flatbuffer: bytes) -> Any:
    """Of the wheel, which is unpacked and not installed."""
    unpacked = FOLDER / f"tflite_micro-{VERSION}"
    if not unpacked.is_dir():
        with wheel("tflite-micro", VERSION) as package:
            package.extractall(unpacked)
    if str(unpacked) not in sys.path:
        sys.path.insert(0, str(unpacked))
    from tflite_micro.python.tflite_micro import runtime

    return runtime.Interpreter.from_bytes(flatbuffer, arena_size=ARENA)


def quantisation(details: dict[str, Any]) -> tuple[float, int]:
    """(scale, zero point) of an input or output."""
    found = details["quantization_parameters"]
    return float(found["scales"][0]), int(found["zero_points"][0])


def measure(model: Any, calibration: Any, images: Any) -> tuple[Any, dict[str, int]]:
    """(outputs in real units, bytes of model, arena and tensors)."""
    flatbuffer = int8(model, calibration)
    machine = interpreter(flatbuffer)
    scale, zero = quantisation(machine.get_input_details(0))
    outputs = []
    for image in images:
        machine.set_input(np.clip(np.rint(image[None] / scale + zero), -128, 127).astype(np.int8), 0)
        machine.invoke()
        outputs.append(machine.get_output(0).copy())
    scale, zero = quantisation(machine.get_output_details(0))
    _, said = silent(machine.print_allocations)
    total, tensors = (int(re.search(rf"allocation {part} (\d+) bytes", said)[1]) for part in ("total", "head"))  # type: ignore[index]
    sizes = {"model_bytes": len(flatbuffer), "arena_bytes": total, "tensor_bytes": tensors}
    return scale * (np.concatenate(outputs).astype(np.float64) - zero), sizes
