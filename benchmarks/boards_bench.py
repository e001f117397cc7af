"""Seven networks on an FPGA: how close to float, what they take of a device, how fast; beside what others published.

`count`, `--pipeline`. The four of MLPerf Tiny (mlperf_tiny.py says what their inputs are: there are no labels, so the
agreement with the float network is measured), the demo's CNN, 784-128-10, and the layers of FINN's keyword spotting
(490-256-256-256-12), trained to give DS-CNN's class of the same inputs. Interval and latency are means of IMAGES inputs
that LANES were not balanced for, by the recurrence; Icarus runs the golden ones of the designs that are mapped and must
need what is predicted.

LUT, FF, block RAM and DSP are those of xc7 by Yosys where the model of area expects at most MAPPED LUTs, else the
model's for the design without `--pipeline`, which it was not fitted to; Fmax is the median of SEEDS placements on the
ECP5-85 where it expects at most PLACED.
Usage: boards_bench.py [--missing] [--seeds N] [--mapped N] [--placed N] [NETWORK ...]. Networks stay compiled in
build/boards; the rows of networks that are not named, and with --missing all that are there, stay as they were.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

import boards_page
import hw_bench
import mlperf_tiny
import models
import numpy as np
from bench import RESULTS, write

import snncc
from snncc import ir, store
from snncc.backends.verilog import cycles, vectors
from snncc.backends.verilog.emit import load_plan, read_manifest
from snncc.backends.verilog.manifest import choices
from snncc.backends.verilog.plan import Plan, build
from snncc.synth import DEVICES, area, lay_out, map_behind_pins, memories, place_and_route, synthesise

FOLDER = Path("build/boards")
IMAGES, GOLDEN = 16, 4
MAPPED, PLACED, SEEDS = 11_000, 6_000, 3
DEVICE = "ecp5-85k"
MLPERF: dict[str, Any] = {"signed_bit": 8, "timesteps": 8, "dynamics": "count"}
DIGITS: dict[str, Any] = MLPERF | {"encoding": "rate", "calibrate": "light", "average_pools": "fire"}


@dataclass(frozen=True)
class Case:
    """A float network, data to calibrate and to test with, labels where there are any, how it is compiled."""

    model: Any
    calibration: Any
    test: Any
    labels: Any
    options: dict[str, Any]


def of_mlperf(name: str) -> Case:
    """One of MLPerf Tiny's."""
    model = mlperf_tiny.models()[name]
    x = mlperf_tiny.images_of(model)
    return Case(model, x[: mlperf_tiny.CALIBRATION], x[mlperf_tiny.CALIBRATION :], None, MLPERF)


def demo_cnn() -> Case:
    """The demo's, as it lies in benchmarks/trained."""
    import digits

    data = digits.load()
    return Case(models.trained("small", 0), data.x_train, data.x_test, data.y_test, DIGITS | {"timesteps": 4})


def mlp() -> Case:
    """784-128-10 as hw_bench.py trains it."""
    made = hw_bench.mlp()
    return Case(made.model, made.calibration, *made.test[:2], DIGITS | {"signed_bit": 4, "timesteps": 4})


def kws_mlp() -> Case:
    """FINN's layers, without its 3 bits: weights of 4 bits, and T = 7 for activations of 3."""
    import keras

    teacher = mlperf_tiny.models()["keyword_spotting"]
    inputs = mlperf_tiny.matched(
        teacher, mlperf_tiny.smooth(4096 + 512, teacher.input_shape[1:], np.random.default_rng(1))
    )
    wanted = teacher.predict(inputs, verbose=0).argmax(axis=1)
    x = (inputs[:, :49] / np.abs(inputs).max()).reshape(len(inputs), 490)
    keras.utils.set_random_seed(1)
    layers = [
        layer
        for _ in range(3)
        for layer in (keras.layers.Dense(256), keras.layers.BatchNormalization(), keras.layers.ReLU())
    ]
    model = keras.Sequential([keras.Input((490,)), *layers, keras.layers.Dense(12)])
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x[:4096], wanted[:4096], epochs=10, batch_size=64, verbose=0)
    return Case(model, x[:256], x[4096:], None, MLPERF | {"signed_bit": 4, "timesteps": 7})


@dataclass(frozen=True)
class Design:
    """A row of the table: a network, how it is made, the options of the export."""

    network: str
    case: Callable[[], Case]
    lanes: int

    @property
    def name(self) -> str:
        return f"{self.network} {self.lanes}"

    @property
    def options(self) -> dict[str, Any]:
        return {"max_lanes": self.lanes, "pipeline": True}


DESIGNS = (
    *(Design(name, lambda name=name: of_mlperf(name), lanes)  # type: ignore[misc]
      for name, widths in (("image_classification", (16, 64)), ("keyword_spotting", (16, 64)),
                           ("visual_wake_words", (16,)), ("anomaly_detection", (16,)))
      for lanes in widths),
    Design("demo_cnn", demo_cnn, 16),
    Design("mlp", mlp, 16),
    Design("kws_mlp", kws_mlp, 64),
)  # fmt: skip
BEFORE = {
    "image_classification": {
        "interval_cycles": 127517,
        "latency_cycles": 532113,
        "luts": 9702,
        "brams": 95,
        "dsps": 119,
    },
    "keyword_spotting": {"interval_cycles": 28431, "latency_cycles": 192394, "luts": 16685, "brams": 67.5, "dsps": 137},
}
"""The same networks and T before maps went by rows, columns and deep nodes (ADR 212, 214, 215), on xc7."""
TINY = "MLPerf Tiny v0.7, open division: github.com/mlcommons/tiny_results_v0.7, open/hls4ml-finn/results/pynq-z2/"
PUBLISHED = [
    {"name": "hls4ml RN07", "network": "ResNet of its own", "board": "PYNQ-Z2", "images_per_second": 36.596,
     "accuracy": 0.835, "source": TINY + "ic/RN07"},
    {"name": "FINN CNV-W1A1", "network": "VGG-like, 1 bit", "board": "PYNQ-Z2", "images_per_second": 661.473,
     "accuracy": 0.845, "source": TINY + "ic/CNV-W1A1"},
    {"name": "FINN KWS-W3A3", "network": "490-256-256-256-12, 3 bits", "board": "PYNQ-Z2",
     "images_per_second": 57268.135, "accuracy": 0.825, "source": TINY + "kws/KWS-W3A3"},
    {"name": "hls4ml AD08", "network": "autoencoder of its own", "board": "PYNQ-Z2", "images_per_second": 53365.414,
     "accuracy": None, "auc": 0.83, "source": TINY + "ad/AD08"},
    {"name": "Spiker+", "network": "784-128-10", "board": "XC7Z020", "images_per_second": 1e6 / 780, "accuracy": 0.9385,
     "cells": 7612, "brams": 18, "source": "Spiker+, as published"},
    {"name": "Skydiver", "network": "CNN on MNIST", "board": "XC7Z045", "images_per_second": 22600, "accuracy": 0.985,
     "source": "Skydiver, as published"},
    {"name": "Flexi-NeurA", "network": "on MNIST", "board": "", "images_per_second": None, "accuracy": 0.9723,
     "cells": 1623, "source": "Flexi-NeurA, as published"},
]  # fmt: skip


def compiled(design: Design) -> tuple[snncc.Network, dict[str, Any], Any]:
    """(network, how close it is to float, pixels of test inputs), kept in build/boards."""
    kept = FOLDER / design.network
    if not (kept / "facts.json").is_file():
        case = design.case()
        network = snncc.convert(case.model, case.calibration, **case.options)
        wanted, result = case.model.predict(case.test, verbose=0), network.run(case.test)
        classes = wanted.argmax(axis=-1)
        facts: dict[str, Any] = {"signed_bit": case.options["signed_bit"], "timesteps": network.ir.timesteps,
                                 "encoding": network.ir.input.encoding, "test_inputs": len(wanted)}  # fmt: skip
        if case.labels is not None:
            facts |= {"accuracy": float((result.classes == case.labels).mean()),
                      "float_accuracy": float((classes == case.labels).mean())}  # fmt: skip
        elif design.network == "anomaly_detection":
            error = np.linalg.norm(result.outputs.reshape(wanted.shape) - wanted) / np.linalg.norm(wanted)
            facts["relative_error"] = float(error)
        else:
            facts["agreement"] = float((result.classes == classes).mean())
        kept.mkdir(parents=True, exist_ok=True)
        network.save(kept / "network")
        np.save(kept / "pixels.npy", network.pixels(case.test[: GOLDEN + IMAGES]))
        (kept / "facts.json").write_text(json.dumps(facts))
    return (
        snncc.Network(ir.load(kept / "network")),
        json.loads((kept / "facts.json").read_text()),
        np.load(kept / "pixels.npy").astype(np.int64),
    )


def cpu() -> float:
    """Processor seconds of this process and of the programs it ran."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + used.ru_utime + used.ru_stime


def clocks(folder: Path, plan: Plan, seeds: int) -> list[tuple[float, str]]:
    """(MHz, critical path) of each placement of one mapping."""
    chip, named = DEVICES[DEVICE], plan.ports
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        map_behind_pins(work, lay_out(folder / "verilog", work, named), chip, "auto", named.module("pins"))
        return [place_and_route(work, chip, seed) for seed in range(1, seeds + 1)]


def row(design: Design, seeds: int, mapped: int, placed: int) -> dict[str, Any]:
    """One design: compiled, exported, predicted, simulated, mapped, placed."""
    start = cpu()
    network, facts, pixels = compiled(design)
    folder = FOLDER / design.name.replace(" ", "_")
    shutil.rmtree(folder, ignore_errors=True)
    store.write(network.ir, folder, {"verilog": {"pixels": pixels[:GOLDEN], **design.options}})
    source = folder / "verilog"
    plan, manifest, steps = load_plan(network.ir, source), read_manifest(source), network.ir.timesteps
    others = pixels[GOLDEN:]
    last = cycles.predict(plan, vectors.make(plan, others, [steps] * len(others))).last
    alone = [cycles.predict(plan, vectors.make(plan, x[None], [steps])).latency[0] for x in others]
    found: dict[str, Any] = {
        "network": design.network, "options": design.options, **facts,
        "golden_interval": manifest["cycles"]["golden_interval"],
        "interval_cycles": (last[-1] - last[0]) / (len(others) - 1), "latency_cycles": float(np.mean(alone)),
    }  # fmt: skip
    shallow = {name: replace(choice, deep=0) for name, choice in choices(manifest, network.ir, source).items()}
    about = area.estimate(
        build(network.ir, shallow, plan.ports), memories(plan, manifest, source).values(), DEVICES["xc7"]
    )
    found |= {"xc7": about, "modelled": True, "measured_equals_predicted": None, "fmax_mhz": None}
    if about["luts"] <= mapped:
        real = synthesise(folder, "xc7", place=False).to_dict()
        found |= {"xc7": {what: real[what] for what in about}, "modelled": False}
        found["measured_equals_predicted"] = hw_bench.measured(folder, plan)
    if about["luts"] <= placed:
        placements = clocks(folder, plan, seeds)
        median = statistics.median_low([mhz for mhz, _ in placements])
        found |= {"fmax_mhz": median, "placements_mhz": [mhz for mhz, _ in placements],
                  "critical_path": dict(placements)[median],
                  "images_per_second": median * 1e6 / found["interval_cycles"]}  # fmt: skip
    return found | {"cpu_seconds": round(cpu() - start)}


def measured() -> dict[str, dict[str, Any]]:
    """The rows that are there, by design."""
    path = RESULTS / "boards.json"
    rows = json.loads(path.read_text())["rows"] if path.is_file() else []
    return {f"{found['network']} {found['options']['max_lanes']}": found for found in rows}


def main() -> None:
    """Measure, print, write benchmarks/results/boards.json after each row and the page's tables at the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--missing", action="store_true", help="only the rows that the file lacks")
    for name, value in (("seeds", SEEDS), ("mapped", MAPPED), ("placed", PLACED)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("network", nargs="*", choices=[[], *(design.network for design in DESIGNS)])
    chosen = parser.parse_args()
    names = [design.name for design in DESIGNS]
    for design in DESIGNS:
        there = design.name in measured()
        if (chosen.network and design.network not in chosen.network) or (chosen.missing and there):
            continue
        made = row(design, chosen.seeds, chosen.mapped, chosen.placed)
        print(json.dumps(made), flush=True)
        rows = measured() | {design.name: made}
        ordered = [rows[name] for name in names if name in rows]
        write("boards", {"rows": ordered, "before": BEFORE, "published": PUBLISHED, "device": DEVICE})
    boards_page.main()


if __name__ == "__main__":
    main()
