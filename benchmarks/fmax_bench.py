"""Fmax on ECP5 of hw_bench.py's networks with --pipeline: the median of five placements and its critical path.

Usage: fmax_bench.py [--work DIR] [--seeds N] [mlp-count mlp-step cnn-count cnn-step]

T is that of benchmarks/results/hw.json. A design is mapped once, with
`--dsp auto`, and placed once for each seed. What is done stands in
DIR (build/fmax), and the next run goes on from there; a design that another RTL has changed starts anew.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import hw_bench
import numpy as np
from bench import write

import snncc
from snncc import store
from snncc.backends.verilog.emit import load_plan, read_manifest
from snncc.synth import DEVICES, lay_out, map_behind_pins, place_and_route, resources_of
from snncc.synth.paths import WRAPPER

HERE = Path(__file__).parent
SEEDS, GOAL_MHZ = 5, 100
BEFORE_MHZ = {"mlp-count": 88, "mlp-step": 83, "cnn-count": 86, "cnn-step": 84}
"""One placement each, with the seed 1, before ADR 218."""


def networks(work: Path, wanted: list[str]) -> None:
    """NAME.snn and images, NAME.npy, for what is not there yet."""
    steps = {f"{row['network']}-{row['dynamics']}": row["timesteps"]
             for row in json.loads((HERE / "results" / "hw.json").read_text())["rows"]}  # fmt: skip
    trained: dict[str, hw_bench.Trained] = {}
    for kind, dynamics, bits, encoding, _ in hw_bench.CASES:
        name = f"{kind}-{dynamics}"
        if name not in wanted or (work / f"{name}.npy").exists():
            continue
        if kind not in trained:
            trained[kind] = getattr(hw_bench, kind)()
        made = trained[kind]
        network = snncc.convert(
            made.model, made.calibration, signed_bit=bits, timesteps=steps[name], dynamics=dynamics, encoding=encoding,
            average_pools="fire", calibrate="light",
        )  # fmt: skip
        network.save(work / f"{name}.snn")
        np.save(work / f"{name}.npy", network.pixels(made.test[0][: hw_bench.MEASURED]))


def mapped(work: Path, case: tuple[str, str, int, str, dict[str, Any]]) -> tuple[Path, dict[str, Any]]:
    """The folder of a design that is mapped, and its row without clocks."""
    kind, dynamics, _, _, options = case
    name, device = f"{kind}-{dynamics}", hw_bench.ECP5[kind]
    network, chip = snncc.load(work / f"{name}.snn").ir, DEVICES[device]
    folder = work / name
    folder.mkdir(exist_ok=True)
    pixels = np.load(work / f"{name}.npy")
    store.write(network, folder / "design", {"verilog": {"pixels": pixels, "pipeline": True, **options}}, force=True)
    source = folder / "design" / "verilog"
    read = sorted(path for path in source.iterdir() if path.suffix in (".v", ".mem", ".f"))
    key = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in read)).hexdigest()
    if not (folder / "pins.json").exists() or not (folder / "key").exists() or (folder / "key").read_text() != key:
        for path in folder.glob("placed*.json"):
            path.unlink()
        ports = load_plan(network, source).ports
        files = lay_out(source, folder, ports)
        map_behind_pins(folder, files, chip, "auto", ports.module("pins"))
        (folder / "key").write_text(key)
    modules = json.loads((folder / "pins.json").read_text())["modules"].values()
    cells = next(module["cells"] for module in modules if "top" in module["attributes"])
    used = resources_of(Counter(cell["type"] for at, cell in cells.items() if at.startswith(WRAPPER)))
    cycles = read_manifest(source)["cycles"]
    return folder, {
        "network": kind, "dynamics": dynamics, "device": device, "timesteps": network.timesteps, "luts": used["LUT"],
        "ffs": used["FF"], "brams": used["block RAM"], "dsps": used["DSP"],
        "interval_cycles": cycles["golden_interval"], "latency_cycles": cycles["golden_latency"][0],
        "before_mhz": BEFORE_MHZ[name],
    }  # fmt: skip


def placed(folder: Path, device: str, seed: int) -> tuple[float, str]:
    """MHz and critical path of one placement, from an earlier run where there is one."""
    path = folder / f"placed{seed}.json"
    if not path.exists():
        path.write_text(json.dumps(place_and_route(folder, DEVICES[device], seed)))
    fmax, critical = json.loads(path.read_text())
    print(f"{folder.name} seed {seed}: {fmax:.1f} MHz, {critical}", flush=True)
    return fmax, critical


NAMES = {"mlp": "784-128-10", "cnn": "demo CNN"}
HEAD = "| deep design | LUT + FF | block RAM | DSP | latency, interval | before | MHz | bounded by |\n|" + 8 * "---|"


def line(row: dict[str, Any]) -> str:
    """A design's row below HEAD in docs/reference/figures-hardware.md."""
    cells = (
        f"{NAMES[row['network']]}, `{row['dynamics']}`",
        f"{row['luts']:,} + {row['ffs']:,}",
        f"{row['brams']:g}",
        str(row["dsps"]),
        f"{row['latency_cycles']:,}, {row['interval_cycles']:,.0f}",
        str(row["before_mhz"]),
        f"{row['median_mhz']:.1f} ({min(row['fmax_mhz']):.1f} to {max(row['fmax_mhz']):.1f})",
        f"`{row['critical_path']}`",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Writes benchmarks/results/fmax.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, default=HERE.parent / "build" / "fmax")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("designs", nargs="*", default=list(BEFORE_MHZ), metavar="design")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    networks(asked.work, asked.designs)
    rows = []
    for case in hw_bench.CASES:
        if f"{case[0]}-{case[1]}" not in asked.designs:
            continue
        folder, row = mapped(asked.work, case)
        found = [placed(folder, row["device"], seed) for seed in range(1, asked.seeds + 1)]
        median = statistics.median_low(fmax for fmax, _ in found)
        rows.append(row | {"fmax_mhz": [fmax for fmax, _ in found], "median_mhz": median,
                           "critical_path": dict(found)[median]})  # fmt: skip
    print(HEAD)
    for row in rows:
        print(line(row))
    if len(rows) == len(hw_bench.CASES):
        write("fmax", {"rows": rows, "goal_mhz": GOAL_MHZ})


if __name__ == "__main__":
    main()
