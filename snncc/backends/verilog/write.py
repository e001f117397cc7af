"""Writes a planned design: top, modules, memory files, bench, golden vectors, file list."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snncc.backends.verilog import cycles, memory, vectors
from snncc.backends.verilog.instances import Design, design, input_width, output_width
from snncc.backends.verilog.plan import Plan
from snncc.backends.verilog.ports import Ports, pixel_width
from snncc.ir import INPUT, content_hash, describe_bytes, pixel_range
from snncc.resources import resource, templates

MODULES = {
    "snn_edge": ("snn_edge", "snn_bank", "snn_ram", "snn_rom", "snn_words", "snn_scan", "snn_walk", "snn_lanes"),
    "snn_layer": ("snn_layer", "snn_ram", "snn_rom", "snn_words"),
    "snn_axis_split": ("snn_axis_split",),
    "snn_pixels": ("snn_pixels",),
    "snn_frames": ("snn_frames",),
    "snn_encoder_step": ("snn_encoder_step", "snn_ram"),
    "snn_encoder_direct": ("snn_encoder_direct",),
    "snn_encoder_frames": ("snn_encoder_frames",),
    "snn_readout": ("snn_readout", "snn_ram"),
}


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
    return sorted(used)


def streams(plan: Plan) -> dict[str, Any]:
    """Widths of the streams for the templates; `wide` and `keep` are 0 where a beat is a pixel without tkeep."""
    wide, bits = plan.ports.input_width, pixel_width(plan.network)
    return {
        "input_width": input_width(plan), "output_width": output_width(plan), "wide": wide, "keep": wide // 8,
        "slots": input_width(plan) // bits, "pixel_bits": bits, "keeps": plan.keeps,
    }  # fmt: skip


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
    bench_source(folder, plan, golden.timesteps, depths)


def bench_source(folder: Path, plan: Plan, timesteps: Sequence[int], depths: dict[str, int]) -> None:
    """snn_bench.v and its monitor; `timesteps`: of each image, `depths`: golden words of each node."""
    copy(folder, plan.ports, "snn_monitor.v", "tb")
    widths = {node.name: node.fire_lanes * node.cw for node in plan.nodes}
    widths[INPUT] = plan.input_layout.lanes * plan.input_cw
    monitors = [
        {"name": name, "file": plan.stems[name], "width": bits, "depth": depths[name]} for name, bits in widths.items()
    ]
    pixels, bits = int(np.prod(plan.network.input.shape)), pixel_width(plan.network)
    slots = input_width(plan) // bits
    render(
        folder, plan.ports, "snn_bench.v.j2", name=plan.network.name, images=len(timesteps),
        memory=plan.ports.memory("golden"), frames=sum(timesteps) if plan.network.input.coding.sequences else 0,
        sent=-(-pixels // slots), early=min(slots, pixels) - 1, absent=-pixels % slots * bits // 8,
        beats=plan.network.output.neurons + 1, limit=20 * cycles.worst(plan, 1).latency[0] + 20_000,
        monitors=monitors, **streams(plan),
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


def projects(folder: Path, plan: Plan, built: Design) -> None:
    """Constraints, project scripts for Vivado and Quartus, the wrapper `snn_pins`, lint waivers, and the README."""
    copy(folder, plan.ports, "verilator.vlt", "")
    names = [name for name in ("snn_top", *modules(plan, built)) if name != "snn_words"]
    last = plan.nodes[-1]
    common = {
        "name": plan.network.name, "sources": names, "memories": sorted(built.memories), "plan": plan,
        "values": plan.network.output.neurons, "value_bits": last.uw, "pixels": int(np.prod(plan.network.input.shape)),
        "hash": content_hash(plan.network), "raw_lines": _raw_lines(plan),
        "golden": plan.ports.memory("golden"), **streams(plan),
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
