"""The AXI4-Lite wrapper: register map, streams, drivers in C and Python, against the RTL in Icarus."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from snncc import store
from snncc.backends.verilog import cycles, vectors
from snncc.backends.verilog.emit import load_plan
from snncc.backends.verilog.registers import REGISTERS
from snncc.backends.verilog.run import verilator
from snncc.ir import Network, content_hash
from tests.hw.cocotb_bench import Fault, bench
from tests.networks import dense_chain, dense_skip, recurrent

C_BENCH = """
#include <stdint.h>
static uint32_t (*read_word)(uint32_t);
static void (*write_word)(uint32_t, uint32_t);
#define SNN_AXI_READ(base, offset) read_word(offset)
#define SNN_AXI_WRITE(base, offset, word) write_word(offset, word)
#include "snn_axi.h"
void connect(uint32_t (*read)(uint32_t), void (*write)(uint32_t, uint32_t)) { read_word = read; write_word = write; }
int check(void) { return snn_axi_check(0); }
int set_timesteps(uint32_t t) { return snn_axi_set_timesteps(0, t); }
void reset(void) { snn_axi_reset(0); }
uint32_t take_errors(void) { return snn_axi_take_errors(0); }
void enable_irq(uint32_t mask) { snn_axi_enable_irq(0, mask); }
uint32_t take_irq(void) { return snn_axi_take_irq(0); }
uint32_t latency(void) { return snn_axi_latency(0); }
"""
C_CHECK = "int check_weights(const uint8_t *file, uint32_t n) { return snn_axi_check_weights(file, n); }"
C_WEIGHTS = {
    "load": C_CHECK,
    "external": f"{C_CHECK} int read_weights(uint64_t address) {{ return snn_axi_read_weights(0, address); }}",
}
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wconversion", "-Werror"]


def drive(
    folder: Path,
    network: Network,
    width: str,
    testcase: str | None = None,
    fault: Fault | None = None,
    more: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Export, build the C driver as a library, run hw_sim/tb/bench_axi.py; `more`: bench_weights.py."""
    options = {"max_lanes": 2, "input_width": width, "axi_lite": True, **more}
    store.write(network, folder / "m", {"verilog": options})
    made = folder / "m" / "verilog"
    (folder / "driver.c").write_text(C_BENCH + (C_WEIGHTS[str(more["weights"])] if more else ""))
    command = ["gcc", *STRICT, "-shared", "-fPIC", f"-I{made}", "-o", "driver.so", "driver.c"]
    subprocess.run(command, cwd=folder, check=True)
    plan = load_plan(network, made)
    low, high = (-network.input.levels if network.input.signed else 0), network.input.levels
    frames = (network.timesteps,) if network.input.coding.sequences else ()
    pixels = np.random.default_rng(3).integers(low, high, (3, *frames, *network.input.shape), endpoint=True)
    images = []
    for image, steps in zip(pixels, (network.timesteps, 1, 3), strict=True):
        golden = vectors.make(plan, image[None], [steps])
        flat = image[: steps if frames else None].reshape(-1).tolist()
        early = min(int(width) // 8, len(flat)) - 1  # a beat is accepted with its last pixel
        images.append({
            "pixels": flat, "timesteps": steps, "beats": [*golden.values[0].tolist(), int(golden.classes[0])],
            "latency": cycles.predict(plan, golden).latency[0] - early,
        })  # fmt: skip
    case = {
        "map": {r.name: r.offset for r in REGISTERS}, "hash": content_hash(network), "images": images,
        "T_MAX": network.timesteps, "PIXELS": int(np.prod(network.input.shape)), "VALUES": network.output.neurons,
        "settle": 60,
        "frames": bool(frames), "most": high,
        "pixel": "i1" if network.input.signed else "u1", "result": "<i4", "python": str(made / "snn_axi.py"),
        "library": str(folder / "driver.so"), "weights": str(made / "weights.bin"),
        "beat": int(str(more.get("weights_bus", 64))) // 8,
    }  # fmt: skip
    for path in made.glob("*.mem"):
        (folder / path.name).write_bytes(path.read_bytes())
    names = [made / name for name in (made / "snn_axi.f").read_text().split()]
    bench(
        folder,
        "snn_axi",
        "bench_weights" if more else "bench_axi",
        {},
        {"SNN_CASE": json.dumps(case)},
        sources=names,
        testcase=testcase,
        fault=fault,
    )


@pytest.mark.parametrize("width", ["8", "32"])
def test_a_processor_drives_it(tmp_path: Path, width: str) -> None:
    network = dense_chain("count", sizes=(7, 4, 3)) if width == "32" else dense_skip("step")
    drive(tmp_path, network, width)


def test_a_processor_sends_sequences(tmp_path: Path) -> None:
    drive(tmp_path, recurrent(), "32", "the_python_driver_classifies")


OUTSIDE: dict[str, dict[str, object]] = {
    "external": {"weights": "external", "weights_inside": 0.01, "weights_bus": "32"},
    "load": {"weights": "load", "weights_bus": "64"},
}
TESTS = {
    "external": "the_python_driver_brings_them,the_c_driver_knows_them,a_reset_of_the_network_keeps_the_bus",
    "load": "the_python_driver_brings_them,the_c_driver_knows_them,a_file_of_another_length_is_noticed",
}


@pytest.mark.parametrize("where", OUTSIDE)
def test_a_processor_brings_the_weights(tmp_path: Path, where: str) -> None:
    drive(tmp_path, dense_chain("count", sizes=(7, 4, 3)), "8", TESTS[where], more=OUTSIDE[where])


FAULTS: dict[str, tuple[str, Fault]] = {
    "an address that is none is answered": (
        "registers_do_what_the_map_says", ("snn_axil", "rresp_q <= known ? OKAY : SLVERR", "rresp_q <= OKAY"),
    ),
    "strobes are ignored": ("registers_do_what_the_map_says", ("snn_axil", "&& s_axi_wstrb[1]", "")),
    "hash words the other way round": ("registers_do_what_the_map_says", ("snn_axil", "~from[2:0], 5", "from[2:0], 5")),
    "a cycle too many": ("images_are_answered_and_counted", ("snn_axil", "in_beat && !receiving_q", "!receiving_q")),
    "any write clears an interrupt": (
        "errors_and_interrupts_stay_until_they_are_cleared",
        ("snn_axil", "~(at == IRQ_STATUS ? low[1:0] : 2'b00)", "~(write ? low[1:0] : 2'b00)"),
    ),
    "one error clears both": (
        "errors_and_interrupts_stay_until_they_are_cleared",
        ("snn_axil", "~(at == ERROR ? low : 3'b000)", "~{3{at == ERROR && |low}}"),
    ),
    "a reset is not heard": ("a_reset_drops_what_is_under_way", ("snn_axil", "rst || reset_q", "rst")),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_noticed(tmp_path: Path, name: str) -> None:
    testcase, fault = FAULTS[name]
    drive(tmp_path, dense_chain("count", sizes=(7, 4, 3)), "32", testcase, fault)


def test_the_page_has_the_register_map() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "registers.md").read_text()
    rows = re.findall(r"^\| `(0x\w\w)` \| (\w+) \| (\w+) \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(f"0x{r.offset:02X}", r.name, r.access, r.meaning) for r in REGISTERS]
    bits = re.findall(r"^\| (\w+) \| (\d+) \| (\w+) \| (.+) \|$", page, re.MULTILINE)
    assert bits == [(r.name, str(b.number), b.name, b.meaning) for r in REGISTERS for b in r.bits]


@pytest.mark.parametrize("where", ["rom", *OUTSIDE])
def test_lint_is_clean(tmp_path: Path, where: str) -> None:
    options = {"max_lanes": 2, "axi_lite": True, "prefix": "snn_net", "input_width": "64"} | OUTSIDE.get(where, {})
    most: dict[str, Any] = {"dynamics": "count", "timesteps": 65_535} if where == "external" else {"dynamics": "step"}
    store.write(dense_chain(**most, sizes=(7, 4, 3)), tmp_path / "m", {"verilog": options})
    tool, environment = verilator()
    command = [tool, *["--lint-only", "-Wall", "--top-module", "snn_net_axi", "verilator.vlt", "-f", "snn_net_axi.f"]]
    done = subprocess.run(command, cwd=tmp_path / "m" / "verilog", env=environment, capture_output=True, check=False)
    assert done.returncode == 0 and not done.stderr
    command = ["gcc", *STRICT, "-pedantic", "-fsyntax-only", "-x", "c", "snn_net_axi.h"]
    subprocess.run(command, cwd=tmp_path / "m" / "verilog", check=True)
