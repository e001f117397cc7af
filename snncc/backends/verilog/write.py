"""Writes a planned design: top, modules, memory files, bench, golden vectors, file list."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snncc.backends.verilog import cycles, memory, vectors
from snncc.backends.verilog.instances import Design, design, input_width, output_width, read_bus
from snncc.backends.verilog.plan import Plan
from snncc.backends.verilog.ports import Ports, pixel_width
from snncc.backends.verilog.tiles import PAGE
from snncc.ir import INPUT, content_hash, describe_bytes, pixel_range
from snncc.resources import resource, templates

MODULES = {
    "snn_edge": ("snn_edge", "snn_bank", "snn_ram", "snn_rom", "snn_words", "snn_scan", "snn_walk", "snn_lanes"),
    "snn_edge_tiles": (
        "snn_edge_tiles", "snn_bank", "snn_ram", "snn_rom", "snn_words", "snn_scan", "snn_walk", "snn_lanes",
        "snn_tiles", "snn_fill",
    ),
    "snn_reader": ("snn_reader", "snn_deal"),
    "snn_load": ("snn_load", "snn_deal", "snn_fill"),
    "snn_layer": ("snn_layer", "snn_column", "snn_ram", "snn_rom", "snn_words"),
    "snn_axis_split": ("snn_axis_split",),
    "snn_pixels": ("snn_pixels",),
    "snn_frames": ("snn_frames",),
    "snn_encoder_step": ("snn_encoder_step", "snn_ram"),
    "snn_encoder_direct": ("snn_encoder_direct",),
    "snn_encoder_frames": ("snn_encoder_frames",),
    "snn_readout": ("snn_readout", "snn_ram"),
}  # fmt: skip


def render(folder: Path, ports: Ports, template: str, target: str = "", /, **values: Any) -> None:
    """A file of a template, by default of the same name, with the design's own names."""
    text = templates("verilog").get_template(template).render(values)
    put(folder, ports, target or template.removesuffix(".j2"), text)


def put(folder: Path, ports: Ports, name: str, text: str) -> None:
    """A file with the design's own names."""
    (folder / ports.renamed(name)).write_text(ports.renamed(text))


def copy(folder: Path, ports: Ports, name: str, source: str = "rtl") -> None:
    """A hand-written file of `hw_sim`."""
    path = resource("hw_sim") / source / name
    if ports.prefix:
        put(folder, ports, name, path.read_text())
    else:
        shutil.copyfile(path, folder / name)


def modules(plan: Plan, built: Design) -> list[str]:
    """The hand-written modules that a design uses, without the firing pass or the table it does not."""
    used = {module for instance in built.instances for module in MODULES[instance.module]}
    used |= {"snn_fire_count"} if plan.count else set()
    if not plan.count:
        used |= {"snn_fire_step" if node.leaky is None else "snn_fire_leaky" for node in plan.nodes}
    if "snn_fire_leaky" in used:
        used.add("snn_share")
    if plan.count and any(node.fires for node in plan.nodes):
        used.add("snn_divide")
    if any(edge.place is not None for node in plan.nodes for edge in node.edges):
        used.add("snn_place")
    if any(edge.tally for node in plan.nodes for edge in node.edges):
        used.add("snn_tally")
    if any(node.deep for node in plan.nodes):
        used.add("snn_skid")
    if any(node.parts > 1 for node in plan.nodes):
        used.add("snn_gather")
    return sorted(used)


def streams(plan: Plan) -> dict[str, Any]:
    """Widths of the streams for the templates; `wide` and `keep` are 0 where a beat is a pixel without tkeep."""
    wide, bits = plan.ports.input_width, pixel_width(plan.network)
    return {
        "input_width": input_width(plan), "output_width": output_width(plan), "wide": wide, "keep": wide // 8,
        "slots": input_width(plan) // bits, "pixel_bits": bits, "keeps": plan.keeps,
        "weights": plan.ports.weights if plan.streamed else None,
        "read_bus": read_bus(plan.ports.weights.bus),
    }  # fmt: skip


def weight_file(plan: Plan) -> str:
    """The name of the file of weights that come from outside."""
    return plan.ports.memory("weights.bin")


def places(plan: Plan) -> list[int]:
    """Where in that file the weights of each edge begin, in bytes; and the length of the file."""
    ports, found = plan.ports.weights, [0]
    for beats in plan.stream_beats:
        end = found[-1] + beats * ports.bus // 8
        found.append(end + (-end % PAGE if ports.where == "external" else 0))
    return found


def weights(plan: Plan) -> bytes:
    """That file: the weight words of one edge after the other, in whole beats; external ones begin with a page."""
    found = bytearray()
    for edge, end in zip(plan.streamed, places(plan)[1:], strict=True):
        for block in memory.beats([(edge.weights, edge.weight_bits)], plan.ports.weights.bus):
            found += block
        found += bytes(end - len(found))
    return bytes(found)


def weight_memory(folder: Path, plan: Plan, held: bytes) -> None:
    """The same as a memory of the bench, a beat a word."""
    if held:
        beats = np.frombuffer(held, np.uint8).reshape(-1, plan.ports.weights.bus // 8)[:, ::-1]
        text = beats.tobytes().hex("\n", beats.shape[1])
        (folder / vectors.golden_file(plan, "weights")).write_text(f"{text}\n")


def sources(folder: Path, plan: Plan, form: str = "mem") -> Design:
    """snn_top.v, the modules and every memory file."""
    built = design(plan)
    names = modules(plan, built)
    for name in names:
        copy(folder, plan.ports, f"{name}.v")
    render(
        folder, plan.ports, "snn_top.v.j2", name=plan.network.name, version=plan.network.tool_version,
        hash=content_hash(plan.network), dynamics=plan.network.dynamics, files=built.file_parameters, wires=built.wires,
        assigns=built.assigns, instances=built.instances, **streams(plan),
    )  # fmt: skip
    for name, fields in built.memories.items():
        memory.write(folder / name, fields)
        if form != "mem":
            memory.write(folder / name, fields, form)
    if plan.streamed:
        (folder / weight_file(plan)).write_bytes(weights(plan))
    put(folder, plan.ports, "snn_top.f", "".join(f"{name}.v\n" for name in ["snn_top", *names]))
    return built


def byte_table_file(plan: Plan) -> str:
    """The name of the table of raw bytes."""
    return plan.ports.memory("byte_table.mem")


def byte_table(folder: Path, plan: Plan, form: str = "mem") -> None:
    """The pixel of every raw byte, channel after channel, where the network knows it: for whatever feeds the stream."""
    raw = plan.network.input.raw_bytes
    if raw is None:
        return
    fields = [(raw.pixels.reshape(-1, 1), pixel_width(plan.network))]
    for kind in dict.fromkeys(("mem", form)):
        memory.write(folder / byte_table_file(plan), fields, kind)


def bench(folder: Path, plan: Plan, golden: vectors.Vectors) -> None:
    """The self-checking plain-Verilog bench with its golden memories."""
    files = vectors.memories(plan, golden)
    for name, fields in files.items():
        memory.write(folder / name, fields)
    names = (INPUT, *(node.name for node in plan.nodes))
    depths = {name: len(files[vectors.golden_file(plan, plan.stems[name])][0][0]) for name in names}
    if plan.streamed:
        weight_memory(folder, plan, (folder / weight_file(plan)).read_bytes())
    bench_source(folder, plan, golden.timesteps, depths)


def bench_source(folder: Path, plan: Plan, timesteps: Sequence[int], depths: dict[str, int]) -> None:
    """snn_bench.v and its monitor; `timesteps`: of each image, `depths`: golden words of each node."""
    copy(folder, plan.ports, "snn_monitor.v", "tb")
    if plan.ports.weights.where == "external":
        copy(folder, plan.ports, "snn_memory.v", "tb")
    widths = {node.name: node.layout.lanes * node.cw for node in plan.nodes}
    widths[INPUT] = plan.input_layout.lanes * plan.input_cw
    monitors = [
        {"name": name, "file": plan.stems[name], "width": bits, "depth": depths[name]} for name, bits in widths.items()
    ]
    pixels, bits = int(np.prod(plan.network.input.shape)), pixel_width(plan.network)
    slots = input_width(plan) // bits
    render(
        folder, plan.ports, "snn_bench.v.j2", name=plan.network.name, images=len(timesteps),
        memory=plan.ports.memory("golden"), frames=sum(timesteps) if plan.network.input.coding.sequences else 0,
        sent=-(-pixels // slots), absent=-pixels % slots * bits // 8,
        beats=plan.network.output.neurons + 1, limit=20 * cycles.worst(plan, 1).latency[0] + 20_000,
        monitors=monitors, weight_beats=places(plan)[-1] * 8 // plan.ports.weights.bus, **streams(plan),
    )  # fmt: skip


def _raw_lines(plan: Plan) -> str:
    """How a user's data become the pixels of the stream."""
    source = plan.network.input
    gains, offsets = (np.array2string(np.asarray(v), threshold=8, precision=9) for v in (source.gain, source.offset))
    low, high = pixel_range(source)
    formula = (
        f"A pixel is clip(rint((x * gain + offset) * {source.levels} / {source.lambda_0:.9g}), {low}, {high}), half to "
        f"even, of a model input x; gain {gains}, offset {offsets}."
    )
    raw = source.raw_bytes
    if raw is None:
        return f"{formula}\nHow a raw byte becomes a model input is not known, so there is no table of bytes."
    rows = "one table for all channels" if raw.pixels.ndim == 1 else f"{len(raw.pixels)} channels after each other"
    return (
        f"{formula}\nOf a raw byte x is {describe_bytes(raw)}; `{byte_table_file(plan)}` holds the pixel of each of "
        f"the 256 bytes ({rows}), the same as in the C export: look bytes up there on their way to `s_axis`."
    )


def _more_pins(plan: Plan) -> dict[str, Any]:
    """The ports of snn_top that weights from outside and sequences bring, behind the others in `snn_pins`'s registers.

    `inputs`, `outputs`: (port, lowest bit, bits); `in_bits`, `out_bits`: of both registers; `weights_error`: its bit.
    """
    bus: list[tuple[str, str, int]] = []
    if plan.streamed and plan.ports.weights.where == "load":
        bus = [("input", "s_axis_weights_tdata", plan.ports.weights.bus), ("input", "s_axis_weights_tvalid", 1)]
        bus += [("input", "s_axis_weights_tlast", 1), ("output", "s_axis_weights_tready", 1)]
        bus += [("output", "weights_loaded", 1)]
    elif plan.streamed:
        bus = [(way, f"m_axi_{signal}", bits) for way, signal, bits in read_bus(plan.ports.weights.bus)]
        bus += [("input", "bus_rst", 1), ("input", "weights_enable", 1), ("input", "weights_base", 64)]
    bus += [("input", "keep", 1)] if plan.keeps else []
    ends = {"input": 20 + input_width(plan) + plan.ports.input_width // 8, "output": 5 + output_width(plan)}
    found: dict[str, list[tuple[str, int, int]]] = {"input": [], "output": []}
    for way, name, bits in bus:
        found[way].append((name, ends[way], bits))
        ends[way] += bits
    return {
        "inputs": found["input"], "outputs": found["output"], "in_bits": ends["input"],
        "out_bits": ends["output"] + bool(plan.streamed), "weights_error": ends["output"],
    }  # fmt: skip


def projects(folder: Path, plan: Plan, built: Design, clock_mhz: float, form: str = "mem") -> None:
    """Constraints, project scripts for Vivado and Quartus, the wrapper `snn_pins`, lint waivers, and the README."""
    copy(folder, plan.ports, "verilator.vlt", "")
    names = [name for name in ("snn_top", *modules(plan, built)) if name != "snn_words"]
    last, (low, high) = plan.nodes[-1], pixel_range(plan.network.input)
    common = {
        "name": plan.network.name, "sources": names, "memories": sorted(built.memories), "plan": plan,
        "values": plan.network.output.neurons, "value_bits": last.uw, "pixels": int(np.prod(plan.network.input.shape)),
        "hash": content_hash(plan.network), "raw_lines": _raw_lines(plan), "more": _more_pins(plan),
        "weights_file": weight_file(plan), "period": f"{1000 / clock_mhz:.3f}",
        "golden": plan.ports.memory("golden"), "form": form, "low": low, "high": high,
        "frames": plan.network.input.coding.sequences, **streams(plan),
    }  # fmt: skip
    for template, target in (
        ("constraints.xdc.j2", "snn_top.xdc"),
        ("constraints.xdc.j2", "snn_top.sdc"),
        ("alone.xdc.j2", "snn_alone.xdc"),
        ("snn_pins.v.j2", ""),
        ("vivado.tcl.j2", ""),
        ("quartus.tcl.j2", ""),
        ("README.md.j2", ""),
    ):
        render(folder, plan.ports, template, target, **common)
