"""Synthesis of an exported design with open tools: resources, Fmax and images per second on a device.

Yosys (the wheel pyosys, or Debian's program) maps snn_top; nextpnr (the YoWASP wheels, or Debian's) places and routes
it behind a wrapper of shift registers (`snn_pins`), since a design has more ports than small packages have pins.
LUT, flip-flops, block RAM and DSPs are those of snn_top alone, as mapped by Yosys; a LUT used as memory counts too.
"""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from snncc import ir, tools
from snncc.backends import verilog as backend
from snncc.backends.verilog import write
from snncc.backends.verilog.emit import read_manifest
from snncc.backends.verilog.instances import input_width, output_width
from snncc.backends.verilog.plan import Plan
from snncc.errors import OutputError, TargetError, ToolMissingError

TIMEOUT = 3600


@dataclass(frozen=True)
class Device:
    """What a device holds. `block_bits`: data bits of one block RAM. `place`: nextpnr's program and options, if any."""

    synth: str
    luts: int
    ffs: int
    brams: int
    dsps: int
    block_bits: int
    place: tuple[str, ...] = ()


DEVICES = {
    "ecp5-25k": Device("synth_ecp5", 24_288, 24_288, 56, 28, 18_432, ("ecp5", "--25k", "--package", "CABGA381")),
    "ecp5-85k": Device("synth_ecp5", 83_640, 83_640, 208, 156, 18_432, ("ecp5", "--85k", "--package", "CABGA381")),
    "ice40-up5k": Device("synth_ice40 -dsp", 5_280, 5_280, 30, 8, 4_096, ("ice40", "--up5k", "--package", "sg48")),
    "ice40-hx8k": Device("synth_ice40", 7_680, 7_680, 32, 0, 4_096, ("ice40", "--hx8k", "--package", "ct256")),
    "xc7": Device("synth_xilinx -family xc7", 53_200, 106_400, 140, 220, 36_864),
}
"""xc7 is counted as an XC7Z020; block RAM there is in units of RAMB36 (a RAMB18 is half of one)."""

LUT_CELLS: dict[str, float] = {
    "LUT4": 1, "SB_LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4,
    **{f"LUT{n}": 1 for n in range(1, 7)},
    "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "SRL16E": 1, "SRLC32E": 1,
}  # fmt: skip
FF_CELLS = ("TRELLIS_FF", "SB_DFF", "FDRE", "FDSE", "FDCE", "FDPE")
BRAM_CELLS = {"DP16KD": 1.0, "PDPW16KD": 1.0, "SB_RAM40_4K": 1.0, "RAMB36E1": 1.0, "RAMB18E1": 0.5}
COUNTED = {"luts": "LUT", "ffs": "FF", "brams": "block RAM", "dsps": "DSP"}
"""Field of `Device` and `Synthesis` -> its name."""
DSP_CELLS = ("MULT18X18D", "ALU54B", "SB_MAC16", "DSP48E1")


@dataclass(frozen=True)
class Synthesis:
    """What was measured. Clock figures are None where no open place-and-route exists or the design does not fit.

    Cycles are those of the golden images back to back, exact and as simulated; the worst ones bound every image.
    Where the ROMs alone need more block RAM than there is, nothing is mapped and `brams` is that lower bound.
    """

    device: str
    cells: int | None = None
    luts: int | None = None
    ffs: int | None = None
    brams: float = 0
    dsps: int | None = None
    fmax_mhz: float | None = None
    cycles_per_image: float | None = None
    latency_cycles: int | None = None
    images_per_second: float | None = None
    worst_cycles_per_image: int | None = None
    worst_latency_cycles: int | None = None
    too_large: list[str] = field(default_factory=list)
    memories: dict[str, int] = field(default_factory=dict)
    log: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return {key: value for key, value in asdict(self).items() if key != "log"}


def synthesise(folder: str | Path, device: str, place: bool = True, seed: int = 1) -> Synthesis:
    """Yosys, then nextpnr where the device has one. ToolMissingError, TargetError, FileFormatError, OutputError."""
    if device not in DEVICES:
        raise TargetError(f"no device {device!r}: choose from {', '.join(DEVICES)}")
    folder = Path(folder)
    source = folder / "verilog"
    manifest = read_manifest(source)
    network = ir.load(folder)
    plan = backend.load_plan(network, source)
    chip, cycles, bits = DEVICES[device], manifest["cycles"], memories(plan, manifest)
    known = {
        "device": device, "memories": bits,
        "cycles_per_image": cycles["golden_interval"], "latency_cycles": cycles["golden_latency"][0],
        "worst_cycles_per_image": cycles["worst_interval"], "worst_latency_cycles": cycles["worst_latency"],
    }  # fmt: skip
    least = sum(math.ceil(bits[rom] / chip.block_bits) for rom in manifest["memories"] if bits[rom] >= chip.block_bits)
    if least > chip.brams:
        return Synthesis(**known, brams=least, too_large=_beyond({"block RAM": least}, chip, bits))
    placer = _placer(chip.place[0]) if place and chip.place else None
    with tempfile.TemporaryDirectory(prefix="snncc-synth-") as name:
        work = Path(name)
        for path in source.iterdir():
            if path.suffix in (".v", ".mem", ".f") and not path.name.startswith(
                ("golden_", "snn_bench", "snn_monitor")
            ):
                shutil.copyfile(path, work / path.name)
        write.render(
            work, "snn_pins.v.j2", "snn_pins.v", name=network.name, input_width=input_width(plan),
            output_width=output_width(plan),
        )  # fmt: skip
        files = [line for line in (work / "snn_top.f").read_text().split() if line]
        counts, log = _yosys(work, files, chip)
        used = _resources(counts)
        known |= {key: used[name] for key, name in COUNTED.items()}
        known |= {"cells": sum(counts.values()), "log": log, "too_large": _beyond(used, chip, bits)}
        if placer is None or known["too_large"]:
            return Synthesis(**known)
        fmax = _nextpnr(work, files, chip, placer, seed)
        return Synthesis(**known, fmax_mhz=fmax, images_per_second=fmax * 1e6 / cycles["golden_interval"])


def _script(files: list[str], chip: Device, top: str, extra: str) -> str:
    return f"read_verilog -defer {' '.join(files)}\n{chip.synth} -top {top}\n{extra}\n"


def _yosys(work: Path, files: list[str], chip: Device) -> tuple[dict[str, int], str]:
    """Cells of snn_top by type, and Yosys's log."""
    extra = "flatten\ntee -q -o stat.json stat -json\n"
    log = run_yosys(work, _script(files, chip, "snn_top", extra))
    design = json.loads((work / "stat.json").read_text())["design"]
    counts = {str(k).lstrip("\\"): int(v) for k, v in design["num_cells_by_type"].items()}
    if not sum(counts.values()):
        raise OutputError("Yosys made no cells: a memory file is empty or missing")
    return counts, log


def run_yosys(work: Path, script: str) -> str:
    """Run a Yosys script in `work`; its log. ToolMissingError where there is neither wheel nor program."""
    (work / "script.ys").write_text(script)
    if importlib.util.find_spec("pyosys") is not None:
        program = "from pyosys import libyosys as ys; ys.run_pass('script script.ys', ys.Design())"
        command = [sys.executable, "-c", program]
    elif shutil.which("yosys"):
        command = ["yosys", "-s", "script.ys"]
    else:
        raise ToolMissingError("no Yosys: pip install 'snncc[hw]', or install the package yosys")
    return tools.run(command, work, "mapping with Yosys", TIMEOUT)


def _resources(counts: dict[str, int]) -> dict[str, float]:
    """LUT, FF, block RAM and DSP of cells by type."""
    return {
        "LUT": round(sum(LUT_CELLS.get(cell, 0) * n for cell, n in counts.items())),
        "FF": sum(n for cell, n in counts.items() if cell.startswith(FF_CELLS)),
        "block RAM": sum(BRAM_CELLS.get(cell, 0) * n for cell, n in counts.items()),
        "DSP": sum(n for cell, n in counts.items() if cell in DSP_CELLS),
    }


def _beyond(used: dict[str, float], chip: Device, bits: dict[str, int]) -> list[str]:
    """What is too much, by how much; for block RAM the largest memories that need more than one."""
    there = {what: getattr(chip, key) for key, what in COUNTED.items()}
    found = [
        f"{what}: {n:g} of {there[what]} ({n - there[what]:g} too many)" for what, n in used.items() if n > there[what]
    ]
    if used["block RAM"] > chip.brams:
        largest = sorted(bits.items(), key=lambda item: -item[1])
        found += [
            f"  {name}: {n:,} bits, at least {math.ceil(n / chip.block_bits)} of them"
            for name, n in largest[:12] if n > chip.block_bits
        ]  # fmt: skip
    return found


def memories(plan: Plan, manifest: dict[str, Any]) -> dict[str, int]:
    """Bits of every memory: weights, parameters, tables, potentials, drives, banks, the encoder's and the readout's."""
    found = {name: facts["words"] * facts["bits"] for name, facts in manifest["memories"].items()}
    source = plan.network.input
    if source.encoding == "rate" and not plan.count:
        found["encoder"] = 2 * plan.input_layout.words * plan.input_layout.lanes * source.bits
    for node in plan.nodes:
        bits = node.words * node.lanes * node.vw
        found[f"{node.name} potentials"] = bits
        if node.has_drive:
            found[f"{node.name} drives"] = bits
        for edge in node.edges:
            frame = edge.layout.words * edge.layout.lanes * edge.cw
            found[f"{edge.name} banks"] = edge.banks * (frame + plan.mw)
    last = plan.nodes[-1]
    found["readout"] = last.layout.words * last.layout.lanes * last.cw
    return found


def _placer(family: str) -> str:
    """The program nextpnr-<family>, the wheel's first; ToolMissingError."""
    wheel = shutil.which(f"yowasp-nextpnr-{family}") or str(Path(sys.executable).parent / f"yowasp-nextpnr-{family}")
    program = wheel if Path(wheel).exists() else shutil.which(f"nextpnr-{family}")
    if program is None:
        raise ToolMissingError(f"no nextpnr-{family}: pip install 'snncc[hw]', or install the package nextpnr-{family}")
    return program


def _nextpnr(work: Path, files: list[str], chip: Device, program: str, seed: int) -> float:
    family, *options = chip.place
    _yosys_pins = _script([*files, "snn_pins.v"], chip, "snn_pins", "write_json pins.json\n")
    run_yosys(work, _yosys_pins)
    extra = ["--lpf-allow-unconstrained"] if family == "ecp5" else ["--pcf-allow-unconstrained"]
    command = [program, *options, "--json", "pins.json", "--report", "report.json", "--seed", str(seed), *extra]
    tools.run([*command, "--freq", "100", "--timing-allow-fail", "-q"], work, "place and route", TIMEOUT)
    report = json.loads((work / "report.json").read_text())
    return min(float(clock["achieved"]) for clock in report["fmax"].values())
