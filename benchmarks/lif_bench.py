"""784-128-10 of leaky neurons, trained in snnTorch (examples/lif_mnist.py), as RTL, beside Spiker+.

Accuracy of the integers on the 1,000 test images beside snnTorch's own on the same events; how many classes and how
many neurons and timesteps differ; LUTs, flip-flops and block RAM as Yosys maps them; cycles as the recurrence predicts
them, and every spike and cycle of a few images in Verilator. Writes benchmarks/results/lif.json; simulation and
synthesis go on where a run was stopped (build/lif.jsonl).
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

import lif_mnist
import numpy as np
from bench import Journal, rtl, write
from hw_bench import IMAGES, MEASURED, SPIKER

import snncc
from snncc import store, tools
from snncc.backends.verilog import cycles, vectors
from snncc.backends.verilog.emit import load_plan
from snncc.backends.verilog.run import TIMEOUT, Verilator
from snncc.synth import synthesise

OPTIONS: tuple[dict[str, Any], ...] = ({"max_lanes": 4}, {"max_lanes": 16})
DEVICES = {"xc7": "xc7", "ecp5": "ecp5-25k"}
COMPARED = 50
"""Test images whose every neuron and timestep is compared with the float network."""


def mapped(folder: Path, device: str) -> dict[str, Any]:
    """What a device takes of a design."""
    done = synthesise(folder, device, place=False).to_dict()
    return {key: done[key] for key in ("device", "luts", "ffs", "brams", "dsps", "too_large")}


def simulated(folder: Path) -> dict[str, Any]:
    """The golden images in Verilator: whether every word of every layer is right, and the cycles those predicted."""
    with tempfile.TemporaryDirectory() as name:
        work = shutil.copytree(folder / "verilog", Path(name) / "verilog")
        said = tools.run(Verilator().build(work), work, "running the bench", TIMEOUT)
    facts = json.loads((folder / "verilog" / "manifest.json").read_text(encoding="utf-8"))["cycles"]
    rows = [line.split() for line in said.splitlines() if line.startswith("IMAGE")]
    got = [(int(r[3]) - int(rows[0][3]), int(r[5]) - int(rows[0][3])) for r in rows]
    right = got == list(zip(facts["golden_first"], facts["golden_last"], strict=True))
    return {"images": len(rows), "passed": "PASS" in said, "cycles_as_predicted": right}


def row(network: snncc.Network, pixels: Any, options: dict[str, Any], journal: Journal) -> dict[str, Any]:
    """One design: cycles predicted and measured, every spike compared, and what it takes of the devices."""
    steps = network.ir.timesteps
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "design"
        store.write(network.ir, folder, {"verilog": {"pixels": pixels[:MEASURED], **options}})
        plan = load_plan(network.ir, folder / "verilog")
        timing = cycles.predict(plan, vectors.make(plan, pixels, [steps] * len(pixels)))
        alone = [cycles.predict(plan, vectors.make(plan, p[None], [steps])).latency[0] for p in pixels]
        made = rtl(folder / "verilog")
        compared = journal.take(f"{made} verilator {version('verilator')}", partial(simulated, folder))
        result: dict[str, Any] = {
            "options": options, "lanes": {node.name: node.lanes for node in plan.nodes},
            "latency_cycles": float(np.mean(alone)), "longest_latency_cycles": max(alone),
            "interval_cycles": (timing.last[-1] - timing.last[0]) / (len(pixels) - 1),
            "verilator": compared,
        }  # fmt: skip
        for chip, device in DEVICES.items():
            key = f"{made} {device} {version('pyosys')}"
            result[chip] = journal.take(key, partial(mapped, folder, device))
        return result


def main() -> None:
    """Compile, compare, build; writes benchmarks/results/lif.json."""
    said = json.loads(lif_mnist.SAID.read_text(encoding="utf-8"))
    x, y = lif_mnist.tested()
    network = snncc.convert(
        lif_mnist.GRAPH, lif_mnist.calibration(), signed_bit=lif_mnist.BITS, input_bits=2, nir_dialect="snntorch"
    )
    found = snncc.fidelity(network, lif_mnist.GRAPH, x[:COMPARED])
    with np.load(lif_mnist.COUNTS) as data:
        counts = data["counts"]
    classes = network.run(x).classes
    figures = {
        "network": "784-128-10", "timesteps": network.ir.timesteps, "signed_bit": lif_mnist.BITS, "images": len(y),
        "snntorch": said, "accuracy": float((classes == y).mean()),
        "other_classes": int((classes != counts.argmax(axis=1)).sum()), "fidelity": found.sentence,
    }  # fmt: skip
    print(json.dumps(figures, indent=1), flush=True)
    pixels, journal, rows = network.pixels(x[:IMAGES]), Journal("lif"), []
    for options in OPTIONS:
        rows.append(row(network, pixels, options, journal))
        print(json.dumps(rows[-1]), flush=True)
    write("lif", figures | {"rows": rows, "spiker_plus": SPIKER})


if __name__ == "__main__":
    main()
