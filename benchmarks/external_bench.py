"""VGG-16 for 32x32x3 with most of its weights in an external memory: planned, simulated by Verilator, predicted.

15.2 M random weights of 4 bits, `count`, T = 4, max-pools; random images. The exported bench compares every word of
every layer and every result with the simulator; its cycles must be those predicted for the memory stated.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from bench import write

from snncc.backends.verilog import cycles, goals
from snncc.backends.verilog.choose import choose
from snncc.backends.verilog.plan import Plan, build
from snncc.backends.verilog.ports import Ports
from snncc.backends.verilog.run import Verilator
from snncc.backends.verilog.tiles import Weights
from snncc.backends.verilog.write import bench, sources
from tests.networks import vgg

BLOCKS = [(64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3]
DENSE = (512, 512, 10)
TIMESTEPS, BITS, MAX_LANES, IMAGES = 4, 4, 16, 1
STATED = Weights("external", 64, 2048, 40, 2)
PERIODS = (1, 2, 4)


def kbit(plan: Plan) -> dict[str, float]:
    """Bits of each kind of memory."""
    edges = [edge for node in plan.nodes for edge in node.edges]
    inside = [edge for edge in edges if edge.tiles is None]
    bits = {
        "weights inside": sum(len(e.weights) * e.word_bits for e in inside),
        "weights outside": sum(len(e.weights) * e.word_bits for e in plan.streamed),
        "tiles": sum(e.tiles.slots * e.tiles.words * e.word_bits for e in edges if e.tiles),
        "potentials": sum(n.words * n.lanes * n.vw for n in plan.nodes),
        "banks": sum(e.banks * e.layout.band_words * e.layout.lanes * e.cw for e in edges),
    }
    return {what: number / 1000 for what, number in bits.items()}


def simulated(folder: Path, ports: Ports, images: int) -> tuple[str, float]:
    """What Verilator's compiled bench says of so many images, and how many seconds it ran."""
    run = [*Verilator().build(folder, ports), f"+images={images}"]
    begin = time.perf_counter()
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr, time.perf_counter() - begin


def main() -> None:
    """Measure, print and write benchmarks/results/external.json."""
    network = vgg(BLOCKS, 32, DENSE, timesteps=TIMESTEPS, signed_bit=BITS, dynamics="count", name="vgg16")
    pixels = np.random.default_rng(0).integers(0, 256, (3, *network.input.shape))
    ports = Ports(weights=STATED)
    begin = time.perf_counter()
    made = choose(network, goals.goal_of(None, None, MAX_LANES, {}), pixels, ports)
    planned = time.perf_counter() - begin
    found: dict[str, Any] = {
        "weights": sum(int(np.prod(q.weights.shape)) for p in network.populations for q in p.projections),
        "plan_seconds": planned, "memory": asdict(STATED),
        "external_layers": [edge.name for edge in made.plan.streamed], "kbit": kbit(made.plan), "periods": {},
    }  # fmt: skip
    lanes = {node.name: node.lanes for node in made.plan.nodes}
    print(f"planned in {planned:.0f} s, LANES {lanes}")
    for period in PERIODS:
        weights = Weights(STATED.where, STATED.bus, STATED.inside, STATED.latency, period)
        plan = build(network, made.balance.choices, Ports(weights=weights))
        timing = cycles.predict(plan, made.expected)
        found["periods"][str(period)] = {"latency": timing.latency[0], "interval": timing.last[1] - timing.last[0]}
        print(period, found["periods"][str(period)])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources(folder, made.plan)
        bench(folder, made.plan, made.expected)
        said, seconds = simulated(folder, ports, IMAGES)
    got = [tuple(map(int, pair)) for pair in re.findall(r"first (\d+) last (\d+)", said)]
    measured = [(a - got[0][0], b - got[0][0]) for a, b in got]
    predicted = list(zip(made.timing.first[:IMAGES], made.timing.last[:IMAGES], strict=True))
    found |= {"passed": f"PASS {IMAGES}" in said, "predicted": predicted, "measured": measured}
    found["simulation_seconds"] = seconds
    print(said[-300:], measured, predicted, f"{seconds:.0f} s")
    write("external", found)


if __name__ == "__main__":
    main()
