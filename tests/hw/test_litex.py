"""The LiteX module: LiteX makes Verilog of it, in which an image runs through the network over the module's own bus."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from litex.gen import LiteXModule
from litex.gen.fhdl import verilog
from migen import ClockDomain, Signal

from snncc import store
from snncc.backends.verilog import vectors
from snncc.backends.verilog.emit import load_plan
from snncc.backends.verilog.registers import REGISTERS
from tests.networks import dense_chain

BENCH = """
`timescale 1ns / 1ps
module bench;
    reg clk = 0, rst = 1;
    always #5 clk = ~clk;
    reg [31:0] beats [0:%(sent)d-1];
    integer sent = 0;
    reg awake = 0;
    wire ready, valid, last, aw, w, bvalid, rvalid;
    wire [31:0] data, rdata;
    soc dut (.sys_clk(clk), .sys_rst(rst), .pixels(beats[sent]), .keep(sent == %(sent)d - 1 ? 4'd%(keep)d : 4'd15),
        .pixels_valid(awake && sent < %(sent)d), .pixels_ready(ready), .pixels_last(sent == %(sent)d - 1),
        .result(data), .result_valid(valid), .result_last(last), .write(!rst && !awake), .written(bvalid),
        .read(awake), .word(rdata), .word_valid(rvalid));
    initial $readmemh("beats.mem", beats);
    reg seen = 0;
    always @(posedge clk) begin
        rst <= 0;
        if (bvalid) awake <= 1;
        if (awake && ready && sent < %(sent)d) sent <= sent + 1;
        if (rvalid && !seen) begin
            seen <= 1;
            $display("T %%0d", rdata);
        end
        if (valid) $display("%%0d", $signed(data));
        if (valid && last) $finish;
    end
    initial #100000 $finish;
endmodule
"""


class Platform:
    """Takes note of the sources."""

    def __init__(self) -> None:
        self.sources: list[str] = []

    def add_source(self, path: str) -> None:
        self.sources.append(path)


def soc(folder: Path, platform: Platform, timesteps: int) -> tuple[LiteXModule, set[Signal]]:
    """The module with its streams as ports; its bus writes T and reads it back."""
    spec = importlib.util.spec_from_file_location("litex_network", folder / "snn_litex.py")
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    top = LiteXModule()
    top.cd_sys = ClockDomain("sys")
    top.network = network = module.Network(platform)
    address = next(r.offset for r in REGISTERS if r.name == "TIMESTEPS")
    widths = {
        "pixels": 32, "keep": 4, "pixels_valid": 1, "pixels_ready": 1, "pixels_last": 1, "result": 32,
        "result_valid": 1, "result_last": 1, "write": 1, "written": 1, "read": 1, "word": 32, "word_valid": 1,
    }  # fmt: skip
    io = {name: Signal(bits, name=name) for name, bits in widths.items()}
    bus, sink, source = network.bus, network.sink, network.source
    top.comb += [
        sink.data.eq(io["pixels"]), sink.keep.eq(io["keep"]), sink.valid.eq(io["pixels_valid"]),
        sink.last.eq(io["pixels_last"]), io["pixels_ready"].eq(sink.ready),
        io["result"].eq(source.data), io["result_valid"].eq(source.valid), io["result_last"].eq(source.last),
        source.ready.eq(1), bus.aw.addr.eq(address), bus.aw.valid.eq(io["write"]), bus.w.data.eq(timesteps),
        bus.w.strb.eq(0b1111), bus.w.valid.eq(io["write"]), bus.b.ready.eq(1), io["written"].eq(bus.b.valid),
        bus.ar.addr.eq(address), bus.ar.valid.eq(io["read"]), bus.r.ready.eq(1), io["word"].eq(bus.r.data),
        io["word_valid"].eq(bus.r.valid),
    ]  # fmt: skip
    return top, {*io.values(), top.cd_sys.clk, top.cd_sys.rst}


def test_an_image_runs_through_the_litex_module(tmp_path: Path) -> None:
    network, steps = dense_chain("count", sizes=(7, 4, 3)), 5
    store.write(network, tmp_path / "m", {"verilog": {"max_lanes": 2, "input_width": "32", "axi_lite": True}})
    made = tmp_path / "m" / "verilog"
    platform = Platform()
    top, ios = soc(made, platform, steps)
    (tmp_path / "soc.v").write_text(str(verilog.convert(top, ios, name="soc")))
    pixels = np.random.default_rng(4).integers(0, network.input.levels, (1, 7), endpoint=True)
    plan = load_plan(network, made)
    golden = vectors.make(plan, pixels, [steps])
    beats = np.pad(pixels[0], (0, 1)).astype("<u1").view("<u4")
    (tmp_path / "beats.mem").write_text("".join(f"{beat:08x}\n" for beat in beats))
    (tmp_path / "bench.v").write_text(BENCH % {"sent": len(beats), "keep": 0b0111})
    assert all(Path(path).is_file() for path in platform.sources)
    build = ["iverilog", "-g2005", "-DSYNTHESIS", "-s", "bench", "-o", "bench", "bench.v", "soc.v", *platform.sources]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "port" not in done.stderr, done.stderr
    said = subprocess.run(["vvp", "-n", "bench"], cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    wanted = [f"T {steps}", *map(str, golden.values[0].tolist()), str(int(golden.classes[0]))]
    assert [line for line in said.splitlines() if not line.startswith("WARNING")] == wanted


@pytest.mark.parametrize("where", ["external", "load"])
def test_weights_from_outside_have_a_port(tmp_path: Path, where: str) -> None:
    """`memory` is an AXI4 master, `weights` a stream; what LiteX makes of the module compiles with it."""
    options = {"axi_lite": True, "weights": where} | ({"weights_inside": 0.1} if where == "external" else {})
    store.write(dense_chain("count", sizes=(7, 4, 3)), tmp_path / "m", {"verilog": options})
    platform = Platform()
    spec = importlib.util.spec_from_file_location("litex_network", tmp_path / "m" / "verilog" / "snn_litex.py")
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    top = LiteXModule()
    top.cd_sys = ClockDomain("sys")
    top.network = network = module.Network(platform)
    port = network.memory.ar if where == "external" else network.weights
    out = Signal(name="seen")
    top.comb += out.eq(port.valid if where == "external" else port.ready)
    text = str(verilog.convert(top, {out, top.cd_sys.clk, top.cd_sys.rst}, name="soc"))
    for name in ("m_axi_araddr", "m_axi_rlast") if where == "external" else ("s_axis_weights_tdata",):
        assert f".{name}" in "".join(text.split())
    (tmp_path / "soc.v").write_text(text)
    build = ["iverilog", "-g2005", "-DSYNTHESIS", "-s", "soc", "-o", "soc", "soc.v", *platform.sources]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "port" not in done.stderr, done.stderr
