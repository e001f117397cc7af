"""Synthesis of an exported design with open tools: resources, Fmax and images per second on a device.

First every memory is weighed (`blockram`): where they cannot fit nothing is mapped. Yosys (the wheel pyosys, or
Debian's program) maps snn_top, the largest multipliers to DSPs (`multipliers`); nextpnr (the YoWASP wheels, or
Debian's) places and routes it behind a wrapper of shift registers (`snn_pins`), since a design has more ports than
small packages have pins.
LUT, flip-flops, block RAM and DSPs are those of snn_top alone, as mapped by Yosys; a LUT used as memory counts too.
"""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from snncc import ir, tools
from snncc.backends.verilog.emit import load_plan, read_manifest
from snncc.backends.verilog.plan import Plan
from snncc.backends.verilog.ports import Ports
from snncc.errors import OutputError, TargetError, ToolMissingError
from snncc.synth.blockram import CYCLONE_V, ECP5, GOWIN_18K, ICE40, XC7, Family, Memory
from snncc.synth.multipliers import SMALL, SOFT, DspSlice, soften
from snncc.synth.paths import modules, slowest

TIMEOUT = 3600


@dataclass(frozen=True)
class Flow:
    """A Yosys command. With `dsp` it maps multipliers to DSPs, with `no_dsp` it does not, at label `multiply`.

    `own`: the label after that where it reads its cells. `rest`: the label after `multiply`. `tidy`: what to do before
    `multiply`, where the command itself does it only there.
    """

    command: str
    dsp: str
    no_dsp: str
    own: str
    multiply: str
    rest: str
    tidy: str = ""


FLAT = "proc; flatten; opt_expr; opt_clean; opt -nodffe -nosdff; wreduce; opt_clean"
LATTICE = Flow("synth_ecp5", "", "-nodsp", "coarse", "coarse", "map_ram", FLAT)
UP5K = Flow("synth_ice40", "-dsp", "", "flatten", "coarse", "map_ram", FLAT)
GOWIN = Flow("synth_gowin -family gw2a", "", "-nodsp", "coarse", "coarse", "map_ram", FLAT)
LITTLE_BEE = replace(GOWIN, command="synth_gowin -family gw1n")
INTEL = Flow("synth_intel_alm", "", "-nodsp", "coarse", "coarse", "map_bram", FLAT)
XILINX = Flow("synth_xilinx -family xc7", "", "-nodsp", "prepare", "map_dsp", "coarse")


@dataclass(frozen=True)
class Device:
    """What a device holds, how memories and multipliers map to it. `place`: nextpnr's program and options, if any.

    `pins`: where clk, rst, si and so of `snn_pins` go, where nextpnr wants to be told.
    """

    flow: Flow
    luts: int
    ffs: int
    brams: int
    dsps: int
    memory: Family
    multiply: DspSlice
    place: tuple[str, ...] = ()
    pins: tuple[int, ...] = ()


DSP_18, DSP_16, DSP_25 = DspSlice(18, 18, 18), DspSlice(16, 16, 16), DspSlice(24, 17, 17)
DEVICES = {
    "ecp5-25k": Device(LATTICE, 24_288, 24_288, 56, 28, ECP5, DSP_18, ("ecp5", "--25k", "--package", "CABGA381")),
    "ecp5-85k": Device(LATTICE, 83_640, 83_640, 208, 156, ECP5, DSP_18, ("ecp5", "--85k", "--package", "CABGA381")),
    "ice40-up5k": Device(UP5K, 5_280, 5_280, 30, 8, ICE40, DSP_16, ("ice40", "--up5k", "--package", "sg48")),
    "ice40-hx8k": Device(UP5K, 7_680, 7_680, 32, 0, ICE40, DSP_16, ("ice40", "--hx8k", "--package", "ct256")),
    "gowin-gw1nr9": Device(
        LITTLE_BEE,
        8_640,
        6_480,
        26,
        20,
        GOWIN_18K,
        DSP_18,
        ("himbaechel-gowin", "--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
        (52, 4, 10, 11),
    ),
    "gowin-gw2ar18": Device(
        GOWIN,
        20_736,
        15_552,
        46,
        48,
        GOWIN_18K,
        DSP_18,
        ("himbaechel-gowin", "--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C"),
        (4, 88, 15, 16),
    ),
    "cyclonev": Device(INTEL, 83_820, 167_640, 557, 224, CYCLONE_V, DSP_18),
    "xc7": Device(XILINX, 53_200, 106_400, 140, 220, XC7, DSP_25),
}
"""xc7 is counted as an XC7Z020; block RAM there is in units of RAMB36 (a RAMB18 is half of one).

cyclonev is counted as a 5CSEBA6: LUT are halves of an ALM (one of 6 inputs takes both), block RAM M10K, DSP 18x18
multipliers, of which a block has two (or three of 9x9). gowin-*: DSP are 18x18 multipliers (a 9x9 is half of one).
"""

LUT_CELLS: dict[str, float] = {
    "ALU": 1, "RAM16SDP4": 4, "RAM16SDP2": 2, "RAM16SDP1": 1,
    "MISTRAL_ALUT6": 2, "MISTRAL_ALUT_ARITH": 1, "MISTRAL_MLAB": 1, **{f"MISTRAL_ALUT{n}": 1 for n in range(2, 6)},
    "LUT4": 1, "SB_LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4,
    **{f"LUT{n}": 1 for n in range(1, 7)},
    "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "SRL16E": 1, "SRLC32E": 1,
}  # fmt: skip
FF_CELLS = ("TRELLIS_FF", "SB_DFF", "DFF", "MISTRAL_FF", "FDRE", "FDSE", "FDCE", "FDPE")
BRAM_CELLS = {"DP16KD": 1.0, "PDPW16KD": 1.0, "SB_RAM40_4K": 1.0, "RAMB36E1": 1.0, "RAMB18E1": 0.5, "MISTRAL_M10K": 1.0,
              **dict.fromkeys(("SP", "SPX9", "SDPB", "SDPX9B", "DPB", "DPX9B", "pROM", "pROMX9"), 1.0)}  # fmt: skip
COUNTED = {"luts": "LUT", "ffs": "FF", "brams": "block RAM", "dsps": "DSP"}
"""Field of `Device` and `Synthesis` -> its name."""
DSP_CELLS = {
    "MULT18X18D": 1.0, "ALU54B": 1.0, "SB_MAC16": 1.0, "DSP48E1": 1.0,
    "MULT9X9": 0.5, "MULT18X18": 1.0, "MULT36X36": 4.0,
    "MISTRAL_MUL9X9": 2 / 3, "MISTRAL_MUL18X18": 1.0, "MISTRAL_MUL27X27": 2.0,
}  # fmt: skip


@dataclass(frozen=True)
class Synthesis:
    """What was measured. Clock figures are None where no open place-and-route exists or the design does not fit.

    Cycles are those of the golden images back to back, exact and as simulated; the worst ones bound every image,
    its latency where no other is under way.
    Where the memories need more block RAM than there is, nothing is mapped and `brams` is a lower bound. `multipliers`:
    how many there are; None where nobody had to choose among them. `critical_path`: what bounds the clock, as
    nextpnr placed it: nanoseconds, the registers at its ends with their instances, and the places on the way.
    """

    device: str
    cells: int | None = None
    luts: int | None = None
    ffs: int | None = None
    brams: float = 0
    dsps: int | None = None
    multipliers: int | None = None
    fmax_mhz: float | None = None
    critical_path: str | None = None
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


def synthesise(
    folder: str | Path, device: str, place: bool = True, seed: int = 1, dsp: int | Literal["auto", "none"] = "auto"
) -> Synthesis:
    """Yosys, then nextpnr where the device has one. ToolMissingError, TargetError, FileFormatError, OutputError.

    dsp: `auto` leaves small multipliers (4 by 4 bits) in LUTs and maps the largest to DSPs, as many as there are; a
    number maps the largest whatever their size, at most so many DSPs; `none` maps none.
    """
    if device not in DEVICES:
        raise TargetError(f"no device {device!r}: choose from {', '.join(DEVICES)}")
    if dsp not in ("auto", "none") and not (isinstance(dsp, int) and dsp >= 0):
        raise TargetError(f"dsp={dsp!r}: choose auto, none or the largest number of DSPs")
    folder = Path(folder)
    source = folder / "verilog"
    manifest = read_manifest(source)
    network = ir.load(folder)
    plan = load_plan(network, source)
    chip, cycles, held = DEVICES[device], manifest["cycles"], memories(plan, manifest, source)
    known = {
        "device": device, "memories": {name: memory.size for name, memory in held.items()},
        "cycles_per_image": cycles["golden_interval"], "latency_cycles": cycles["golden_latency"][0],
        "worst_cycles_per_image": cycles["worst_interval"], "worst_latency_cycles": cycles["worst_latency"],
    }  # fmt: skip
    least = sum(map(chip.memory.least, held.values()))
    if least > chip.brams:
        return Synthesis(**known, brams=least, too_large=beyond({"block RAM": least}, chip, held, "at least "))
    if place and chip.place:
        _placer(chip.place[0])  # ToolMissingError before anything is mapped
    with tempfile.TemporaryDirectory(prefix="snncc-synth-") as name:
        work, named = Path(name), plan.ports
        files = lay_out(source, work, named)
        counts, multipliers, log = _yosys(work, files, chip, dsp, named.module("top"))
        used = resources_of(counts)
        known |= {key: used[name] for key, name in COUNTED.items()}
        known |= {"cells": sum(counts.values()), "log": log, "too_large": beyond(used, chip, held)}
        known["multipliers"] = multipliers
        if not place or not chip.place or known["too_large"]:
            return Synthesis(**known)
        map_behind_pins(work, files, chip, dsp, named.module("pins"))
        fmax, critical = place_and_route(work, chip, seed)
        rate = fmax * 1e6 / cycles["golden_interval"]
        return Synthesis(**known, fmax_mhz=fmax, critical_path=critical, images_per_second=rate)


def lay_out(source: Path, work: Path, named: Ports) -> list[str]:
    """Copy what synthesis reads of an export to `work`; the names of the design's files."""
    left_out = (named.memory("golden_"), named.module("bench"), named.module("monitor"))
    for path in source.iterdir():
        if path.suffix in (".v", ".mem", ".f") and not path.name.startswith(left_out):
            shutil.copyfile(path, work / path.name)
    return (work / f"{named.module('top')}.f").read_text().split()


def map_design(
    work: Path, files: list[str], chip: Device, top: str, dsp: int | str, extra: str
) -> tuple[int | None, str]:
    """Run Yosys's flow on `top`, then `extra`; the number of multipliers, where it was asked, and the log."""
    flow, read = chip.flow, f"read_verilog -defer {' '.join(files)}"
    plain = f"{read}\n{flow.command} -top {top}"
    most = 0 if dsp == "none" else chip.dsps if dsp == "auto" else int(dsp)
    if not most or not chip.dsps:
        return None, run_yosys(work, f"{plain} {flow.no_dsp}\n{extra}\n")
    step = f"{flow.command} -top {top} {flow.dsp} -run"
    alone = "delete =A:blackbox =A:whitebox\nwrite_rtlil design.il"
    run_yosys(work, f"{read}\n{step} begin:{flow.multiply}\n{flow.tidy}\n{alone}\n")
    number, kept = soften(work / "design.il", top, chip.multiply, most, SMALL if dsp == "auto" else 0)
    if kept in (0, number):
        return number, run_yosys(work, f"{plain} {flow.dsp if kept else flow.no_dsp}\n{extra}\n")
    script = (
        "read_rtlil design.il",
        f"{step} begin:{flow.own}",
        f"chtype -set $__snncc_mul a:{SOFT}",
        f"{step} {flow.multiply}:{flow.rest}",
        "chtype -set $mul t:$__snncc_mul",
        "alumacc",
        f"{step} {flow.rest}:",
        f"{extra}\n",
    )
    return number, run_yosys(work, "\n".join(script))


def _yosys(
    work: Path, files: list[str], chip: Device, dsp: int | str, top: str
) -> tuple[dict[str, int], int | None, str]:
    """Cells of the design by type, the number of multipliers, and Yosys's log."""
    number, log = map_design(work, files, chip, top, dsp, "flatten\ntee -q -o stat.json stat -json")
    design = json.loads((work / "stat.json").read_text())["design"]
    counts = {str(k).lstrip("\\"): int(v) for k, v in design["num_cells_by_type"].items()}
    if not sum(counts.values()):
        raise OutputError("Yosys made no cells: a memory file is empty or missing")
    return counts, number, log


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


def resources_of(counts: dict[str, int]) -> dict[str, float]:
    """LUT, FF, block RAM and DSP of cells by type."""
    return {
        "LUT": round(sum(LUT_CELLS.get(cell, 0) * n for cell, n in counts.items())),
        "FF": sum(n for cell, n in counts.items() if cell.startswith(FF_CELLS)),
        "block RAM": sum(BRAM_CELLS.get(cell, 0) * n for cell, n in counts.items()),
        "DSP": math.ceil(sum(DSP_CELLS.get(cell, 0) * n for cell, n in counts.items())),
    }


def beyond(used: dict[str, float], chip: Device, held: dict[str, Memory], bound: str = "") -> list[str]:
    """What is too much, by how much; for block RAM the memories that need most of it."""
    there = {what: getattr(chip, key) for key, what in COUNTED.items()}
    found = [
        f"{what}: {bound}{n:g} of {there[what]} ({bound}{n - there[what]:g} too many)"
        for what, n in used.items() if n > there[what]
    ]  # fmt: skip
    if used["block RAM"] > chip.brams:
        needs = {name: chip.memory.least(memory) for name, memory in held.items()}
        largest = sorted(needs, key=lambda name: -needs[name])[:12]
        found += [
            f"  {name}: {held[name].words:,} words of {held[name].bits} bits, at least {needs[name]:g} of them"
            for name in largest if needs[name]
        ]  # fmt: skip
    return found


SUMS = 3
"""MAXIMUM of a layer that keeps a second value for each neuron."""


def memories(plan: Plan, manifest: dict[str, Any], source: Path) -> dict[str, Memory]:
    """Every memory: weights, parameters, tables, potentials, drives, banks, the encoder's and the readout's."""
    found = {
        name: Memory(facts["words"], facts["bits"], True, _varying(source / name))
        for name, facts in manifest["memories"].items()
    }
    pixels, layout = plan.network.input, plan.input_layout
    if pixels.coding.spiking and not plan.count:
        for what in ("pixels", "potentials"):
            found[f"encoder {what}"] = Memory(layout.words, layout.lanes * pixels.bits)
    for node in plan.nodes:
        beside = node.leaky is not None and node.leaky.current > 0
        more = {"drives": node.has_drive, "last maxima": node.maximum >= SUMS, "potentials beside currents": beside}
        for what in ("potentials", *(what for what, there in more.items() if there)):
            for column in range(node.columns):
                name = f"{node.name} {what}" + (f", column {column}" if node.columns > 1 else "")
                found[name] = Memory(node.column_words, node.lanes * node.vw)
        for edge in node.edges:
            found[f"{edge.name} banks"] = Memory(edge.banks * edge.layout.band_words, edge.layout.lanes * edge.cw)
            found[f"{edge.name} meta words"] = Memory(edge.banks, plan.mw)
            if edge.tiles is not None:
                found[f"{edge.name} tiles"] = Memory(edge.tiles.slots * edge.tiles.words, edge.word_bits)
            elif plan.ports.weights.where == "load" and len(edge.weights):
                found[f"{edge.name} weights"] = Memory(len(edge.weights), edge.word_bits)
            if edge.tally:
                found[f"{edge.name} tallies"] = Memory(edge.layout.words, edge.layout.lanes * edge.tally)
    last = plan.nodes[-1]
    found["readout"] = Memory(last.layout.words, last.layout.lanes * last.cw)
    return found


def _varying(path: Path) -> int:
    """Bits that are not the same in every word of a memory file: the others need no memory."""
    ones, all_ones = 0, -1
    for word in path.read_text().split():
        number = int(word, 16)
        ones, all_ones = ones | number, all_ones & number
    return (ones & ~all_ones).bit_count()


def _placer(family: str) -> str:
    """The program nextpnr-<family>, the wheel's first; ToolMissingError."""
    wheel = shutil.which(f"yowasp-nextpnr-{family}") or str(Path(sys.executable).parent / f"yowasp-nextpnr-{family}")
    program = wheel if Path(wheel).exists() else shutil.which(f"nextpnr-{family}")
    if program is None:
        raise ToolMissingError(f"no nextpnr-{family}: pip install 'snncc[hw]', or install the package nextpnr-{family}")
    return program


def map_behind_pins(work: Path, files: list[str], chip: Device, dsp: int | str, pins: str) -> None:
    """Map the design behind its wrapper `pins` to work/pins.json."""
    map_design(work, [*files, f"{pins}.v"], chip, pins, dsp, "write_json pins.json")


def place_and_route(work: Path, chip: Device, seed: int) -> tuple[float, str]:
    """Of work/pins.json the MHz of the slowest clock, and its critical path; "" where nextpnr writes none."""
    family, *options = chip.place
    extra = {"ecp5": ["--lpf-allow-unconstrained"], "ice40": ["--pcf-allow-unconstrained"]}.get(family, [])
    if chip.pins:
        places = zip(("clk", "rst", "si", "so"), chip.pins, strict=True)
        (work / "pins.cst").write_text("".join(f'IO_LOC "{name}" {pin};\n' for name, pin in places))
        extra += ["--vopt", "cst=pins.cst"]
    command = [_placer(family), *options, "--json", "pins.json", "--report", "report.json", "--seed", str(seed), *extra]
    tools.run([*command, "--freq", "100", "--timing-allow-fail", "-q"], work, "place and route", TIMEOUT)
    found = json.loads((work / "report.json").read_text())
    fmax = min(float(clock["achieved"]) for clock in found["fmax"].values())
    return fmax, slowest(found.get("critical_paths", []), modules(work / "pins.json"))
