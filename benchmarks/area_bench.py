"""The model of LUTs and flip-flops: fitted to random designs mapped by Yosys.

Each design is mapped for a device of each family, without place and route. What a bit of each part costs is the least
squares of the relative error, held near what the RTL looks like; each design is tested under a fit to the others. It
writes snncc/synth/area.json, which `snncc explore` uses, and benchmarks/results/area.json.
build/area.jsonl gets a line for each mapping as soon as it is there, known by all that Yosys reads and its version: a
run that was stopped goes on there, and after a change only the designs whose RTL changed are mapped again.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import fitting
import networks
import numpy as np
from bench import Journal, rtl, write
from timed_networks import timed

from snncc import ir, store
from snncc.backends.costs import Costs
from snncc.backends.verilog.emit import load_plan, read_manifest
from snncc.errors import SnnccError
from snncc.synth import DEVICES, area, memories, synthesise

FAMILIES = ("xc7", "ecp5-25k", "ice40-up5k")
NEAR = 0.2
"""How much a cost that is off its guess by all of it weighs: as much as a design that is off by so much."""
GUESS = {
    "design": (60, 40, 40), "multiplier": (1.2, 1.0, 0), "ROM in LUTs": (0.06, 0.016, 0),
    "RAM in LUTs": (0.1, 0.04, 0), "word of a memory in LUTs": (0.5, 0.4, 1), "encoder": (2.5, 1.5, 1.2),
    "folds": (3, 2, 1), "edge": (60, 40, 15), "bank": (1.5, 1, 1), "scanned word": (2.5, 1.5, 1),
    "scanner": (3, 2, 1.2), "walker": (6, 4, 3), "walker over a map": (2, 1.5, 0.5), "weights": (1, 0.7, 1),
    "masked lanes": (2, 1, 1), "layer": (60, 40, 20), "sum": (2, 1.3, 0.2), "sum of two in a row": (1, 0.7, 1),
    "choice of an edge": (1, 0.7, 0), "drive": (1, 0.7, 0), "maximum": (1.5, 1, 0), "parameters": (0.5, 0.4, 1),
    "firing": (3, 2, 2), "part of a word": (1, 0.6, 0), "whole potential": (2.5, 1.7, 1.5),
    "divider": (3.5, 2.5, 2.3), "shifter": (4, 2.5, 1), "readout": (2, 1.3, 0.5), "tally": (2, 1.3, 0),
    "place": (1.5, 1, 1), "leaky firing": (2, 2, 2), "leaky spikes": (2, 2, 2.3), "lower end": (1, 1, 0),
    "current": (3, 2, 3), "current on its way": (0.2, 0.2, 1), "parameters on their way": (0.2, 0.2, 0.5),
    "late word": (1, 0.5, 0.1), "frames": (2, 1.5, 0.8), "frame word": (1.5, 1.2, 1.1),
}  # fmt: skip
"""LUTs of 4 inputs, LUTs of 6 inputs and flip-flops of a bit of each part, from reading the RTL."""
REGISTERS = {"luts": 1.5, "ffs": 1.0}
"""Those of a bit of RAM where a family has no LUT RAM."""
NOTHING = 1e-3
LATER = 1010
SEEDS = (*range(1000, 1007), *range(1010, 1017), *range(1040, 1046))
TIMED = range(2000, 2010)
Design: TypeAlias = tuple[str, ir.Network, dict[str, Any]]
"""A name, a network, how it was made."""


def designs() -> Iterator[tuple[Design, dict[str, Any]]]:
    """Small random networks, the first ones of two blocks, those of `step` alone, and the options of the export."""
    for seed in (*SEEDS, *TIMED):
        if seed in TIMED:
            network = timed(seed)
            facts = {"signed_bit": network.signed_bit, "timesteps": network.timesteps, "dynamics": "step",
                     "encoding": "frames"}  # fmt: skip
            design: Design = (f"timed {seed}", network, facts)
        else:
            (made,) = networks.random_networks(1, seed, largest=8, widest=8, blocks=2 if seed < LATER else 1)
            design = made.name, made.network.ir, made.options
        yield design, {"max_lanes": int(np.random.default_rng(4000 + seed).choice([1, 2, 4, 8, 12]))}


def mapped(folder: Path, device: str) -> dict[str, Any]:
    """LUTs (None where the memories do not fit), flip-flops, DSPs and block RAM, by Yosys."""
    made = synthesise(folder, device, place=False)
    return {"luts": made.luts, "ffs": made.ffs, "dsps": made.dsps, "brams": made.brams}


def run(design: Design, options: dict[str, Any], journal: Journal) -> Iterator[dict[str, Any]]:
    """What a design takes of each device, and its parts."""
    name, network, facts = design
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "m"
        try:
            store.write(ir.replace(network, name="net"), folder, {"verilog": options})
        except SnnccError as error:
            print(name, error, flush=True)
            return
        source = folder / "verilog"
        plan = load_plan(ir.load(folder), source)
        held = list(memories(plan, read_manifest(source), source).values())
        for device in FAMILIES:
            key = f"{rtl(source)} {device} {version('pyosys')}"
            found, chip = journal.take(key, partial(mapped, folder, device)), DEVICES[device]
            if found["luts"] is None:
                continue
            dsps, soft = area.divided(plan, chip)
            row = {"design": name, **facts, **options, "device": device, **found, "model_dsps": dsps}
            print(row, flush=True)
            yield row | {"parts": area.parts(plan, held, chip.memory, soft)}


def guess(device: str, what: str) -> dict[str, float]:
    """What each part is expected to cost."""
    column = 2 if what == "ffs" else int(device == "xc7")
    found = {part: max(costs[column], NOTHING) for part, costs in GUESS.items()}
    return found if DEVICES[device].memory.lut_rams else found | {"RAM in LUTs": REGISTERS[what]}


def fit(rows: list[dict[str, Any]], device: str, what: str) -> dict[str, float]:
    """What a bit of each part costs."""
    return fitting.fit([r["parts"] for r in rows], [r[what] for r in rows], guess(device, what), NEAR)


def report(rows: list[dict[str, Any]]) -> None:
    """Fit to all designs; the error is that of each one under a fit to the others. Write both files."""
    made = {"yosys": version("pyosys"), "date": time.strftime("%Y-%m-%d")}
    models: dict[str, Any] = {}
    for device in FAMILIES:
        own = [row for row in rows if row["device"] == device]
        for what in ("luts", "ffs"):
            for row in own:
                without = Costs(fit([other for other in own if other is not row], device, what), {}, {})
                row[f"model_{what}"] = round(without.total(row["parts"]))
            error = fitting.errors([r[f"model_{what}"] for r in own], [r[what] for r in own])
            models[f"{DEVICES[device].flow.command.split()[0]} {what}"] = {
                "each": fit(own, device, what), "error": error | {"networks": len(own)},
                "made": made | {"device": device},
            }  # fmt: skip
    area.MODEL.write_text(json.dumps(models, indent=2) + "\n", encoding="utf-8")
    errors = {name: model["error"] for name, model in models.items()}
    print(json.dumps(errors, indent=1))
    exact = sum(row["dsps"] == row["model_dsps"] for row in rows)
    plain = [{k: v for k, v in row.items() if k != "parts"} for row in rows]
    write("area", {"errors_percent": errors, "mappings": len(rows), "dsps_exact": exact, "designs": plain})


def main() -> None:
    """Map all designs and report."""
    journal = Journal("area")
    report([row for design, options in designs() for row in run(design, options, journal)])


if __name__ == "__main__":
    main()
