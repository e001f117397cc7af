"""The five networks of MLPerf Tiny in C: agreement with the float network, flash, state, stack, instructions.

Both dynamics, weights of 8 and 4 bits (packed), T = 16, 32, 64 and 255, the default options (`light` calibration for
that T), beside TensorFlow Lite's int8 network in tflite-micro and CMSIS-NN's int8 kernels. mlperf_tiny.py and
streaming_wakeword.py say what the networks and the inputs are. Instructions are those of one image on an emulated
Cortex-M4 (c_bench.py): in `count` at the smallest and the largest T, since T changes the divisions of neurons that
fire alone; in `step` at the smallest.
Usage: mlperf_bench.py [--quick | --missing] [NETWORK ...]. The rows of networks that are not named stay as they were.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Iterator
from itertools import product
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import mlperf_tiny
import numpy as np
import streaming_wakeword
import tflm
from bench import RESULTS, write
from c_bench import measure
from c_kernels_bench import GOALS
from mlperf_tiny import CALIBRATION, IMAGES

import snncc
from snncc import ir
from snncc.backends.c.emit import memory

NETWORKS = (*mlperf_tiny.NAMES, "streaming_wakeword")
TIMESTEPS = (16, 32, 64, 255)
PLAIN: Any = {"calibrate": "light", "average_pools": "fire"}
"""What was the default before `auto`; the encoding follows the sign of the data."""
COUNTED: dict[ir.Dynamics, tuple[int, ...]] = {"count": (16, 255), "step": (16,)}
"""The T at which instructions are counted."""
SIMULATED: dict[ir.Dynamics, int] = {"count": IMAGES, "step": IMAGES // 2}
"""Images for the agreement: a timestep costs as much as a whole window in `count`."""
LEVELS = ("-Os", "-O2", "-O3")
CMSIS_NN = {name: cmsis for (name, _), (_, cmsis) in GOALS.items() if cmsis} | {
    "anomaly_detection": 0.579,
    "streaming_wakeword": 2.194,
}
"""Millions of instructions at -O3."""
CMSIS_NN_SOURCE = (
    "int8 kernels alone, called layer by layer without softmax, measured once on the same emulator, GCC 12.2: "
    "anomaly_detection and streaming_wakeword 2026-11-27 with commit 99f736a, where keyword_spotting is 7.68 as before"
)


def closeness(name: str, outputs: Any, classes: Any, wanted: Any) -> dict[str, Any]:
    """The share of inputs with the float network's class; of the autoencoder the relative error of its output."""
    if name == "anomaly_detection":
        error = np.linalg.norm(outputs.reshape(wanted.shape) - wanted) / np.linalg.norm(wanted)
        return {"agreement": None, "relative_error": round(float(error), 5)}
    return {"agreement": round(float((classes == wanted.argmax(axis=1)).mean()), 4), "relative_error": None}


def row(name: str, model: Any, x: Any, bits: int, dynamics: ir.Dynamics, timesteps: int) -> dict[str, Any]:
    """One network compiled in one way."""
    start = time.process_time()
    network = snncc.convert(model, x[:CALIBRATION], signed_bit=bits, timesteps=timesteps, dynamics=dynamics, **PLAIN)
    images = x[CALIBRATION:][: SIMULATED[dynamics]]
    result = network.run(images)
    found = {"network": name, "dynamics": dynamics, "bits": bits, "pack": bits < 8, "T": timesteps}
    found |= {"encoding": network.ir.input.encoding, "images": len(images)}
    found |= closeness(name, result.outputs, result.classes, model.predict(images, verbose=0))
    if timesteps in COUNTED[dynamics]:
        found |= measure(network.ir, network.pixels(images[:1]).astype(np.int64), LEVELS, pack=bits < 8)
    else:
        needed = memory(network.ir, pack=bits < 8)
        found |= {"const_bytes": needed.const, "state_bytes": needed.state}
    print(f"{time.process_time() - start:.0f} s", found, flush=True)
    return found


def peer(name: str, model: Any, x: Any) -> dict[str, Any]:
    """The int8 network in tflite-micro on the same calibration data and inputs."""
    outputs, sizes = tflm.measure(model, x[:CALIBRATION], x[CALIBRATION:])
    wanted = model.predict(x[CALIBRATION:], verbose=0)
    found = {"network": name, "images": len(wanted)} | sizes
    found |= closeness(name, outputs, outputs.argmax(axis=1), wanted)
    print(found, flush=True)
    return found


def about(name: str, model: Any, x: Any) -> dict[str, Any]:
    """How large a network is, and how many classes it gives these inputs."""
    wanted = model.predict(x[CALIBRATION:], verbose=0)
    used = None if name == "anomaly_detection" else len(np.unique(wanted.argmax(axis=1)))
    return {"network": name, "parameters": model.count_params(), "input": list(model.input_shape[1:]), "classes": used}


def first_line(program: str) -> str:
    """What a program says of its version."""
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    return said.stdout.splitlines()[0]


def settings() -> dict[str, Any]:
    """What every row has in common, beside the machine."""
    return {
        "calibrate": "light",
        "calibration_inputs": CALIBRATION,
        "compiler": first_line("arm-none-eabi-gcc"),
        "emulator": first_line("qemu-system-arm"),
        "tflite_micro": tflm.VERSION,
        "cmsis_nn": CMSIS_NN_SOURCE,
    }


def quick() -> None:
    """One row, printed."""
    model, x = streaming_wakeword.trained()
    row("streaming_wakeword", model, x, 8, "count", TIMESTEPS[0])


def key(found: dict[str, Any]) -> tuple[Any, ...]:
    """What a row is about, in the order of the rows."""
    at = NETWORKS.index(found["network"])
    return at, found.get("dynamics", ""), -found.get("bits", 0), found.get("T", 0)


def measured(names: list[str], tables: dict[str, list[dict[str, Any]]]) -> Iterator[None]:
    """Add what the tables lack about these networks, one row after the other."""
    models = {name: (model, mlperf_tiny.images_of(model)) for name, model in mlperf_tiny.models().items()}
    models["streaming_wakeword"] = streaming_wakeword.trained()
    for name in names:
        for table, make in (("networks", about), ("tflite_micro", peer)):
            if name not in [found["network"] for found in tables[table]]:
                tables[table].append(make(name, *models[name]))
        done = {key(found) for found in tables["rows"]}
        for dynamics, bits, timesteps in product(COUNTED, (8, 4), TIMESTEPS):
            if key({"network": name, "dynamics": dynamics, "bits": bits, "T": timesteps}) not in done:
                tables["rows"].append(row(name, *models[name], bits, dynamics, timesteps))
                yield


def main() -> None:
    """Measure, print and write benchmarks/results/mlperf_tiny.json after each row."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="one row, printed")
    parser.add_argument("--missing", action="store_true", help="only the rows that the file lacks")
    parser.add_argument("network", nargs="*", help=", ".join(NETWORKS))
    chosen = parser.parse_args()
    names = chosen.network or list(NETWORKS)
    if unknown := set(names) - set(NETWORKS):
        parser.error(f"no such network: {', '.join(unknown)}")
    if chosen.quick:
        return quick()
    path = RESULTS / "mlperf_tiny.json"
    old = json.loads(path.read_text()) if path.is_file() else {}
    tables: dict[str, list[dict[str, Any]]] = {
        table: [found for found in old.get(table, []) if chosen.missing or found["network"] not in names]
        for table in ("networks", "tflite_micro", "rows")
    }
    for _ in measured(names, tables):
        ordered = {table: sorted(rows, key=key) for table, rows in tables.items()}
        write("mlperf_tiny", {"settings": settings(), **ordered, "cmsis_nn": CMSIS_NN})


if __name__ == "__main__":
    main()
