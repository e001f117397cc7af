"""The model of instructions on a Cortex-M4: fitted to random networks under QEMU, tested on networks it has not seen.

Each network is exported and runs at -O3 as in c_bench.py; what each loop costs is the least squares of the relative
error, held near what its assembly looks like. Writes snncc/backends/c/instructions.json, which `snncc explore` and
`inspect` use, and benchmarks/results/c_instructions.json.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import fitting
import networks
from bench import write
from c_bench import ARM, measure

from snncc.backends.c import instructions
from snncc.backends.c.activity import activity
from snncc.backends.c.loops import loops
from snncc.backends.c.plan import plan

LEAST = 30_000
"""Instructions of a network that is fitted to: of smaller ones most are spent outside of loops."""
NEAR = 0.2
"""How much a cost that is off its guess by all of it weighs: as much as a network that is off by so much."""
VARIANTS = ((8, False, "rate", 8), (8, False, "current", 4), (4, True, "rate", 16))
GUESS = {
    "inference": 100, "pixels": 2, "pixels coded": 9, "bytes zeroed": 2, "runs": 40, "positions": 25,
    "neurons fired": 14, "neurons relayed": 14, "neurons stored": 8, "neurons of their own start": 4,
    "neurons of 64 bits": 6, "outputs joined": 24, "groups joined": 28, "groups joined, 4 bits": 42,
    "outputs of two": 30, "groups of two": 30, "groups of two, 4 bits": 60, "elements of two": 12,
    "elements of two, 4 bits": 18, "outputs of one": 25, "groups of one": 14, "groups of one, 4 bits": 38,
    "elements of one": 8, "elements of one, 4 bits": 14, "groups of 16 bits": 2, "windows laid": 25,
    "groups laid": 16, "ends laid": 40, "windows gathered": 12, "rows gathered": 14, "pieces gathered": 14,
    "words gathered": 5, "elements gathered": 5, "taps empty": 15, "windows pooled": 40, "rows pooled": 12,
    "taps pooled": 10, "elements pooled": 6, "windows depthwise": 60, "fours depthwise": 20, "rows depthwise": 6,
    "taps depthwise, 8 bits": 13, "taps depthwise, 4 bits": 18, "taps depthwise, portable": 20, "taps of 16 bits": 2,
    "taps depthwise left": 5, "elements depthwise": 8, "elements moved": 5, "blocks copied": 25, "bytes copied": 2,
    "taps of maxima": 30, "elements of maxima": 7, "elements risen": 8, "stages": 60, "timesteps": 20, "scans": 25,
    "pixels scanned": 8, "pixels added": 6, "relays scanned": 15, "neurons begun": 5, "columns scanned": 50,
    "fours scanned": 10, "fours fired": 15, "fours driven": 6, "levels": 8, "neurons scanned": 5, "neurons driven": 4,
    "spikes": 10, "spikes divided": 8, "spikes counted": 4, "spikes kept": 8, "words replayed": 8,
    "spikes replayed": 8, "rises": 30, "windows risen": 12, "blocks passed": 12, "spikes pooled": 12,
    "windows spread": 12, "spikes run": 15, "rows spread": 15, "groups spread of 16 bits": 16,
    "groups spread of 16 bits scaled": 20, "groups spread of 32 bits": 17, "groups spread of 32 bits scaled": 16,
    "fours spread": 18, "elements spread": 6, "spikes tapped": 30, "windows tapped": 14, "taps spread": 7,
    "taps spread in lanes": 14, "taps spread in lanes, unrolled": 4, "rows unpacked": 12, "weights unpacked": 12,
    "weights unpacked, unrolled": 7, "weights of 4 bits unpacked": 9, "weights of 4 bits unpacked, unrolled": 5,
}  # fmt: skip
"""Instructions of one run of each loop, from reading assembly."""


def fitted() -> Iterator[networks.Made]:
    """The networks that the costs are fitted to."""
    yield from networks.random_networks(200)
    yield from networks.random_networks(80, 1000, largest=20, widest=64)


def unseen() -> Iterator[networks.Made]:
    """Others: random ones, then trained and known ones in both dynamics."""
    yield from networks.random_networks(60, 200)
    yield from networks.random_networks(14, 1080, largest=20, widest=64)
    for name, model, x in networks.known():
        for dynamics in ("count", "step"):
            for bits, pack, encoding, timesteps in VARIANTS:
                options = {"signed_bit": bits, "timesteps": timesteps, "dynamics": dynamics, "encoding": encoding}
                yield networks.made(f"{name} {dynamics} {bits} {encoding} {timesteps}", model, x, pack, options)


def run(made: networks.Made) -> dict[str, Any]:
    """A network's instructions, and how often its loops run."""
    network, pack = made.network.ir, made.pack
    program = plan(network, "net", pack)
    found = measure(network, made.pixels, levels=("-O3",), pack=pack)["-O3"]["instructions"]
    row = {"network": made.name, **made.options, "pack": pack, "instructions": found}
    print(row, flush=True)
    return row | {"loops": loops(program, activity(program, made.pixels))}


def report(rows: list[dict[str, Any]], tests: list[dict[str, Any]]) -> None:
    """Fit to the ones, test on the others, write both files."""
    rows, tests = ([row for row in group if row["instructions"] >= LEAST] for group in (rows, tests))
    each = fitting.fit([r["loops"] for r in rows], [r["instructions"] for r in rows], GUESS, NEAR)
    version = subprocess.run([ARM[0], "--version"], check=True, capture_output=True, text=True).stdout.split("\n")[0]
    made = {"compiler": version, "flags": "-mcpu=cortex-m4 -mthumb -O3", "networks": len(rows),
            "date": time.strftime("%Y-%m-%d")}  # fmt: skip
    model = instructions.costs.Costs(each, {}, made)
    for row in (*rows, *tests):
        row["model"] = round(model.total(row["loops"]))
    groups = {
        "fitted": rows, "unseen": tests,
        "unseen, random": [r for r in tests if r["network"].startswith("random")],
        "unseen, known": [r for r in tests if not r["network"].startswith("random")],
        **{f"unseen, {d}": [r for r in tests if r["dynamics"] == d] for d in ("count", "step")},
    }  # fmt: skip
    errors = {name: fitting.errors([r["model"] for r in group], [r["instructions"] for r in group]) | {
        "networks": len(group)} for name, group in groups.items()}  # fmt: skip
    print(json.dumps(errors, indent=1))
    facts = {"instructions": {"each": each, "error": errors["unseen"], "made": made}}
    instructions.COSTS.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    plain = [{k: v for k, v in row.items() if k != "loops"} for row in tests]
    write("c_instructions", {"model": made, "errors_percent": errors, "unseen": plain})


def main() -> None:
    """Run all networks and report."""
    rows = [run(made) for made in fitted()]
    report(rows, [run(made) for made in unseen()])


if __name__ == "__main__":
    main()
