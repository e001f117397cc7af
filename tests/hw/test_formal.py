"""Modules proved by Yosys's SAT solver for all inputs, at small widths; each proof finds a fault put into its module.

hw_sim/formal/check_X.v instantiates a module as `dut`, assumes what its users promise and asserts what it promises
them. A wire with the attribute `inside` is a register of the module, for invariants that only induction needs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from snncc.resources import resource
from snncc.synth import run_yosys
from tests.hw.cocotb_bench import Fault

EDGE = ("snn_edge", "snn_bank", "snn_ram", "snn_scan", "snn_walk", "snn_lanes")
EDGE_UNUSED = ("snn_tally", "snn_place", "snn_rom", "snn_skid")
COLUMN = ("snn_column", "snn_ram")
COUNT = ("snn_fire_count", "snn_divide")
RING = {"WORDS": 4, "RING": 2, "VAW": 3, "P_DEPTH": 5, "PAW": 3}
LEAKY = ("snn_fire_leaky", "snn_share")
RELAY = {"FIRES": 0, "RELAYS": 1, "OUT_CW": 3}


@dataclass(frozen=True)
class Proof:
    """`steps`: the induction's length, or the depth of a bounded proof; `within`: when every fault has shown. Both in
    clock cycles from reset.
    """

    check: str
    modules: tuple[str, ...]
    steps: int
    bounded: bool = False
    parameters: Mapping[str, int] = field(default_factory=dict)
    within: int = 12


PROOFS = {
    "divide": Proof("divide", ("snn_divide",), 4),
    "divide, one stage": Proof("divide", ("snn_divide",), 4, parameters={"STAGES": 1, "PERIOD": 4}),
    "divide, a quotient a cycle": Proof("divide", ("snn_divide",), 4, parameters={"STAGES": 4, "PERIOD": 1}),
    "bank": Proof("bank", ("snn_bank",), 1),
    "scan": Proof("scan", ("snn_scan",), 2),
    "scan, zeros too": Proof("scan", ("snn_scan",), 2, parameters={
        "LANES": 3, "CW": 1, "D0": 1, "D1": 3, "D1W": 2, "BLOCKS": 1, "AW": 3, "EVERY": 1}),
    "scan, bands": Proof("scan", ("snn_scan",), 2, parameters={
        "CW": 1, "D0": 3, "D0W": 2, "BLOCKS": 1, "D2W": 1, "BANDS": 3, "BANKS": 2, "AW": 3}, within=16),
    "fire in step": Proof("fire_step", ("snn_fire_step",), 2),
    "fire in step, relay": Proof("fire_step", ("snn_fire_step",), 2, parameters=RELAY),
    "fire in step, deep": Proof("fire_step", ("snn_fire_step",), 3, parameters={"DEEP": 1}),
    "leaky": Proof("fire_leaky", LEAKY, 9, True, {"LEAK": 1024, "LOWW": 4}),
    "leaky, several spikes": Proof("fire_leaky", LEAKY, 11, True, {
        "VW": 4, "MOST": 5, "OUT_CW": 3, "ZERO": 1, "LEAKW": 13, "THW": 3, "AMOUNTW": 3}),
    "leaky, both late": Proof("fire_leaky", LEAKY, 11, True, {
        "VW": 4, "RESET": 1, "MOST": 3, "OUT_CW": 2, "CURRENT": 2, "LEAK": 2048, "DECAY": 1024, "THW": 3, "AMOUNTW": 3
    }),
    "leaky, to a value": Proof("fire_leaky", LEAKY, 10, True, {"RESET": 2, "CURRENT": 1, "DECAY": 3000, "ZERO": 1}),
    "leaky readout": Proof("fire_leaky", LEAKY, 9, True, {
        "VW": 4, "FIRES": 0, "OUT_CW": 4, "CURRENT": 1, "LEAK": 512, "DECAYW": 13}),
    "fire in count": Proof("fire_count", COUNT, 10),
    "fire in count, deep": Proof("fire_count", COUNT, 12, parameters={"DEEP": 1}),
    "fire in count, relay": Proof("fire_count", COUNT, 9, parameters=RELAY),
    "fire in count, ring": Proof("fire_count", COUNT, 10, parameters=RING, within=24),
    "column": Proof("column", COLUMN, 10, True),
    "column, cleared by the adder": Proof("column", COLUMN, 10, True, {"CLEARS": 1}),
    "column, deep": Proof("column", COLUMN, 13, True, {"DEEP": 1}),
    "column, deep maximum": Proof("column", COLUMN, 12, True, {"DEEP": 1, "MAXIMUM": 1, "SHALLOW": 0}),
    "gather": Proof("gather", ("snn_gather",), 1),
    "skid": Proof("skid", ("snn_skid",), 1),
    "axis split": Proof("axis_split", ("snn_axis_split",), 1),
    "axis split, wide pixels": Proof("axis_split", ("snn_axis_split",), 1, parameters={"DW": 64, "PW": 16}),
    "tiles": Proof("tiles", ("snn_tiles", "snn_fill"), 1, within=16),
    "edge, two words": Proof("edge", EDGE + EDGE_UNUSED, 16, True, {"GROUPS": 1, "CW": 1, "VW": 5}),
    "edge, two targets": Proof("edge", EDGE + EDGE_UNUSED, 16, True, {"WORDS": 1, "AW": 1, "VW": 4}),
    "edge, deep": Proof("edge", EDGE + EDGE_UNUSED, 18, True, {"GROUPS": 1, "CW": 1, "VW": 4, "DEEP": 1}, within=18),
}  # fmt: skip


def prove(work: Path, proof: Proof, fault: Fault | None = None) -> str:
    """Yosys's log of a proof that holds; of a faulty module, of a counterexample soon after reset."""
    hw = resource("hw_sim")
    for name in proof.modules:
        text = (hw / "rtl" / f"{name}.v").read_text()
        if fault is not None and fault[0] == name:
            assert fault[1] in text, f"{name}.v has no {fault[1]!r}"
            text = text.replace(*fault[1:])
        (work / f"{name}.v").write_text(text)
    top = f"check_{proof.check}"
    checker = (hw / "formal" / f"{top}.v").read_text()
    (work / f"{top}.v").write_text(checker)
    inside = re.findall(r'inside = "(\S+)" \*\) wire .*?(\w+);', checker)
    if proof.parameters.get("BANDS", 1) == 1:  # then the module has no such block
        inside = [(register, wire) for register, wire in inside if not register.startswith("g_bands.")]
    bounded = f"-seq {max(proof.steps, proof.within)}" if fault else f"-seq {proof.steps}"
    how = bounded if fault or proof.bounded else f"-tempinduct -maxsteps {proof.steps}"
    script = [
        f"read_verilog -sv -formal -defer -DSYNTHESIS {' '.join(f'{name}.v' for name in proof.modules)} {top}.v",
        *(f"chparam -set {key} {value} {top}" for key, value in proof.parameters.items()),
        f"hierarchy -check -top {top}",
        *("proc", "flatten", "memory_map", f"cd {top}"),
        *(rf"connect -set {wire} \dut.{register}" for register, wire in inside),
        *("opt", "async2sync", "chformal -lower", "opt"),
        f"sat {'-falsify' if fault else '-verify'} -prove-asserts -set-assumes {how}\n",
    ]
    return run_yosys(work, "\n".join(script))


@pytest.mark.parametrize("name", PROOFS)
def test_proof(tmp_path: Path, name: str) -> None:
    said = prove(tmp_path, PROOFS[name])
    assert "Import proof for assert" in said and "Import constraint from assume" in said
    assert ("Induction step proven: SUCCESS!" in said) != PROOFS[name].bounded


def test_the_page_has_every_proof() -> None:
    page = (Path(__file__).parents[2] / "docs" / "design" / "proofs.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| (\w+), (\d+) \|", page, re.MULTILINE)
    kinds = {True: "bounded", False: "induction"}
    assert rows == [(name, kinds[proof.bounded], str(proof.steps)) for name, proof in PROOFS.items()]


FAULTS: dict[str, tuple[str, Fault]] = {
    "divide: ties round down": ("divide", ("snn_divide", "rest_q >= scaled_q", "rest_q > scaled_q")),
    "divide: no sign": ("divide, one stage", ("snn_divide", "d = i_dividend", "d = {1'b0, i_dividend}")),
    "divide: the remainder stays": ("divide, a quotient a cycle", ("snn_divide", "fits ? less : rest_q", "rest_q")),
    "divide: a reset is not heard": ("divide", ("snn_divide", "if (rst) busy_q <= 1'b0;\n                else ", "")),
    "bank: one frame too many": ("bank", ("snn_bank", "level_q != BANKS", "level_q != BANKS + 1")),
    "bank: a release beside a commit is lost": (
        "bank", ("snn_bank", "if (w_commit && !r_release) level_q", "if (w_commit) level_q"),
    ),
    "bank: the ring has no end": ("bank", ("snn_bank", "r_index_q == BANKS - 1 ? {IW{1'b0}} : ", "")),
    "scan: lanes from the top": (
        "scan", ("snn_scan", "i = LANES - 1; i >= 0; i = i - 1", "i = 0; i < LANES; i = i + 1"),
    ),
    "scan: does not wait": ("scan", ("snn_scan", "!last_q && read_q", "!last_q")),
    "scan: takes a word as it is written": ("scan", ("snn_scan", "load ? whole || next_ptr != w_addr : ready", "1'b1")),
    "scan: no zeros": ("scan, zeros too", ("snn_scan", "EVERY != 0 || ", "")),
    "scan: every band begins a frame": ("scan, bands", ("snn_scan", "first_q <= frame_end", "first_q <= band_end")),
    "scan: the frame's coordinates go on": ("scan, bands", ("snn_scan", "first_q <= frame_end", "first_q <= 1'b0")),
    "scan: a band has no end": ("scan, bands", ("snn_scan", "last_q <= band_end", "last_q <= frame_end")),
    "scan: a reset keeps the place": ("scan, bands", ("snn_scan", "            first_q <= 1'b1;\n", "")),
    "scan: an element is offered twice": ("scan", ("snn_scan", "if (accept) rem_q <= rest;", "")),
    "step: ties do not fire": ("fire in step", ("snn_fire_step", "fire = !less[VW]", "fire = !less[VW] && less != 0")),
    "step: a bit too few": ("fire in step", ("snn_fire_step", "signed [VW:0] less", "signed [VW-1:0] less")),
    "step: the drive in every frame": ("fire in step", ("snn_fire_step", "driven ? drive : {VW{1'b0}}", "drive")),
    "step: a relay's shift without sign": (
        "fire in step, relay", ("snn_fire_step", "s_q >>> th_q[THW-1:0]", "s_q >> th_q[THW-1:0]"),
    ),
    "step: a word before its data": ("fire in step, deep", ("snn_fire_step", "DEEP != 0 ? wait_q : read_q", "read_q")),
    "count: b*T a cycle early": (
        "fire in count, deep", ("snn_fire_count", "u_valid = DEEP != 0 ? valid3_q : valid2_q", "u_valid = valid2_q"),
    ),
    "column: no bypass": ("column", ("snn_column", "BYPASS != 0 && again_q ? sum_q : ", "")),
    "column: two adds ago forgotten": ("column, deep", ("snn_column", "second_q ? sum_q : ", "")),
    "column: three adds ago forgotten": ("column, deep", ("snn_column", "third_q ? last_q : ", "")),
    "column: no second look": ("column, deep", ("snn_column", "next_q ? sum_q : stored_q", "stored_q")),
    "column: the smaller one": ("column, deep maximum", ("snn_column", "a > b ? a : b", "a > b ? b : a")),
    "column: nothing is cleared": ("column, cleared by the adder", ("snn_column", "CLEARS != 0 && f_write;", "1'b0;")),
    "gather: parts swapped": ("gather", ("snn_gather", "{i_data, held_q}", "{held_q, i_data}")),
    "gather: a reset is not heard": ("gather", ("snn_gather", "if (rst) part_q <= 0;\n        else ", "")),
    "skid: one is lost": ("skid", ("snn_skid", "!leave && (second_q || enter)", "!leave && enter")),
    "skid: the later one first": ("skid", ("snn_skid", "second_q ? next_q : i_data", "i_data")),
    "edge: done while an event waits": ("edge, deep", ("snn_edge", "&& !skid_busy", "")),
    "leaky: ties do not fire": ("leaky", ("snn_fire_leaky", "wide >= theta", "wide > theta")),
    "leaky: the share of one more": ("leaky", ("snn_share", "product_q <= x *", "product_q <= (x + x[W-1]) *")),
    "leaky: bias after T": ("leaky", ("snn_fire_leaky", "driven ? drive : {VW{1'b0}}", "drive")),
    "leaky: no lower end": ("leaky", ("snn_fire_leaky", "v < lowest ? lowest : v", "v")),
    "leaky: a spike too few": (
        "leaky, several spikes", ("snn_fire_leaky", "(MOST >> s) - (MOST >> (s + 1))", "MOST >> (s + 1)"),
    ),
    "leaky: rounded down": ("leaky, several spikes", ("snn_share", "x[W-1] ? -x : x", "x")),
    "leaky: what comes off late leaks": (
        "leaky, both late", ("snn_fire_leaky", "RESET == 1 ? full : reduced", "reduced"),
    ),
    "leaky: the current at once": (
        "leaky, both late", ("snn_fire_leaky", "(CURRENT == 1) ? rest_q + sum_q", "1 ? rest_q + sum_q"),
    ),
    "leaky: no reset": ("leaky, to a value", ("snn_fire_leaky", "(RESET == 2) ? one", "(RESET == 3) ? one")),
    "leaky: the current stays": ("leaky readout", ("snn_fire_leaky", "current_q - decayed", "current_q")),
    "count: no upper end": ("fire in count", ("snn_fire_count", "quotient > clip ? clip : quotient", "quotient")),
    "count: b once": ("fire in count", ("snn_fire_count", "(v <<< SCALE) + bt + v0_q", "(v <<< SCALE) + b_q + v0_q")),
    "count: parts swapped": ("fire in count", ("snn_fire_count", "if (sub1_q == s)", "if (sub1_q != s)")),
    "count: cleared too early": (
        "fire in count", ("snn_fire_count", "write = valid1_q && sub1_q == S_END", "write = valid1_q"),
    ),
    "count: the ring has no end": (
        "fire in count, ring", ("snn_fire_count", "addr_q == V_END ? {VAW{1'b0}} : addr_q", "addr_q"),
    ),
    "count: every band begins a frame": (
        "fire in count, ring", ("snn_fire_count", "frame_end = read_end && last_q", "frame_end = read_end"),
    ),
    "count: a band is the whole ring": (
        "fire in count, ring", ("snn_fire_count", "in_q == O_END :", "addr_q == V_END :"),
    ),
    "count: the frame has no end": ("fire in count, ring", ("snn_fire_count", "rst || frame_end", "rst")),
    "count: a relay's shift without sign": (
        "fire in count, relay", ("snn_fire_count", "u_q >>> shift_q", "u_q >> shift_q"),
    ),
    "split: pixels swapped": (
        "axis split", ("snn_axis_split", "i = SLOTS - 1; i >= 0; i = i - 1", "i = 0; i < SLOTS; i = i + 1"),
    ),
    "split: every byte is kept": ("axis split, wide pixels", ("snn_axis_split", "s_axis_tkeep[i*(PW/8)]", "1'b1")),
    "split: tlast with every pixel": ("axis split", ("snn_axis_split", "s_axis_tlast && rest == 0", "s_axis_tlast")),
    "split: a beat is gone too early": (
        "axis split", ("snn_axis_split", "(m_axis_tready && rest == 0)", "m_axis_tready"),
    ),
    "split: a pixel twice": ("axis split", ("snn_axis_split", "sent_q <= kept & ~rest", "sent_q <= 0")),
    "tiles: room for a burst that has been asked for": (
        "tiles", ("snn_tiles", "- (asked ? {{(FW-7){1'b0}}, asked_beats} : {FW{1'b0}})", ""),
    ),
    "tiles: a tile's room comes back twice": ("tiles", ("snn_tiles", "? TILE_BEATS :", "? 2 * TILE_BEATS :")),
    "tiles: a tile that is not whole": ("tiles", ("snn_tiles", "held_q >= WHOLE", "held_q != 0")),
    "tiles: a release beside a word is lost": (
        "tiles", ("snn_tiles", "- (release_tile ? WHOLE", "- (release_tile && !we ? WHOLE"),
    ),
    "tiles: the ring has no end": ("tiles", ("snn_fill", "addr_q == A_END ? {AW{1'b0}} : ", "")),
    "tiles: beats in the wrong order": ("tiles", ("snn_fill", "{data, held_q}", "{held_q, data}")),
    "edge: done while events are under way": (
        "edge, two targets", ("snn_edge", "&& !walk_busy && !lanes_busy", ""),
    ),
    "edge: an empty frame is walked": ("edge, two words", ("snn_edge", "turn && have && meta[EMPTY]", "1'b0")),
    "edge: a frame is not released": (
        "edge, two targets", ("snn_edge", ".r_release(done && !early)", ".r_release(1'b0)"),
    ),
    "edge: starts before its turn": ("edge, two words", ("snn_edge", "turn && word_ready", "word_ready")),
    "edge: the last target is skipped": ("edge, two targets", ("snn_walk", "G_END = GROUPS - 1", "G_END = 0")),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(tmp_path: Path, name: str) -> None:
    proof, fault = FAULTS[name]
    said = prove(tmp_path, PROOFS[proof], fault)
    assert "SAT proof finished - model found: FAIL!" in said
