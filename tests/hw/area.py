"""The model of what a device must hold, beside what Yosys made of a design."""

from __future__ import annotations

from pathlib import Path

from snncc import ir, synth
from snncc.backends.verilog.emit import load_plan, read_manifest
from snncc.synth import DEVICES, area, memories


def near_enough(folder: Path, found: synth.Synthesis) -> list[str]:
    """Where the model of LUTs and flip-flops is further off than it says, and the figures."""
    chip, source = DEVICES[found.device], folder / "verilog"
    plan = load_plan(ir.load(folder), source)
    about = area.estimate(plan, memories(plan, read_manifest(source), source).values(), chip)
    off = {what: 100 * abs(about[what] / getattr(found, what) - 1) for what in ("luts", "ffs")}
    worst = {what: known.error["most"] for what, known in area.model(chip).items()}
    return [f"{what}: {off[what]:.1f} % off, at most {worst[what]} stated" for what in off if off[what] > worst[what]]
