"""Plain-bench helpers for the hardware tests: build a design, run it in Icarus, read what it says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from snncc import ir
from snncc.backends.verilog import cycles, vectors, write
from snncc.backends.verilog.drafts import drafts, legal_columns, legal_lanes
from snncc.backends.verilog.plan import Choice, Plan, build
from snncc.backends.verilog.ports import PLAIN, Ports
from snncc.backends.verilog.run import bench_files, verilator
from snncc.resources import resource


def plan_with(
    network: ir.Network,
    lanes: int | None = None,
    choices: Mapping[str, Choice] | None = None,
    ports: Ports = PLAIN,
    columns: int = 1,
) -> Plan:
    """A plan with at most `lanes` lanes everywhere (None: as many as channels), and at most so many columns."""
    chosen = {}
    for d in drafts(network):
        most = max(n for n in legal_lanes(d) if lanes is None or n <= lanes)
        chosen[d.name] = Choice(most, columns=max(n for n in legal_columns(d, most) if n <= columns))
    return build(network, chosen | dict(choices or {}), ports)


def mixed_plan(net: ir.Network, seed: int) -> Plan:
    """Any legal lanes, so that words have empty lanes now and then."""
    rng, choices = np.random.default_rng(seed), {}
    for draft in drafts(net):
        lanes = int(rng.choice(legal_lanes(draft)))
        fire = int(rng.choice([n for n in range(1, lanes + 1) if lanes % n == 0]))
        parts = int(rng.choice([n for n in range(1, lanes + 1) if lanes % (fire * n) == 0]))
        choices[draft.name] = Choice(
            lanes,
            fire,
            int(rng.integers(1, 4)),
            parts,
            1 if draft.plain else int(rng.choice(legal_columns(draft, lanes))),
            0 if draft.plain else int(rng.integers(2)),
        )
    return build(net, choices)


def make(
    folder: Path, plan: Plan, pixels: np.ndarray, timesteps: Sequence[int], kept: Sequence[bool] = ()
) -> vectors.Vectors:
    """Sources, memories, bench and its compiled program in `folder`."""
    write.sources(folder, plan)
    golden = vectors.make(plan, pixels, timesteps, kept)
    write.bench(folder, plan, golden)
    compile_bench(folder, plan.ports)
    return golden


def build_command(ports: Ports = PLAIN) -> list[str]:
    """How Icarus compiles a folder's bench."""
    return ["iverilog", "-g2005", "-s", ports.module("bench"), "-o", "bench", *bench_files(ports)]


def compile_bench(folder: Path, ports: Ports = PLAIN) -> None:
    done = subprocess.run(build_command(ports), cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run(folder: Path, *plusargs: str) -> str:
    """What the bench prints."""
    done = subprocess.run(["vvp", "-n", "bench", *plusargs], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def measured(said: str) -> list[tuple[int, int]]:
    """(first, last) cycle of each image, from the first image's first pixel on."""
    found = [(int(a), int(b)) for a, b in re.findall(r"first (\d+) last (\d+)", said)]
    return [(a - found[0][0], b - found[0][0]) for a, b in found]


def exact(
    folder: Path, plan: Plan, pixels: np.ndarray, timesteps: Sequence[int], kept: Sequence[bool] = ()
) -> vectors.Vectors:
    """Icarus emits the simulator's words and needs the predicted cycles; with stalls, the words again."""
    golden = make(folder, plan, pixels, timesteps, kept)
    said = run(folder)
    assert f"PASS {len(pixels)}" in said, said
    timing = cycles.predict(plan, golden)
    assert measured(said) == list(zip(timing.first, timing.last, strict=True))
    said = run(folder, "+stall_in=30", "+stall_out=50", "+seed=7")
    assert f"PASS {len(pixels)}" in said, said
    return golden


def lint(folder: Path) -> str:
    """What Verilator has to say about a design, beyond the waivers."""
    tool, environment = verilator()
    waivers = str(resource("hw_sim") / "verilator.vlt")
    command = [tool, "--lint-only", "-Wall", "--top-module", "snn_top", waivers, "snn_top.v", "-y", "."]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (not done.stderr)
    return done.stderr
