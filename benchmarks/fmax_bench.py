"""Fmax on ECP5 of hw_bench.py's networks, plain and with --pipeline: the median of five placements, the critical path.

Usage: fmax_bench.py [seeds [mlp-count mlp-step cnn-count cnn-step]]
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import hw_bench
from bench import write

from snncc import store
from snncc.synth import DEVICES, synthesise

SEEDS, GOAL_MHZ = 5, 100


def row(
    network: Any, pixels: Any, case: tuple[str, str, int, str, dict[str, Any]], deep: bool, seeds: int
) -> dict[str, Any]:
    """One design, placed with so many seeds; the critical path is the median placement's."""
    kind, dynamics, _, _, options = case
    device = hw_bench.ECP5[kind]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "design"
        store.write(network.ir, folder, {"verilog": {"pixels": pixels, "pipeline": deep, **options}})
        found = [synthesise(folder, device, seed=seed, dsp=DEVICES[device].dsps) for seed in range(1, seeds + 1)]
    placed = sorted((made.fmax_mhz, made.critical_path) for made in found if made.fmax_mhz is not None)
    first, median = found[0], statistics.median_low([fmax for fmax, _ in placed])
    return {
        "network": kind, "dynamics": dynamics, "pipeline": deep, "device": device, "luts": first.luts, "ffs": first.ffs,
        "brams": first.brams, "dsps": first.dsps, "interval_cycles": first.cycles_per_image,
        "fmax_mhz": [fmax for fmax, _ in placed], "median_mhz": median, "critical_path": dict(placed)[median],
    }  # fmt: skip


def main() -> None:
    """Writes benchmarks/results/fmax.json."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    wanted = [case for case in hw_bench.CASES if not sys.argv[2:] or f"{case[0]}-{case[1]}" in sys.argv[2:]]
    trained = {kind: getattr(hw_bench, kind)() for kind in {case[0] for case in wanted}}
    rows = []
    for case in wanted:
        kind, dynamics, bits, encoding, _ = case
        network, _ = hw_bench.smallest(trained[kind], dynamics, bits, encoding)
        pixels = network.pixels(trained[kind].test[0][: hw_bench.MEASURED])
        for deep in (False, True):
            rows.append(row(network, pixels, case, deep, seeds))
            print(json.dumps(rows[-1]), flush=True)
    write("fmax", {"rows": rows, "goal_mhz": GOAL_MHZ})


if __name__ == "__main__":
    main()
