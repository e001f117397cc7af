"""`snncc synth`: the lower bound of block RAM against what Yosys maps, memory by memory, and the choice of DSPs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pyosys
import pytest
from click.testing import CliRunner

from snncc import ir, store, synth
from snncc.backends.verilog.emit import load_plan, read_manifest
from snncc.cli import cli
from snncc.errors import DataError, TargetError
from snncc.exploration.front import Goals
from snncc.synth import DEVICES, area, memories, run_yosys, synthesise
from snncc.synth.blockram import ECP5, ICE40, XC7, Family, Memory
from snncc.synth.multipliers import DspSlice, Multiplier, chosen, find
from tests.hw.area import near_enough
from tests.networks import dense_chain, dense_skip, recurrent, with_intervals


@pytest.mark.parametrize(("family", "memory", "number"), [
    (ECP5, Memory(1024, 18, rom=True), 1),  # a whole one
    (ECP5, Memory(1025, 18, rom=True), 2),
    (ECP5, Memory(9216, 64, rom=True), 32),  # 9 slices of 1024 words beside each other: 576 bits of 18 each
    (ECP5, Memory(9216, 64, rom=True, used=9), 5),  # only 9 bits vary: 81 bits in words of 18
    (ECP5, Memory(9216, 64, rom=True, used=0), 0),
    (ECP5, Memory(98304, 3), 18),  # 6 slices of 16384 x 1 for each bit: a RAM's slices do not share a byte of 9
    (ECP5, Memory(98304, 3, rom=True), 16),  # a ROM's do: 96 slices of 1024 words, 288 bits in words of 18
    (ECP5, Memory(16, 4), 0),  # 1 LUT RAM
    (ICE40, Memory(256, 16), 1),
    (ICE40, Memory(257, 16), 2),
    (ICE40, Memory(16, 16), 1),  # no LUT RAM here, and 256 flip-flops cost more
    (XC7, Memory(512, 72, rom=True), 1),
    (XC7, Memory(1024, 18), 0.5),
    (XC7, Memory(288, 40, rom=True), 0),  # 180 LUT6 cost less than two halves
])  # fmt: skip
def test_shapes_worked_by_hand(family: Family, memory: Memory, number: float) -> None:
    assert family.least(memory) == number


COMMANDS = {"ecp5-85k": "synth_ecp5", "ice40-up5k": "synth_ice40", "xc7": "synth_xilinx -family xc7"}
MORE = {"gowin-gw2ar18": "synth_gowin -family gw2a", "gowin-gw1nr9": "synth_gowin", "cyclonev": "synth_intel_alm"}


def mapped(folder: Path, device: str) -> Counter[str]:
    """Block RAMs that Yosys makes of each memory, by the instance that holds it."""
    work = folder / device
    work.mkdir()
    for path in (folder / "verilog").iterdir():
        shutil.copyfile(path, work / path.name)
    files = " ".join((work / "snn_top.f").read_text().split())
    every = "t:DP16KD t:PDPW16KD t:SB_RAM40* t:RAMB36E1 t:RAMB18E1 t:SP t:SPX9 t:SDP* t:DP* t:pROM* t:MISTRAL_M10K"
    command = (COMMANDS | MORE)[device]
    run_yosys(work, f"read_verilog -defer {files}\n{command} -top snn_top -run begin:map_ffram\nflatten\n"
                    f"tee -q -o all.txt select -list {every}\n"
                    "tee -q -o half.txt select -list t:RAMB18E1\n")  # fmt: skip
    half, found = (work / "half.txt").read_text().split(), Counter[str]()
    for name in (work / "all.txt").read_text().split():
        instance = re.search(r"u_[\w.\[\]]+?(?=\.mem\.)", name)
        assert instance is not None, name
        found[instance.group()] += 0.5 if name in half else 1  # type: ignore[assignment]
    return found


PLACES = {
    "_weights.mem": ".u_lanes.g_rom.u_weights", "_parameters.mem": ".u_parameters",
    " potentials": ".g_one.u_column.u_potential", " drives": ".g_one.u_column.g_drive.u_drive", " banks": ".u_events",
}  # fmt: skip
ENCODER = {
    "encoder pixels": "u_encoder.u_pixels",
    "encoder potentials": "u_encoder.u_state",
    "readout": "u_readout.u_values",
}


def place(name: str) -> str:
    """The instance that holds a listed memory."""
    if name in ENCODER:
        return ENCODER[name]
    return next((f"u_{name.removesuffix(end)}{at}" for end, at in PLACES.items() if name.endswith(end)), name)


def held(folder: Path, network: ir.Network) -> dict[str, Memory]:
    source = folder / "verilog"
    return memories(load_plan(network, source), read_manifest(source), source)


NETWORKS = {
    "dense, step": lambda: dense_chain("step", sizes=(200, 40, 20, 6)),
    "dense, count": lambda: dense_chain("count", sizes=(400, 17, 6)),
    "current, step": lambda: dense_skip("step"),
}


@pytest.mark.parametrize(
    ("device", "name"), [*product(COMMANDS, NETWORKS), ("gowin-gw2ar18", "dense, count"), ("cyclonev", "dense, step")]
)
def test_no_bound_is_above_what_yosys_maps_and_the_sum_is_close(tmp_path: Path, name: str, device: str) -> None:
    network = NETWORKS[name]()
    store.write(network, tmp_path, {"verilog": {"max_lanes": 16}})
    real, family = mapped(tmp_path, device), DEVICES[device].memory
    listed = held(tmp_path, network)
    bounds = {place(what): family.least(memory) for what, memory in listed.items()}
    assert set(real) <= set(bounds)
    assert {what: (bound, real[what]) for what, bound in bounds.items() if bound > real[what]} == {}
    assert sum(bounds.values()) >= 0.85 * sum(real.values())
    # the check notices a bound that takes every memory for block RAM
    blind = {what: min(number for p in family.blocks for number, _ in p.shapes(m)) for what, m in listed.items()}
    assert any(number > real[place(what)] for what, number in blind.items())


CELLS = {
    "gowin-gw2ar18": ({"ALU": 7, "LUT3": 2, "DFFRE": 5, "DFF": 1, "RAM16SDP4": 2, "pROM": 1, "SDPX9B": 2, "MULT9X9": 3,
                       "MULT18X18": 2, "MUX2_LUT5": 4, "IBUF": 9}, (17, 6, 3, 4)),
    "cyclonev": ({"MISTRAL_ALUT6": 3, "MISTRAL_ALUT2": 2, "MISTRAL_ALUT_ARITH": 4, "MISTRAL_MLAB": 5, "MISTRAL_FF": 8,
                  "MISTRAL_M10K": 6, "MISTRAL_MUL9X9": 4, "MISTRAL_MUL27X27": 1, "MISTRAL_NOT": 9}, (17, 8, 6, 5)),
}  # fmt: skip


@pytest.mark.parametrize("device", CELLS)
def test_cells_of_more_families(device: str) -> None:
    """LUT, FF, block RAM and DSP by the families' own manuals, worked by hand."""
    cells, counted = CELLS[device]
    assert tuple(synth.resources_of(cells).values()) == counted
    assert DEVICES[device].flow.command == MORE[device]


@pytest.mark.parametrize(("dsp", "dsps"), [("auto", 2), ("none", 0), (1, 1)])
def test_multipliers_of_each_family_go_where_they_are_told(tmp_path: Path, dsp: str | int, dsps: int) -> None:
    (tmp_path / "top.v").write_text(
        "module top(input clk, input signed [9:0] a, b, output reg signed [19:0] y, z); always @(posedge clk) begin "
        "y <= a * b; z <= a * a; end endmodule"
    )
    for device in MORE:
        synth.map_design(tmp_path, ["top.v"], DEVICES[device], "top", dsp, "tee -q -o stat.json stat -json")
        cells = json.loads((tmp_path / "stat.json").read_text())["design"]["num_cells_by_type"]
        found = synth.resources_of(cells)
        assert found["DSP"] == dsps and (found["LUT"] > 0) == (dsps < 2), (device, cells)


def test_gowin_is_placed_by_himbaechel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in nextpnr's place takes what it is told: the netlist, device and family, a pin for each port.

    Of the paths that it reports the longest one between edges of one clock is told in the words of the RTL.
    """
    cells = [
        "u_top.u_pop_p0_e0.u_lanes.g_rom.u_weights.mem.0.1", "u_top.e_TRELLIS_FF_Q_LUT4_Z$1", "u_top.u_x.y_q_DFF_Q",
        "u_top.u_pop_p0.g_one.u_column.g_short.sum_q_TRELLIS_FF_Q_3",
    ]  # fmt: skip
    kinds = [
        ("clk-to-q", 3, 0, 0), ("routing", 2, 0, 1), ("logic", 0.5, 1, 1), ("routing", 1, 1, 2), ("routing", 0.5, 2, 3),
        ("setup", 0, 3, 3),
    ]  # fmt: skip
    steps = [
        {"type": kind, "delay": ns, "from": {"cell": cells[a]}, "to": {"cell": cells[b]}} for kind, ns, a, b in kinds
    ]
    paths = [{"from": "posedge clk", "to": "<async>", "path": [{**steps[0], "delay": 99}]},
             {"from": "posedge clk", "to": "posedge clk", "path": steps},
             {"from": "posedge two", "to": "posedge two", "path": steps[:2]}]  # fmt: skip
    program = tmp_path / "nextpnr-himbaechel-gowin"
    program.write_text(
        f"#!{sys.executable}\nimport json, sys\nopen({str(tmp_path / 'said')!r}, 'w').write("
        "' '.join(sys.argv[1:]) + '\\n' + open('pins.cst').read())\nassert json.load(open('pins.json'))['modules']\n"
        f"json.dump({{'fmax': {{'clk': {{'achieved': 50.0}}}}, 'critical_paths': {paths}}}, open('report.json', 'w'))\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(synth.shutil, "which", lambda name: str(program) if name.endswith(program.name) else None)
    store.write(dense_chain("step", sizes=(6, 4, 2)), tmp_path / "m", {"verilog": {"max_lanes": 2}})
    found = synthesise(tmp_path / "m", "gowin-gw1nr9")
    assert found.fmax_mhz == 50 and found.images_per_second == 50e6 / found.cycles_per_image
    assert found.critical_path == (
        "7.0 ns (3.5 of them routing) from mem in u_pop_p0_e0.u_lanes.g_rom.u_weights (snn_rom) "
        "to g_short.sum_q in u_pop_p0.g_one.u_column (snn_column), through e, u_x.y_q"
    )
    said, *pins = (tmp_path / "said").read_text().splitlines()
    assert "--device GW1NR-LV9QN88PC6/I5 --vopt family=GW1N-9C --json pins.json" in said and "cst=pins.cst" in said
    assert [line.split('"')[1] for line in pins] == ["clk", "rst", "si", "so"]
    with pytest.raises(DataError, match="no model of area of 'cyclonev'"):
        Goals(device="cyclonev")


def test_bits_that_never_change_need_no_memory(tmp_path: Path) -> None:
    """Yosys leaves them out, so the bound does."""
    network = dense_chain("count", sizes=(784, 16, 10))
    first = network.populations[0]
    weights = np.array(first.projections[0].weights)
    weights[:, :8] &= 1
    first = ir.replace(first, projections=(ir.replace(first.projections[0], weights=weights),))
    network = ir.replace(network, populations=(first, *network.populations[1:]))
    network = with_intervals(network)
    store.write(network, tmp_path, {"verilog": {"max_lanes": 16}})
    memory = held(tmp_path, network)["pop_p0_e0_weights.mem"]
    assert (memory.words, memory.bits, memory.used) == (784, 128, 8 + 64)
    assert mapped(tmp_path, "ecp5-85k")["u_pop_p0_e0.u_lanes.g_rom.u_weights"] == ECP5.least(memory) == 4
    assert ECP5.least(replace(memory, used=None)) == 8


def test_a_design_too_large_says_by_how_much_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is memory is counted before any tool runs."""
    network = dense_chain("step", sizes=(500, 40, 3))
    store.write(network, tmp_path / "m", {"verilog": {"max_lanes": 2}})
    monkeypatch.setattr(synth, "run_yosys", lambda *_: pytest.fail("Yosys ran"))
    done = CliRunner().invoke(cli, ["synth", str(tmp_path / "m"), "--device", "ice40-up5k"])
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    # weights of 16 bits: 40 x 256; the encoder's two of 64 bits: 4 each; banks: 1 each; potentials of 36 bits: 3
    assert "block RAM: at least 53 of 30 (at least 23 too many)" in said
    assert "pop_p0_e0_weights.mem: 10,080 words of 16 bits, at least 40 of them" in said
    assert "pop_p0 potentials: 20 words of 36 bits, at least 3 of them" in said


DESIGN = r"""
module \part
  cell $mul $a
    parameter \A_WIDTH 3
    parameter signed \B_WIDTH 4
  end
  cell $mul $b
    parameter \A_WIDTH 20
    parameter \B_WIDTH 5
  end
end
module \middle
  cell \part \u_part
  end
end
module \top
  cell \part \u_part
  end
  cell \middle \u_0
  end
  cell \middle \u_1
  end
  cell $mul $c
    parameter \A_WIDTH 8
    parameter \B_WIDTH 8
  end
end
module \unused
  cell $mul $d
    parameter \A_WIDTH 9
    parameter \B_WIDTH 9
  end
end
"""


def test_multipliers_are_counted_as_often_as_they_occur() -> None:
    assert [(m.a, m.b, m.times) for m in find(DESIGN.split("\n"), "top")] == [(3, 4, 3), (20, 5, 3), (8, 8, 1)]


def test_the_largest_multipliers_become_dsps() -> None:
    small, wide, square = Multiplier(1, 3, 4, 3), Multiplier(2, 20, 5, 3), Multiplier(3, 8, 8, 1)
    everything, dsp = [small, wide, square], DspSlice(18, 18, 18)
    assert (dsp.needed(18, 18), dsp.needed(5, 20), dsp.needed(37, 19)) == (1, 2, 6)
    assert chosen(everything, dsp, 10) == [wide, square, small]
    assert chosen(everything, dsp, 10, small=16) == [wide, square]
    assert chosen(everything, dsp, 8) == [wide, square]  # 6 + 1, and 3 are too many
    assert chosen(everything, dsp, 5) == [square, small]  # six for the widest are too many
    assert chosen(everything, dsp, 0) == []


def test_a_model_that_is_off_is_told(skip: Path) -> None:
    """Four times the LUTs, and one flip-flop."""
    source = skip / "verilog"
    plan = load_plan(ir.load(skip), source)
    held = memories(plan, read_manifest(source), source).values()
    found = synth.Synthesis("ecp5-25k", luts=4 * round(area.estimate(plan, held, DEVICES["ecp5-25k"])["luts"]), ffs=1)
    assert len(near_enough(skip, found)) == 2


def test_a_part_that_no_fitted_design_had_is_refused(skip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, whole = skip / "verilog", area.model(DEVICES["xc7"])
    less = {
        what: replace(one, each={k: v for k, v in one.each.items() if k != "scanner"}) for what, one in whole.items()
    }
    monkeypatch.setattr(area, "model", lambda chip: less)
    plan = load_plan(ir.load(skip), source)
    held = memories(plan, read_manifest(source), source).values()
    with pytest.raises(TargetError, match="does not know 'scanner': run Yosys"):
        area.estimate(plan, held, DEVICES["xc7"])


@pytest.mark.parametrize("device", ["xc7", "ecp5-25k"])
def test_the_multipliers_of_neurons_that_forget_are_those_that_yosys_finds(tmp_path: Path, device: str) -> None:
    """Leaks of each neuron and of all, a decay, several spikes; xc7 is mapped module by module, ECP5 as one."""
    store.write(recurrent(most=7), tmp_path / "m", {"verilog": {"max_lanes": 2}})
    work, flow = tmp_path / "m" / "verilog", DEVICES[device].flow
    read = f"read_verilog -defer {' '.join((work / 'snn_top.f').read_text().split())}"
    until = f"{flow.command} -top snn_top {flow.dsp} -run begin:{flow.multiply}"
    run_yosys(work, f"{read}\n{until}\n{flow.tidy}\ndelete =A:blackbox =A:whitebox\nwrite_rtlil design.il\n")
    found: Counter[tuple[int, int]] = Counter()
    for one in find((work / "design.il").read_text().split("\n"), "snn_top"):
        found[max(one.a, one.b), min(one.a, one.b)] += one.times
    expected: Counter[tuple[int, int]] = Counter()
    for one in area.multipliers(load_plan(ir.load(tmp_path / "m"), work)):
        expected[one.a, one.b] += one.times
    assert expected == Counter({size: times for size, times in found.items() if size[1] > 1})


@pytest.fixture(scope="module")
def skip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("skip") / "m"
    store.write(dense_skip("count"), folder, {"verilog": {"max_lanes": 2}})
    return folder


def test_dsp_is_a_number_auto_or_none(skip: Path) -> None:
    found = {dsp: synthesise(skip, "ecp5-25k", place=False, dsp=dsp) for dsp in ("none", 2, "auto", 28)}
    dsps = {dsp: result.dsps for dsp, result in found.items()}
    assert dsps["none"] == 0 and dsps[2] == 2 < dsps["auto"] < dsps[28] <= found[28].multipliers
    assert found["none"].luts > found[2].luts > found["auto"].luts
    assert near_enough(skip, found["auto"]) == []
    with pytest.raises(TargetError, match="auto, none or"):
        synthesise(skip, "ecp5-25k", dsp=-1)
    for wrong in ("-1", "many", "1.5"):
        done = CliRunner().invoke(cli, ["synth", str(skip), "--device", "xc7", f"--dsp={wrong}"])
        assert done.exit_code == 2 and "auto, none or a number" in done.output


def gates(work: Path, source: Path, dsp: int | str) -> str:
    """What the bench says of the mapped design: only its results, since its inner wires have other names."""
    work.mkdir()
    for path in source.iterdir():
        shutil.copyfile(path, work / path.name)
    sources = (work / "snn_top.f").read_text().split()
    synth.map_design(work, sources, DEVICES["ice40-up5k"], "snn_top", dsp, "flatten\nwrite_verilog -noattr mapped.v")
    cells = Path(pyosys.__file__).parent / "share" / "ice40" / "cells_sim.v"
    text = (work / "snn_bench.v").read_text()
    text = re.sub(r"    snn_monitor .*?\);\n", "", text, flags=re.DOTALL).replace("|| |bad ", "")
    text = text.replace("u_top.pixel_valid", "in_valid && in_ready").replace("u_top.pixel_end", "in_last")
    (work / "snn_bench.v").write_text(text)
    files = f"snn_bench.v snn_words.v mapped.v {cells}"
    command = f"iverilog -g2012 -DNO_ICE40_DEFAULT_ASSIGNMENTS -s snn_bench -o bench {files} && vvp -n bench"
    done = subprocess.run(["sh", "-c", command], cwd=work, capture_output=True, text=True, check=False)
    assert "SB_MAC16" in (work / "mapped.v").read_text()
    return done.stdout + done.stderr


def test_gates_with_some_multipliers_in_dsps_give_the_same_integers(tmp_path: Path) -> None:
    store.write(dense_chain("count", sizes=(6, 4, 2)), tmp_path / "m", {"verilog": {"max_lanes": 2}})
    assert "PASS 4 images" in gates(tmp_path / "g", tmp_path / "m" / "verilog", 2)
    weights = tmp_path / "m" / "verilog" / "pop_p1_e0_weights.mem"
    words = [f"{int(word, 16) ^ 1:0{len(word)}x}" for word in weights.read_text().split()]
    weights.write_text("\n".join(words) + "\n")
    assert "MISMATCH" in gates(tmp_path / "h", tmp_path / "m" / "verilog", 2)
