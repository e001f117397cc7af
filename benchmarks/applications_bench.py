"""keras.applications: which convert, how large they become, and which dynamics and targets take them.

The smallest of each family, random weights, the smallest input that it takes from 32x32 up; eight made-up images to
calibrate, `--calibrate none`, T = 8. Nothing is run: a target's own `check` says whether it takes the network, and C's
plan, which also finds its tables and state, whether it can be written.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from bench import write

import snncc
from snncc import ir
from snncc.backends import target
from snncc.backends.c.emit import memory
from snncc.errors import SnnccError, UnsupportedLayerError

TIMESTEPS, CALIBRATION = 8, 8
MODELS: dict[str, dict[str, Any]] = {
    "VGG16": {"include_top": False, "pooling": "avg"},
    "ResNet50": {},
    "ResNet50V2": {},
    "MobileNet": {"alpha": 0.25},
    "MobileNetV2": {"alpha": 0.35},
    "MobileNetV3Small": {},
    "MobileNetV3Small, minimalistic": {"minimalistic": True, "include_preprocessing": False},
    "DenseNet121": {},
    "InceptionV3": {"side": 75},
    "InceptionResNetV2": {"side": 75},
    "Xception": {"side": 71},
    "NASNetMobile": {},
    "EfficientNetB0": {},
    "EfficientNetV2B0": {},
    "ConvNeXtTiny": {},
}
"""Arguments beside random weights and 10 classes."""
REASON = re.compile(r"^\s+- (\w+) layer '[^']*': (?:activation '(\w+)')?", re.MULTILINE)


def build(name: str) -> Any:
    """The Keras model."""
    import keras

    keras.utils.set_random_seed(1)
    options = dict(MODELS[name])
    side = options.pop("side", 32)
    if options.get("include_top", True):
        options["classes"] = 10
    return getattr(keras.applications, name.partition(",")[0])(input_shape=(side, side, 3), weights=None, **options)


def refusals(error: UnsupportedLayerError) -> dict[str, int]:
    """The activations, or else the kinds of layer, that are refused, and how often."""
    return dict(Counter(activation or kind for kind, activation in REASON.findall(str(error))))


def verdict(network: ir.Network, name: str) -> str:
    """Whether a target takes it: "yes", or its first words on why not."""
    try:
        target(name).check(network, {})
        if name == "c":
            memory(network)
    except SnnccError as error:
        return str(error)
    return "yes"


def row(name: str) -> dict[str, Any]:
    """One architecture."""
    model = build(name)
    x = np.random.default_rng(0).random((CALIBRATION, *model.input_shape[1:]), np.float32)
    found: dict[str, Any] = {"model": name, "input": list(model.input_shape[1:]), "parameters": model.count_params()}
    start = time.process_time()
    try:
        network = snncc.convert(model, x, timesteps=TIMESTEPS, calibrate="none", name="net")
    except UnsupportedLayerError as error:
        return found | {"converts": False, "refused": refusals(error)}
    found |= {"converts": True, "convert_cpu_seconds": round(time.process_time() - start, 1)}
    populations = network.ir.populations
    projections = [q for p in populations for q in p.projections if not isinstance(q, ir.SumPool2D)]
    stored = sum(q.weights.size for q in projections)
    found |= {"populations": len(populations), "relays": sum(p.relay is not None for p in populations)}
    found |= {"weights": stored, "weights_over_parameters": round(stored / model.count_params(), 4)}
    for dynamics in ("count", "step"):
        compiled = network.with_(dynamics=dynamics).ir
        found[dynamics] = {name: verdict(compiled, name) for name in ("c", "verilog")}
        if found[dynamics]["c"] == "yes":
            needed = memory(compiled)
            found[dynamics] |= {"const_bytes": needed.const, "state_bytes": needed.state}
    return found


def main() -> None:
    """Measure, print and write benchmarks/results/applications.json."""
    rows = []
    for name in MODELS:
        rows.append(row(name))
        print(rows[-1], flush=True)
    write("applications", {"rows": rows})


if __name__ == "__main__":
    main()
