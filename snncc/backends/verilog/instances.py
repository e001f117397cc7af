"""The plan as Verilog instances: module, name, parameters, ports. Templates only print them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from snncc.backends.verilog.drafts import stores_images
from snncc.backends.verilog.edges import Edge
from snncc.backends.verilog.leaky import SIGNED
from snncc.backends.verilog.memory import Fields
from snncc.backends.verilog.plan import Node, Plan
from snncc.backends.verilog.ports import PLAIN, RESULT_BITS, Ports, pixel_width
from snncc.ir import INPUT, Array, bits_needed
from snncc.names import file_stems

EMPTY = 2
"""Bit of the meta word."""
ROM_ONLY = (
    "D2W", "WORDS", "EVERY", "LANES_ON_X", "CHANNELWISE", "RING", "ONES", "LANES_PER_CHANNEL", "MAXIMUM", "WDEPTH",
    "KEEPS",
)  # fmt: skip
"""Parameters of an edge with its weights in the design that `snn_edge_tiles` does not have."""
BLOCK, MOST_BLOCKS = 2048, 8
"""Of a deep node: words of a weight ROM that is not cut to blocks, and blocks of one that is."""
HANDSHAKE = ("tvalid", "tready", "tlast")


@dataclass(frozen=True)
class Instance:
    """One module instance. A parameter whose name ends in FILE is a string."""

    module: str
    name: str
    parameters: dict[str, Any]
    ports: dict[str, str]


@dataclass
class Design:
    """Everything that is written: instances, wires (name, width) and memory files (name -> fields)."""

    ports: Ports = PLAIN
    instances: list[Instance] = field(default_factory=list)
    wires: list[tuple[str, int]] = field(default_factory=list)
    assigns: list[tuple[str, str]] = field(default_factory=list)
    memories: dict[str, Fields] = field(default_factory=dict)
    file_parameters: list[tuple[str, str]] = field(default_factory=list)

    def memory(self, owner: str, what: str, fields: Fields) -> str:
        """Register a memory file; the name of the top-level parameter that holds its path."""
        name = f"{owner}_{what}"
        stems = [Path(known).stem for known in self.memories]
        file = f"{file_stems([*stems, self.ports.memory(name)])[self.ports.memory(name)]}.mem"
        self.memories[file] = fields
        self.file_parameters.append((f"{name}_FILE", file))
        return f"{name}_FILE"


def width(count: int) -> int:
    """Bits that number `count` things, at least one."""
    return max(1, (count - 1).bit_length())


def unsigned_width(values: Array) -> int:
    return max(1, int(np.max(values)).bit_length())


def signed_width(values: Array) -> int:
    return bits_needed((int(np.min(values)), int(np.max(values))))


def design(plan: Plan) -> Design:
    """Instances of the whole network, sources before readers."""
    out = Design(plan.ports)
    if plan.streamed:
        _weights(out, plan)
    _source_wires(out, "input", plan.input_layout.lanes * plan.input_cw, plan)
    _encoder(out, plan)
    for node in plan.nodes:
        _source_wires(out, node.name, node.layout.lanes * node.cw, plan)
        for edge in node.edges:
            _edge(out, plan, node, edge)
        _layer(out, plan, node)
    _readout(out, plan)
    for name in (INPUT, *(node.name for node in plan.nodes[:-1])):
        readers = [plan.nodes[i].edges[j].name for i, j in plan.readers[name]]
        out.assigns.append((f"{name}_ready", " && ".join(f"{reader}_ready" for reader in readers)))
    return out


def _source_wires(out: Design, name: str, bits: int, plan: Plan) -> None:
    out.wires += [
        (f"{name}_ready", 1),
        (f"{name}_en", 1),
        (f"{name}_data", bits),
        (f"{name}_commit", 1),
        (f"{name}_meta", plan.mw),
    ]


def _output_ports(name: str) -> dict[str, str]:
    return {f"o_{what}": f"{name}_{what}" for what in ("ready", "en", "data", "commit", "meta")}


def _encoder(out: Design, plan: Plan) -> None:
    source, layout = plan.network.input, plan.input_layout
    pixels = int(np.prod(source.shape))
    out.wires += [
        ("pixel_allow", 1),
        ("pixel_valid", 1),
        ("pixel_data", source.bits),
        ("pixel_timesteps", plan.tw),
        ("pixel_end", 1),
    ]
    shared = {
        "p_valid": "pixel_valid",
        "p_data": "pixel_data",
        "p_timesteps": "pixel_timesteps",
        "p_end": "pixel_end",
    }
    clocks = {"clk": "clk", "rst": "rst"}
    stream, ends = "s_axis", {}
    if plan.streamed and plan.ports.weights.where == "load":
        ends = {"s_axis_tvalid": "s_axis_tvalid && weights_loaded", "s_axis_tready": "pixels_ready"}
    if plan.ports.input_width:
        stream = "pixel"
        out.wires += [("pixel_tdata", pixel_width(plan.network)), *((f"pixel_{p}", 1) for p in HANDSHAKE)]
        ends = {f"s_axis_{p}": f"s_axis_{p}" for p in ("tdata", "tkeep", *HANDSHAKE)} | ends
        ends |= {f"m_axis_{p}": f"pixel_{p}" for p in ("tdata", *HANDSHAKE)}
        widths = {"DW": plan.ports.input_width, "PW": pixel_width(plan.network)}
        out.instances.append(Instance("snn_axis_split", "u_split", widths, {"clk": "clk", "rst": "rst"} | ends))
    axis = {f"s_axis_{p}": f"{stream}_{p}" for p in ("tdata", *HANDSHAKE)} | (ends if stream == "s_axis" else {})
    control = {"timesteps": "timesteps", "error_clear": "error_clear"}
    control["error"] = "pixels_error" if plan.streamed else "error"
    if source.coding.sequences:
        out.wires += [("pixel_last", 1), ("pixel_keep", 1)]
        shared |= {"p_last": "pixel_last", "p_keep": "pixel_keep"}
        control["keep"] = "keep" if plan.keeps else "1'b0"
    out.instances.append(
        Instance(
            "snn_frames" if source.coding.sequences else "snn_pixels",
            "u_pixels",
            {
                "PIXELS": pixels,
                "NW": width(pixels),
                "PB": source.bits,
                "DW": pixel_width(plan.network),
                "TW": plan.tw,
                "T_MAX": plan.network.timesteps,
            },
            clocks | axis | control | {"allow": "pixel_allow"} | shared,
        )
    )
    common = {
        "LANES": layout.lanes,
        "PB": source.bits,
        "TW": plan.tw,
        "MW": plan.mw,
        "EXT": plan.network.window.extra,
        "LAST_LANES": layout.d2 - (layout.blocks - 1) * layout.lanes,
    }
    ports = clocks | {"allow": "pixel_allow"} | shared | _output_ports("input")
    deep = {"DEEP": 1} if plan.deep_input else {}
    if stores_images(plan.network):
        stored = {"WORDS": layout.words, "SAW": width(layout.words)}
        out.instances.append(Instance("snn_encoder_step", "u_encoder", common | stored | deep, ports))
        return
    if source.coding.sequences:
        out.instances.append(Instance("snn_encoder_frames", "u_encoder", common, ports))
        return
    direct = {
        "SIGNED": int(source.signed),
        "RATE": int(source.coding.spiking),
        "BY_T": int(plan.count),
        "FOLDS": folds(source.bits, source.levels * plan.network.timesteps),
        "CW": plan.input_cw,
        "BAND_PIXELS": pixels // layout.bands if layout.bands > 1 else 0,
    }
    out.instances.append(Instance("snn_encoder_direct", "u_encoder", common | direct | deep, ports))


def folds(bits: int, largest: int) -> int:
    """How often x -> (x >> bits) + (x & L) until x < 2L for every x up to `largest`."""
    levels, rounds = 2**bits - 1, 0
    while largest >= 2 * levels:
        largest, rounds = (largest >> bits) + levels, rounds + 1
    return rounds


def input_width(plan: Plan) -> int:
    """Width of an input beat."""
    return plan.ports.input_width or pixel_width(plan.network)


def output_width(plan: Plan) -> int:
    """The result beat's width: whole words that hold a value and the class."""
    last = plan.nodes[-1]
    return RESULT_BITS * -(-max(last.uw, width(int(np.prod(last.shape)))) // RESULT_BITS)


def packed(values: list[int]) -> str:
    """A parameter of one 32-bit number for each edge, the first one lowest."""
    return "{" + ", ".join(f"32'd{n}" for n in reversed(values)) + "}"


def _weights(out: Design, plan: Plan) -> None:
    """What brings weights from outside, and its wires to the edges."""
    weights, edges = plan.ports.weights, len(plan.streamed)
    out.wires += [("weights_en", edges), ("weights_data", weights.bus), ("weights_error", 1), ("pixels_error", 2)]
    out.assigns.append(("error", "{weights_error, pixels_error}"))
    parameters: dict[str, Any] = {"EDGES": edges, "DW": weights.bus, "BEATS": packed(plan.stream_beats)}
    ports = {"clk": "clk", "rst": "rst", "error_clear": "error_clear", "error": "weights_error"}
    ports |= {"en": "weights_en", "data": "weights_data"}
    if weights.where == "load":
        out.wires += [("weights_restart", 1), ("pixels_ready", 1)]
        out.assigns.append(("s_axis_tready", "pixels_ready && weights_loaded"))
        stream = {f"s_axis_{p}": f"s_axis_weights_{p}" for p in ("tdata", *HANDSHAKE)}
        ports |= stream | {"loaded": "weights_loaded", "restart": "weights_restart"}
        out.instances.append(Instance("snn_load", "u_load", parameters, ports))
        return
    out.wires += [("weights_room", edges), ("weights_asked", edges), ("weights_beats", 7)]
    ports |= {"bus_rst": "bus_rst", "enable": "weights_enable", "base": "weights_base", "room": "weights_room"}
    ports |= {"asked": "weights_asked", "asked_beats": "weights_beats"}
    ports |= {f"m_axi_{signal}": f"m_axi_{signal}" for _, signal, _ in read_bus(weights.bus)}
    out.instances.append(Instance("snn_reader", "u_reader", parameters | {"BURST": weights.burst}, ports))


def read_bus(bits: int) -> list[tuple[str, str, int]]:
    """The signals of the AXI4 read master, (direction, name, bits)."""
    return [
        ("output", "arid", 1), ("output", "araddr", 64), ("output", "arlen", 8), ("output", "arsize", 3),
        ("output", "arburst", 2), ("output", "arcache", 4), ("output", "arprot", 3), ("output", "arvalid", 1),
        ("input", "arready", 1), ("input", "rid", 1), ("input", "rdata", bits), ("input", "rresp", 2),
        ("input", "rlast", 1), ("input", "rvalid", 1),
        ("output", "rready", 1),
    ]  # fmt: skip


def _edge(out: Design, plan: Plan, node: Node, edge: Edge) -> None:
    d0, d1, blocks = edge.scan
    lanes, layout = edge.layout.lanes, edge.layout
    d2w = width(blocks * edge.word_events)
    waw = 1 if edge.rom is None else width(len(edge.rom) if edge.tiles is None else edge.tiles.words * edge.tiles.slots)
    if edge.channelwise:
        waw = max(waw, width(node.groups))
    vaw = width(node.words)
    parameters: dict[str, Any] = {
        "SRC_LANES": lanes, "CW": edge.cw, "D0": d0, "D1": d1, "BLOCKS": blocks,
        "D0W": width(d0), "D1W": width(d1), "D2W": d2w,
        "BANDS": layout.bands, "WORDS": layout.band_words, "BANKS": edge.banks,
        "AW": width(edge.banks * layout.band_words), "MW": plan.mw,
        "EVERY": int(edge.every), "HAS_MAP": int(edge.has_map), "LANES_ON_X": int(layout.on_x and not edge.flat),
        "CHANNELWISE": int(edge.channelwise), "GROUPS": edge.groups, "WAW": waw, "VAW": vaw,
        "WSTRIDE": edge.wstride % 2**waw,
        "WSTEP_Y": edge.wsteps[0] % 2**waw, "WSTEP_X": edge.wsteps[1] % 2**waw,
        "VSTEP_Y": edge.vsteps[0] % 2**vaw, "VSTEP_X": edge.vsteps[1] % 2**vaw,
        "RING": node.words if node.schedule.ring < node.bands and edge.most_rows > 1 else 0,
        "LANES": edge.lanes, "WB": edge.weight_bits, "VALUES": int(edge.values),
        "VALUE_SIGNED": int(edge.signed or edge.sums),
        "ONES": int(edge.rom is None), "LANES_PER_CHANNEL": edge.lanes_per_channel,
        "MAXIMUM": int(node.maximum > 0), "SHIFT": edge.shift - node.scale, "VW": node.vw,
    }  # fmt: skip
    if node.slots > 1:
        parameters |= {"TAPS": edge.taps, "SLOTS": node.slots}
    if edge.deep:
        parameters["DEEP"] = 1
    if edge.pack > 1:
        parameters["PACK"] = edge.pack
    if edge.tally:
        parameters["TALLY"] = edge.tally
    if edge.sums:
        parameters |= {"SUMS": 1, "SUMS_SIGNED": int(edge.signed)}
    if edge.late:
        parameters["LATE"] = 1
    if plan.keeps:
        parameters["KEEPS"] = 1
    if edge.place is not None:
        tables = (edge.y_table, edge.x_table, edge.place[:, 2])
        widths = [1 if t is None else width(len(t)) for t in tables[:2]] + [unsigned_width(edge.place[:, 2])]
        fields = [(edge.place[:, i : i + 1], widths[i]) for i in (2, 1, 0)]
        parameters |= {"PLACES": len(edge.place), "PLACE_CW": widths[2]}
        parameters["PLACE_FILE"] = out.memory(edge.name, "place", fields)
    if edge.y_table is not None and edge.x_table is not None:
        nw = unsigned_width(np.maximum(edge.y_table[:, 0].max(), edge.x_table[:, 0].max()))
        parameters["NW"] = max(2, nw)
        for axis, table in (("Y", edge.y_table), ("X", edge.x_table)):
            at = table[:, 2:3] % (node.words if axis == "Y" else 2**vaw)
            fields = [(at, vaw), (table[:, 1:2] % 2**waw, waw), (table[:, 0:1], max(2, nw))]
            if axis == "X" and edge.taps > 1:
                fields += [(table[:, i : i + 1], edge.taps) for i in (3, 4)]
            parameters[f"{axis}_DEPTH"], parameters[f"{axis}W"] = len(table), width(len(table))
            parameters[f"{axis}_FILE"] = out.memory(edge.name, axis.lower(), fields)
    else:
        parameters["NW"] = 2
    if edge.c_table is not None:
        bw = width(
            edge.lanes // (edge.lanes_per_channel * edge.pack)
        )  # every lane's block, also those that no channel of this source has
        table = np.zeros((max(len(edge.c_table), 1), 2), np.int64)
        table[:] = edge.c_table
        parameters |= {"BW": bw, "C_DEPTH": len(table)}
        parameters["C_FILE"] = out.memory(edge.name, "c", [(table[:, 1:2], bw), (table[:, 0:1], vaw)])
    weights, name = plan.ports.weights, edge.name
    number = next((i for i, streamed in enumerate(plan.streamed) if streamed.name == name), None)
    if edge.rom is not None:
        parameters |= {"WDEPTH": len(edge.rom)}
        if number is None:
            rom, rom_blocks = blocked(edge.rom) if edge.deep else (edge.rom, 1)
            if rom_blocks > 1:
                parameters["W_BLOCKS"] = rom_blocks
            parameters["W_FILE"] = out.memory(edge.name, "weights", [(rom, edge.weight_bits)])
        else:
            parameters |= {"BEATS": weights.beats(edge.word_bits), "DW": weights.bus}
    out.wires += [
        (f"{name}_ready", 1), (f"{name}_turn", 1), (f"{name}_done", 1), (f"{name}_meta", plan.mw),
        (f"{name}_valid", 1), (f"{name}_vaddr", vaw), (f"{name}_mask", node.slots),
        (f"{name}_data", node.slots * edge.lanes * node.vw),
    ]  # fmt: skip
    ports = {"clk": "clk", "rst": "rst", "w_ready": f"{name}_ready"}
    ports |= {f"w_{p}": f"{edge.source}_{p}" for p in ("en", "data", "commit", "meta")}
    if edge.beat:
        ports |= {"w_en": "1'b0", "w_data": "1'b0", "w_meta": f"{edge.source}_meta | {plan.mw}'d{2**EMPTY}"}
    ports |= {p: f"{name}_{p}" for p in ("turn", "done", "meta")}
    ports |= {f"o_{p}": f"{name}_{p}" for p in ("valid", "vaddr", "mask", "data")}
    if number is None:
        ports |= {"t_restart": "1'b0", "t_en": "1'b0", "t_data": "1'b0"}
    else:
        ports |= {"t_en": f"weights_en[{number}]", "t_data": "weights_data"}
    if edge.tiles is not None:
        ports |= {
            "t_room": f"weights_room[{number}]",
            "t_asked": f"weights_asked[{number}]",
            "t_beats": "weights_beats",
        }
        parameters = {key: value for key, value in parameters.items() if key not in ROM_ONLY}
        parameters |= {"BANDS": edge.gather, "AW": width(edge.banks * layout.words), "PART": edge.tiles.part}
        parameters |= {"TILE": edge.tiles.words, "SLOTS": edge.tiles.slots, "BURST": weights.burst}
        out.instances.append(Instance("snn_edge_tiles", f"u_{name}", parameters, ports))
        return
    if number is not None:
        ports["t_restart"] = "weights_restart"
    out.instances.append(Instance("snn_edge", f"u_{name}", parameters, ports))


def blocked(rom: Array) -> tuple[Array, int]:
    """A deep ROM (words, n) in blocks beside each other, (2^k, blocks * n), and how many: few, in little room."""
    if len(rom) <= BLOCK:
        return rom, 1
    depths = [deep for deep in (2**k for k in range(1, 30)) if -(-len(rom) // deep) <= MOST_BLOCKS and deep < len(rom)]
    deep = min(depths, key=lambda deep: (-(-len(rom) // deep) * deep, -deep))
    blocks = -(-len(rom) // deep)
    padded = np.pad(rom, ((0, blocks * deep - len(rom)), (0, 0)))
    return padded.reshape(blocks, deep, -1).swapaxes(0, 1).reshape(deep, -1), blocks


def _layer(out: Design, plan: Plan, node: Node) -> None:
    held = node.parameters
    v0w, biasw, thw = signed_width(held.v0), signed_width(held.bias), unsigned_width(held.theta)
    fields = [(held.v0, v0w), (held.bias, biasw), (held.theta, thw)]
    widths = {name: (signed_width if name in SIGNED else unsigned_width)(v) for name, v in held.further.items()}
    fields += [(values, widths[name]) for name, values in held.further.items()]
    parameters: dict[str, Any] = {
        "EDGES": len(node.edges), "LANES": node.lanes, "VW": node.vw, "UW": node.uw, "SCALE": node.scale,
        "VAW": width(node.words), "WORDS": node.words,
        "COUNT": int(plan.count), "FIRES": int(node.fires), "READOUT": int(node.readout),
        "MAXIMUM": node.maximum, "BYPASS": int(any(e.groups == 1 for e in node.edges)),
        "HAS_DRIVE": int(node.has_drive),
        "DRIVE_EDGES": sum(2**i for i, edge in enumerate(node.edges) if edge.drive),
        "FIRE_LANES": node.fire_lanes, "OUT_CW": node.cw, "TW": plan.tw,
        "MW": plan.mw, "THW": thw, "BIASW": biasw, "V0W": v0w,
        "P_DEPTH": held.depth, "PAW": width(held.depth), "P_FILE": out.memory(node.name, "parameters", fields),
        "STAGES": node.stages, "PERIOD": node.period, "CLIP_EXT": node.clip_ext,
    }  # fmt: skip
    if node.relays:
        parameters["RELAYS"] = 1
    if node.deep:
        parameters["DEEP"] = 1
    if node.columns > 1:
        parameters |= {"COLUMNS": node.columns, "SLOTS": node.slots, "GROUPS": node.groups}
    if node.parts > 1:
        parameters["PARTS"] = node.parts
    if node.leaky is not None:
        parameters |= node.leaky.parameters() | widths
    if plan.keeps and (node.leaky is not None or not node.readout):
        parameters["KEEPS"] = 1
    if not node.schedule.plain:
        turnw = unsigned_width(node.turns)
        parameters |= {"BANDS": node.bands, "RING": node.schedule.ring, "TURNW": turnw}
        parameters["TURNS_FILE"] = out.memory(node.name, "turns", [(node.turns, turnw)])
    edges = [edge.name for edge in node.edges]

    def joined(what: str) -> str:
        return "{" + ", ".join(f"{name}_{what}" for name in reversed(edges)) + "}"

    ports = {
        "clk": "clk", "rst": "rst", "e_turn": joined("turn"), "e_done": joined("done"), "e_meta": f"{edges[0]}_meta",
        "e_valid": joined("valid"), "e_vaddr": joined("vaddr"), "e_mask": joined("mask"), "e_data": joined("data"),
    }  # fmt: skip
    out.instances.append(Instance("snn_layer", f"u_{node.name}", parameters, ports | _output_ports(node.name)))


def _readout(out: Design, plan: Plan) -> None:
    last = plan.nodes[-1]
    values = int(np.prod(last.shape))
    blocks = last.layout.blocks
    filled = -(-last.shape[-1] // last.fire_lanes)
    parameters = {
        "LANES": last.fire_lanes, "VW": last.cw, "WORDS": last.layout.words, "SAW": width(last.layout.words),
        "GROUPS": blocks, "LAST_LANES": last.shape[-1] - (filled - 1) * last.fire_lanes, "DW": output_width(plan),
        "CLASSW": width(values), "SINGLE": int(values == 1),
    }  # fmt: skip
    name = last.name
    ports = {"clk": "clk", "rst": "rst", "w_ready": f"{name}_ready"}
    ports |= {f"w_{p}": f"{name}_{p}" for p in ("en", "data", "commit")}
    ports |= {f"m_axis_{p}": f"m_axis_{p}" for p in ("tdata", "tvalid", "tready", "tlast")}
    out.instances.append(Instance("snn_readout", "u_readout", parameters, ports))
