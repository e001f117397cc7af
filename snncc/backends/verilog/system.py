"""What a design needs on a processor's bus: the wrapper `snn_axi` with registers, and drivers in C and Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snncc.backends.verilog import write
from snncc.backends.verilog.instances import input_width, output_width
from snncc.backends.verilog.plan import Plan
from snncc.backends.verilog.ports import pixel_width
from snncc.backends.verilog.registers import ADDRESS_BITS, ID, REGISTERS
from snncc.ir import content_hash

LITE = (
    ("input", "awaddr", ADDRESS_BITS), ("input", "awvalid", 1), ("output", "awready", 1),
    ("input", "wdata", 32), ("input", "wstrb", 4), ("input", "wvalid", 1), ("output", "wready", 1),
    ("output", "bresp", 2), ("output", "bvalid", 1), ("input", "bready", 1),
    ("input", "araddr", ADDRESS_BITS), ("input", "arvalid", 1), ("output", "arready", 1),
    ("output", "rdata", 32), ("output", "rresp", 2), ("output", "rvalid", 1), ("input", "rready", 1),
)  # fmt: skip


@dataclass(frozen=True)
class Port:
    """A signal of a bus of the wrapper; `high`: the index of its highest bit."""

    bus: str
    way: str
    signal: str
    bits: int

    @property
    def high(self) -> int:
        return self.bits - 1

    @property
    def kind(self) -> str:
        """The bus's type in Xilinx's catalogue."""
        return "aximm" if self.bus == "s_axi" else "axis"


def ports(plan: Plan) -> list[Port]:
    """All of the wrapper's signals that belong to a bus."""
    keep = [("input", "tkeep", plan.ports.input_width // 8)] if plan.ports.input_width else []
    streams = (
        ("s_axis", [("input", "tdata", input_width(plan)), *keep], "input", "output"),
        ("m_axis", [("output", "tdata", output_width(plan))], "output", "input"),
    )
    found = [Port("s_axi", *signal) for signal in LITE]
    for bus, wide, there, back in streams:
        signals = [*wide, (there, "tvalid", 1), (back, "tready", 1), (there, "tlast", 1)]
        found += [Port(bus, *signal) for signal in signals]
    return found


def write_wrapper(folder: Path, plan: Plan) -> None:
    """snn_axi.v and its register block, their list of files, and the drivers snn_axi.h and snn_axi.py."""
    digest, source, prefix = content_hash(plan.network), plan.network.input, plan.ports.prefix or "snn"
    words = [digest[i : i + 8] for i in range(0, len(digest), 8)]
    pixel = ("i" if source.signed else "u") + str(pixel_width(plan.network) // 8)
    values: dict[str, Any] = {
        "name": plan.network.name, "version": plan.network.tool_version, "hash": digest,
        "hash_words": [f"0x{word}u" for word in words], "id": f"0x{ID:08X}", "registers": REGISTERS,
        "ports": ports(plan), "t_max": plan.network.timesteps, "pixels": int(np.prod(source.shape)),
        "values": plan.network.output.neurons, "p": prefix, "P": prefix.upper(),
        "pixel_dtype": f"<{pixel}", "result_dtype": f"<i{output_width(plan) // 8}",
    }  # fmt: skip
    for template in ("snn_axi.v.j2", "snn_axi.h.j2", "snn_axi.py.j2"):
        write.render(folder, plan.ports, template, **values)
    write.copy(folder, plan.ports, "snn_axil.v")
    listed = (folder / f"{plan.ports.module('top')}.f").read_text()
    write.put(folder, plan.ports, "snn_axi.f", "snn_axi.v\nsnn_axil.v\n" + listed)
