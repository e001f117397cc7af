"""What a design needs beside a processor: the wrapper `snn_axi` with registers, its drivers, an IP core of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from snncc.backends.verilog import write
from snncc.backends.verilog.instances import Design, input_width, output_width, read_bus
from snncc.backends.verilog.plan import Plan
from snncc.backends.verilog.ports import pixel_width
from snncc.backends.verilog.registers import ADDRESS_BITS, ID, REGISTERS
from snncc.ir import content_hash, pixel_range

TEMPLATES = (
    "snn_axi.v.j2", "snn_axi.h.j2", "snn_axi.py.j2", "snn_litex.py.j2", "component.xml.j2", "zynq.tcl.j2",
)  # fmt: skip
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
        return "aximm" if self.bus.endswith("_axi") else "axis"


def ports(plan: Plan) -> list[Port]:
    """All of the wrapper's signals that belong to a bus."""
    keep = [("input", "tkeep", plan.ports.input_width // 8)] if plan.ports.input_width else []
    streams = [
        ("s_axis", [("input", "tdata", input_width(plan)), *keep], "input", "output"),
        ("m_axis", [("output", "tdata", output_width(plan))], "output", "input"),
    ]
    found = [Port("s_axi", *signal) for signal in LITE]
    weights = plan.ports.weights
    if external(plan):
        found += [Port("m_axi", *signal) for signal in read_bus(weights.bus)]
    elif plan.streamed:
        streams.insert(0, ("s_axis_weights", [("input", "tdata", weights.bus)], "input", "output"))
    for bus, wide, there, back in streams:
        signals = [*wide, (there, "tvalid", 1), (back, "tready", 1), (there, "tlast", 1)]
        found += [Port(bus, *signal) for signal in signals]
    return found


def external(plan: Plan) -> bool:
    """Whether weights are read from memory."""
    return bool(plan.streamed) and plan.ports.weights.where == "external"


@dataclass(frozen=True)
class Bus:
    """A bus of the IP core, in Xilinx's words; its (logical, physical) ports. `memory`: with addresses."""

    name: str
    library: str
    kind: str
    role: str
    ports: tuple[tuple[str, str], ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    memory: bool = False


def buses(signals: Sequence[Port]) -> list[Bus]:
    """All interfaces of the wrapper."""
    found = []
    for name in dict.fromkeys(port.bus for port in signals):
        own = [port for port in signals if port.bus == name]
        mapped = tuple((port.signal.upper(), f"{name}_{port.signal}") for port in own)
        role = "master" if name.startswith("m_") else "slave"
        found.append(Bus(name, "interface", own[0].kind, role, mapped, memory=own[0].kind == "aximm"))
    clock = {"ASSOCIATED_BUSIF": ":".join(bus.name for bus in found), "ASSOCIATED_RESET": "aresetn"}
    return [
        *found,
        Bus("aclk", "signal", "clock", "slave", (("CLK", "aclk"),), clock),
        Bus("aresetn", "signal", "reset", "slave", (("RST", "aresetn"),), {"POLARITY": "ACTIVE_LOW"}),
        Bus("irq", "signal", "interrupt", "master", (("INTERRUPT", "irq"),), {"SENSITIVITY": "LEVEL_HIGH"}),
    ]


def core(signals: Sequence[Port], sources: Sequence[str], memories: Sequence[str]) -> dict[str, Any]:
    """What component.xml says: interfaces, ports and files; snn_words.v is for simulation alone."""
    ends = [("aclk", "in", 0), ("aresetn", "in", 0), ("irq", "out", 0)]
    ends += [(f"{p.bus}_{p.signal}", p.way.removesuffix("put"), p.high) for p in signals]
    synthesised = [name for name in sources if not name.endswith("_words.v")]
    return {
        "synthesised": synthesised,
        "buses": buses(signals),
        "signals": [{"name": name, "direction": direction, "high": high} for name, direction, high in ends],
        "filesets": {
            "xilinx_anylanguagesynthesis": [*synthesised, *memories],
            "xilinx_anylanguagebehavioralsimulation": [*sources, *memories],
        },
    }


def write_wrapper(folder: Path, plan: Plan, built: Design, clock_mhz: float) -> None:
    """snn_axi.v, its registers and list of files; drivers in C and Python; an IP core, a project, a module of LiteX."""
    digest, source, prefix = content_hash(plan.network), plan.network.input, plan.ports.prefix or "snn"
    words = [digest[i : i + 8] for i in range(0, len(digest), 8)]
    low, high = pixel_range(source)
    pixel = ("i" if source.signed else "u") + str(pixel_width(plan.network) // 8)
    values: dict[str, Any] = {
        "name": plan.network.name, "version": plan.network.tool_version, "hash": digest,
        "hash_words": [f"0x{word}u" for word in words], "id": f"0x{ID:08X}", "registers": REGISTERS,
        "ports": ports(plan), "t_max": plan.network.timesteps, "pixels": int(np.prod(source.shape)),
        "values": plan.network.output.neurons, "p": prefix, "P": prefix.upper(),
        "pixel_dtype": f"<{pixel}", "low": low, "high": high, "result_dtype": f"<i{output_width(plan) // 8}",
        "files": built.file_parameters, "address_bits": ADDRESS_BITS, "external": external(plan),
        "loads": bool(plan.streamed) and not external(plan),
        "clock_mhz": clock_mhz,
        "associated": ":".join(dict.fromkeys(port.bus for port in ports(plan))), "frames": source.coding.sequences,
    }  # fmt: skip
    if plan.streamed:
        file = folder / write.weight_file(plan)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        values |= {"weights_file": file.name, "weights_bytes": file.stat().st_size, "weights_hash": digest}
        values["weights_hash_words"] = [f"0x{digest[i : i + 8]}u" for i in range(0, len(digest), 8)]
    listed = (folder / f"{plan.ports.module('top')}.f").read_text()
    write.put(folder, plan.ports, "snn_axi.f", f"snn_axi.v\nsnn_axil.v\n{listed}")
    write.copy(folder, plan.ports, "snn_axil.v")
    sources = (folder / f"{plan.ports.module('axi')}.f").read_text().split()
    values |= write.streams(plan) | core(values["ports"], sources, sorted(built.memories))
    for template in TEMPLATES:
        write.render(folder, plan.ports, template, **values)
