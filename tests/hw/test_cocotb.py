"""Memories, divider, scanner, encoders and readout alone, swept over parameters, and the network's protocol: cocotb.

As in test_engine.py, each bench notices a fault put into its module.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snncc import ir
from snncc.backends.verilog import memory, vectors, write
from snncc.backends.verilog.instances import folds
from snncc.ir import content_hash
from tests.hw.cocotb_bench import Fault, bench, bits
from tests.hw.simulate import plan_with
from tests.networks import crossed, dense_chain, dense_skip, mixed_conv


def ram(folder: Path, width: int, depth: int, fault: Fault | None = None) -> None:
    parameters = {"WIDTH": width, "DEPTH": depth, "AW": bits(depth)}
    bench(folder, "snn_ram", "bench_memory", parameters, {}, modules=["snn_ram"],
          testcase="ram_holds_what_was_written", fault=fault)  # fmt: skip


@pytest.mark.parametrize(("width", "depth"), [(1, 1), (5, 3), (40, 130), (8, 16)])
def test_ram(tmp_path: Path, width: int, depth: int) -> None:
    ram(tmp_path, width, depth)


def rom(folder: Path, width: int, depth: int, fault: Fault | None = None) -> None:
    file = folder / "rom.mem"
    words = np.random.default_rng(1).integers(0, 2**width - 1, (depth, 1), np.uint64, endpoint=True)
    memory.write(file, [(words, width)])
    parameters = {"WIDTH": width, "DEPTH": depth, "AW": bits(depth), "FILE": f'"{file}"'}
    bench(folder, "snn_rom", "bench_memory", parameters, {"SNN_ROM": str(file)}, modules=["snn_rom", "snn_words"],
          testcase="rom_reads_its_file", fault=fault)  # fmt: skip


@pytest.mark.parametrize(("width", "depth"), [(3, 1), (12, 7), (64, 200), (1, 16)])
def test_rom(tmp_path: Path, width: int, depth: int) -> None:
    rom(tmp_path, width, depth)


def divide(folder: Path, uw: int, dw: int, stages: int, period: int, fault: Fault | None = None) -> None:
    parameters = {"UW": uw, "DW": dw, "STAGES": stages, "PERIOD": period}
    bench(folder, "snn_divide", "bench_divide", parameters, {}, modules=["snn_divide"], fault=fault)


@pytest.mark.parametrize(
    ("uw", "dw", "stages", "period"),
    [(2, 2, 1, 1), (12, 7, 1, 4), (12, 12, 3, 2), (9, 20, 5, 1), (50, 21, 2, 9), (63, 20, 1, 16), (7, 1, 4, 1)],
)
def test_divide(tmp_path: Path, uw: int, dw: int, stages: int, period: int) -> None:
    divide(tmp_path, uw, dw, stages, period)


SCANS: dict[str, dict[str, int]] = {
    "one element": {"LANES": 1, "CW": 1, "D0": 1, "D1": 1, "BLOCKS": 1},
    "spikes of a map": {"LANES": 4, "CW": 1, "D0": 3, "D1": 2, "BLOCKS": 2},
    "counts": {"LANES": 3, "CW": 5, "D0": 2, "D1": 3, "BLOCKS": 1},
    "a vector": {"LANES": 8, "CW": 2, "D0": 1, "D1": 1, "BLOCKS": 7},
    "one lane": {"LANES": 1, "CW": 9, "D0": 4, "D1": 1, "BLOCKS": 3},
    "zeros too": {"LANES": 3, "CW": 4, "D0": 2, "D1": 2, "BLOCKS": 2, "EVERY": 1},
    "row by row": {"LANES": 2, "CW": 3, "D0": 4, "D1": 3, "BLOCKS": 2, "BANDS": 4},
    "row by row, flat": {"LANES": 3, "CW": 2, "D0": 1, "D1": 1, "BLOCKS": 10, "BANDS": 5},
}


def scan(folder: Path, name: str, fault: Fault | None = None) -> None:
    sizes = SCANS[name]
    depth = 3 * sizes["D0"] * sizes["D1"] * sizes["BLOCKS"]
    parameters = sizes | {
        "D0W": bits(sizes["D0"]), "D1W": bits(sizes["D1"]), "D2W": bits(sizes["LANES"] * sizes["BLOCKS"]),
        "DEPTH": depth, "AW": bits(depth),
    }  # fmt: skip
    bench(folder, "snn_scan", "bench_scan", parameters, {}, modules=["snn_scan"], fault=fault)


@pytest.mark.parametrize("name", SCANS)
def test_scan(tmp_path: Path, name: str) -> None:
    scan(tmp_path, name)


READOUTS: dict[str, tuple[int, int, int, int, int]] = {
    "one value": (1, 1, 1, 1, 7),
    "one lane": (1, 5, 1, 1, 6),
    "LANES that do not divide": (4, 2, 1, 3, 12),
    "a map": (3, 1, 4, 3, 8),
    "a map, LANES that do not divide": (2, 3, 2, 1, 9),
    "wide": (5, 2, 3, 1, 33),
}
"""LANES, words per position, positions, values of the last word, bits."""


def readout(folder: Path, name: str, fault: Fault | None = None) -> None:
    lanes, groups, positions, last, vw = READOUTS[name]
    values = positions * ((groups - 1) * lanes + last)
    parameters = {
        "LANES": lanes, "VW": vw, "WORDS": groups * positions, "SAW": bits(groups * positions), "GROUPS": groups,
        "LAST_LANES": last, "DW": 8 * -(-vw // 8), "CLASSW": bits(values), "SINGLE": int(values == 1),
    }  # fmt: skip
    bench(folder, "snn_readout", "bench_readout", parameters, {}, modules=["snn_readout", "snn_ram"], fault=fault)


@pytest.mark.parametrize("name", READOUTS)
def test_readout(tmp_path: Path, name: str) -> None:
    readout(tmp_path, name)


TW = 5
ENCODERS: dict[str, dict[str, int]] = {
    "step, one pixel of 2 bits": {"LANES": 1, "PIXELS": 1, "PB": 2, "EXT": 0},
    "step, LANES that do not divide": {"LANES": 4, "PIXELS": 10, "PB": 8, "EXT": 0},
    "step, further timesteps": {"LANES": 3, "PIXELS": 9, "PB": 5, "EXT": 2},
    "step, one word": {"LANES": 4, "PIXELS": 3, "PB": 16, "EXT": 1},
    "rate": {"LANES": 4, "PIXELS": 10, "PB": 8, "EXT": 0, "RATE": 1, "BY_T": 1, "SIGNED": 0},
    "rate, one lane of 2 bits": {"LANES": 1, "PIXELS": 3, "PB": 2, "EXT": 1, "RATE": 1, "BY_T": 1, "SIGNED": 0},
    "rate, row by row": {
        "LANES": 2,
        "PIXELS": 12,
        "BAND_PIXELS": 4,
        "PB": 6,
        "EXT": 0,
        "RATE": 1,
        "BY_T": 1,
        "SIGNED": 0,
    },
    "current, signed": {"LANES": 3, "PIXELS": 9, "PB": 6, "EXT": 0, "RATE": 0, "BY_T": 1, "SIGNED": 1},
    "current in step, signed": {"LANES": 4, "PIXELS": 7, "PB": 8, "EXT": 2, "RATE": 0, "BY_T": 0, "SIGNED": 1},
    "current in step, one pixel": {"LANES": 1, "PIXELS": 1, "PB": 4, "EXT": 0, "RATE": 0, "BY_T": 0, "SIGNED": 0},
}


def encoder(folder: Path, name: str, fault: Fault | None = None) -> None:
    options = dict(ENCODERS[name])
    pixels, pb = options.pop("PIXELS"), options["PB"]
    parameters = options | {"TW": TW, "MW": TW + 3, "LAST_LANES": (pixels - 1) % options["LANES"] + 1}
    if "RATE" in options:
        top, modules = "snn_encoder_direct", ["snn_encoder_direct"]
        parameters["CW"] = TW if options["RATE"] else pb + TW * options["BY_T"]
        parameters["FOLDS"] = folds(pb, (2**pb - 1) * (2**TW - 1))
    else:
        top, modules = "snn_encoder_step", ["snn_encoder_step", "snn_ram"]
        words = -(-pixels // options["LANES"])
        parameters |= {"WORDS": words, "SAW": bits(words)}
    env = {"SNN_PARAMETERS": json.dumps({**parameters, "PIXELS": pixels})}
    bench(folder, top, "bench_encoder", parameters, env, modules=modules, fault=fault)


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder(tmp_path: Path, name: str) -> None:
    encoder(tmp_path, name)


def protocol(folder: Path, network: ir.Network, simulator: str = "icarus", fault: Fault | None = None) -> None:
    """Early, missing and late tlast and a wrong T, with the readers already at work on the wrong image."""
    plan = plan_with(network, 4)
    write.sources(folder, plan)
    low, high = (-network.input.levels if network.input.signed else 0), network.input.levels
    pixels = np.random.default_rng(5).integers(low, high, (4, *network.input.shape), endpoint=True)
    steps = [network.timesteps, 2, 1, 5]
    golden = vectors.make(plan, pixels, steps)
    width = write.output_width(plan)
    images = [
        {
            "pixels": (pixels[i] % 256).reshape(-1).tolist(),
            "timesteps": steps[i],
            "beats": [int(v) % 2**width for v in golden.values[i]] + [int(golden.classes[i])],
        }
        for i in range(4)
    ]
    env = {"SNN_VECTORS": json.dumps({"images": images, "t_max": network.timesteps, "hash": content_hash(network)})}
    sources = sorted(folder.glob("*.v"))
    bench(folder, "snn_top", "bench_network", {}, env, sources=sources, simulator=simulator, fault=fault)


@pytest.mark.parametrize("dynamics", ["count", "step"])
@pytest.mark.parametrize(
    ("kind", "simulator"), [("chain", "icarus"), ("skip", "icarus"), ("conv", "icarus"), ("chain", "verilator")]
)
def test_protocol(tmp_path: Path, dynamics: str, kind: str, simulator: str) -> None:
    made = {"chain": lambda d: dense_chain(d, spike_ext=1), "skip": dense_skip, "conv": mixed_conv}
    protocol(tmp_path, made[kind](dynamics), simulator)


def sequences(folder: Path, fault: Fault | None = None) -> None:
    """What `bench_frames` sends, and what must come back."""
    network, steps = crossed(), [3, 1, 2, 3, 6, 1]
    plan = plan_with(network, 4)
    write.sources(folder, plan)
    pixels = np.random.default_rng(5).integers(0, 4, (6, max(steps), *network.input.shape))
    golden = vectors.make(plan, pixels, steps, [False, False, True, False, False, False])
    width = write.output_width(plan)
    made = [
        {
            "pixels": pixels[i, : steps[i]].reshape(-1).tolist(),
            "timesteps": steps[i],
            "beats": [int(v) % 2**width for v in golden.values[i]] + [int(golden.classes[i])],
        }
        for i in range(len(steps))
    ]
    case = {"sequences": made, "t_max": network.timesteps, "frame": int(np.prod(network.input.shape))}
    env = {"SNN_VECTORS": json.dumps(case)}
    bench(folder, "snn_top", "bench_frames", {}, env, sources=sorted(folder.glob("*.v")), fault=fault)


def test_sequences(tmp_path: Path) -> None:
    sequences(tmp_path)


def skip(folder: Path, dynamics: str, fault: Fault | None = None) -> None:
    protocol(folder, dense_skip(dynamics), fault=fault)


FAULTS: dict[str, tuple[Any, tuple[Any, ...], Fault]] = {
    "frames: no room is asked for": (sequences, (), ("snn_frames", "room = LONGEST - ", "room = LONGEST | ")),
    "frames: a wrong one is kept": (sequences, (), ("snn_frames", "keep_q) && p_timesteps != 0", "keep_q)")),
    "frames: early at a frame's end": (
        sequences, (), ("snn_frames", "frame_q == t || p_timesteps == 0", "frame_q == t"),
    ),
    "ram: writes where it reads": (ram, (5, 3), ("snn_ram", "mem[waddr]", "mem[raddr]")),
    "ram: writes always": (ram, (40, 130), ("snn_ram", "if (we) ", "")),
    "rom: the next word": (rom, (12, 7), ("snn_rom", "data_q <= mem[addr];", "data_q <= mem[addr + 1'b1];")),
    "rom: no clock": (rom, (12, 7), ("snn_rom", "always @(posedge clk) data_q <= mem", "always @* data_q = mem")),
    "rom: the highest bit lost": (rom, (64, 200), ("snn_rom", "mem[addr];", "mem[addr][WIDTH-2:0];")),
    "divide: ties round down": (divide, (12, 7, 1, 4), ("snn_divide", "rest_q >= scaled_q", "rest_q > scaled_q")),
    "divide: no sign": (divide, (12, 12, 3, 2), ("snn_divide", "d = i_dividend", "d = {1'b0, i_dividend}")),
    "divide: the remainder stays": (divide, (50, 21, 2, 9), ("snn_divide", "fits ? less : rest_q", "rest_q")),
    "divide: one bit too few": (divide, (12, 7, 1, 4), ("snn_divide", "C_END = PERIOD - 1", "C_END = PERIOD - 2")),
    "scan: lanes from the top": (
        scan, ("spikes of a map",), ("snn_scan", "i = LANES - 1; i >= 0; i = i - 1", "i = 0; i < LANES; i = i + 1"),
    ),
    "scan: does not wait": (scan, ("counts",), ("snn_scan", "!last_q && read_q", "!last_q")),
    "scan: no wrap": (scan, ("one lane",), ("snn_scan", "ptr_q == A_END ? {AW{1'b0}} : ", "")),
    "scan: the last word missing": (scan, ("a vector",), ("snn_scan", "(BLOCKS - 1) * LANES", "(BLOCKS - 2) * LANES")),
    "scan: goes on from the last frame": (scan, ("counts",), ("snn_scan", "first_q || d1_q", "d1_q")),
    "scan: no zeros": (scan, ("zeros too",), ("snn_scan", "EVERY != 0 || ", "")),
    "scan: a band ends with its frame": (
        scan, ("row by row",), ("snn_scan", "band_end = word_q == W_END", "band_end = frame_end"),
    ),
    "scan: every band begins a frame": (
        scan, ("row by row, flat",), ("snn_scan", "first_q <= frame_end", "first_q <= band_end"),
    ),
    "encoder: no end of a row": (
        encoder, ("rate, row by row",), ("snn_encoder_direct", "band_end = pixel_q == N_END", "band_end = p_end"),
    ),
    "readout: ties to the highest": (readout, ("a map",), ("snn_readout", "value > best_q", "value >= best_q")),
    "readout: no sign in the class": (
        readout, ("wide",), ("snn_readout", "reg signed [VW-1:0] best_q", "reg [VW-1:0] best_q"),
    ),
    "readout: no sign on the way out": (readout, ("wide",), ("snn_readout", "wide = value", "wide = {1'b0, value}")),
    "readout: padded lanes too": (
        readout, ("LANES that do not divide",), ("snn_readout", "group_q == G_END ? L_END_LAST : L_END", "L_END"),
    ),
    "readout: the last image's best": (readout, ("one lane",), ("snn_readout", "index_q == 0 || ", "")),
    "readout: 0 is class 1": (readout, ("one value",), ("snn_readout", "value > 0", "value >= 0")),
    "readout: only one position ends short": (
        readout, ("a map, LANES that do not divide",), ("snn_readout", "group_q == G_END ? {GW{1'b0}} : ", ""),
    ),
    "readout: a reset keeps the class": (
        readout, ("one value",), ("snn_readout", "class_q <= 0;\n        end else begin", "end else begin"),
    ),
    "readout: a reset keeps the number": (
        readout, ("a map",), ("snn_readout", "index_q <= 0;\n            class_q <= 0;\n        end else", "end else"),
    ),
    "readout: a reset keeps the lane": (readout, ("a map",), ("snn_readout", "lane_q <= 0;", "")),
    "encoder: ties do not fire": (
        encoder, ("step, further timesteps",), ("snn_encoder_step", "fire = sum[PB+1]", "fire = sum[PB+1:1] > 1 << PB"),
    ),
    "encoder: L is one too many": (
        encoder, ("step, LANES that do not divide",), ("snn_encoder_step", "- !sum_q[PB]", "- 1'b1"),
    ),
    "encoder: the last image's potentials": (
        encoder, ("step, LANES that do not divide",), ("snn_encoder_step", "frame_q == 1 ? {PB{1'b0}} : old", "old"),
    ),
    "encoder: lanes swapped": (
        encoder, ("step, LANES that do not divide",), ("snn_encoder_step", "o_data[g] =", "o_data[LANES-1-g] ="),
    ),
    "encoder: the last word stays at the top": (
        encoder, ("step, LANES that do not divide",), ("snn_encoder_step", "(LANES - LAST_LANES) * PB", "0"),
    ),
    "encoder: the last counts stay at the top": (
        encoder, ("rate",), ("snn_encoder_direct", "(LANES - LAST_LANES) * CW", "0"),
    ),
    "encoder: potentials a word too far": (
        encoder, ("step, further timesteps",), ("snn_encoder_step", ".waddr(addr2_q)", ".waddr(addr1_q)"),
    ),
    "encoder: no further timesteps": (
        encoder, ("step, further timesteps",), ("snn_encoder_step", "frames = t_q + EXT", "frames = t_q"),
    ),
    "encoder: starts without room": (
        encoder, ("step, one word",), ("snn_encoder_step", "WAIT: if (o_ready) begin", "WAIT: begin"),
    ),
    "encoder: a wrong image goes on": (
        encoder, ("step, one word",), ("snn_encoder_step", "p_end && p_timesteps != 0", "p_end"),
    ),
    "encoder: a whole rate is one short": (encoder, ("rate",), ("snn_encoder_direct", "if (x >= {", "if (x > {")),
    "encoder: one fold too few": (
        encoder, ("rate, one lane of 2 bits",), ("snn_encoder_direct", "i < FOLDS", "i < FOLDS - 1"),
    ),
    "encoder: no sign": (encoder, ("current, signed",), ("snn_encoder_direct", "(SIGNED != 0) & ", "1'b0 & ")),
    "encoder: begins without room": (
        encoder, ("current, signed",), ("snn_encoder_direct", "state_q == IDLE && o_ready", "state_q == IDLE"),
    ),
    "encoder: one empty frame too many": (
        encoder, ("current in step, signed",), ("snn_encoder_direct", "frame_q == frames", "frame_q > frames"),
    ),
    "protocol: a wrong image is answered": (
        skip, ("count",), ("snn_layer", "(meta_q[FINAL] && meta_q[MW-1 -: TW] != 0)", "meta_q[FINAL]"),
    ),
    "protocol: a short image is not filled up": (
        skip, ("count",), ("snn_pixels", "fill_q <= !complete &&", "fill_q <= 1'b0 &&"),
    ),
    "protocol: a wrong T is believed": (
        skip, ("count",), ("snn_pixels", "bad_t ? {TW{1'b0}} : timesteps[TW-1:0]", "timesteps[TW-1:0]"),
    ),
    "protocol: the longest T is wrong": (skip, ("step",), ("snn_pixels", "> LONGEST", ">= LONGEST")),
    "protocol: T of any pixel": (skip, ("step",), ("snn_pixels", "first ? (bad_t", "1'b1 ? (bad_t")),
    "protocol: a missing tlast goes unseen": (
        skip, ("step",), ("snn_pixels", "complete != s_axis_tlast", "!complete && s_axis_tlast"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_noticed(tmp_path: Path, name: str) -> None:
    run, case, fault = FAULTS[name]
    run(tmp_path, *case, fault=fault)
