"""The layer engine's modules alone under cocotb and Icarus against plain Python; each notices a fault."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snncc import ir
from snncc.backends.verilog import memory
from snncc.backends.verilog.instances import design
from snncc.backends.verilog.leaves import as_map
from snncc.backends.verilog.plan import Plan
from snncc.backends.verilog.window import Axis, accesses
from tests.hw.cocotb_bench import Fault, bench, bits
from tests.hw.simulate import plan_with
from tests.networks import network, population, weights

WALK = (
    "HAS_MAP", "LANES_ON_X", "CHANNELWISE", "GROUPS", "WAW", "VAW", "NW", "BW", "D0W", "D1W", "D2W", "WSTRIDE",
    "WSTEP_Y", "WSTEP_X", "VSTEP_Y", "VSTEP_X", "RING", "TAPS", "Y_DEPTH", "X_DEPTH", "C_DEPTH", "YW", "XW", "Y_FILE",
    "X_FILE", "C_FILE",
)  # fmt: skip
TAG = 12
"""Bits of an event's number, which travels as its value."""


def projection(kind: str, shape: tuple[int, ...], out: int, geometry: dict[str, Any]) -> ir.Projection:
    kernel = geometry.pop("kernel", (1, 1))
    common = {"name": "p", "source": ir.Source("input"), **geometry}
    match kind:
        case "conv2d":
            return ir.Conv2D(weights=weights(1, *kernel, shape[2], out), **common)
        case "depthwise_conv2d":
            return ir.DepthwiseConv2D(weights=weights(1, *kernel, shape[2], out), **common)
        case "sum_pool2d":
            return ir.SumPool2D(size=kernel, strides=geometry["strides"], name="p", source=ir.Source("input"))
        case "dense":
            view = ir.Reshape(ir.Source("input"), (int(np.prod(shape)),))
            return ir.Dense(name="p", source=view, weights=weights(1, int(np.prod(shape)), out))
        case _:
            return ir.Identity(weights=weights(1, shape[-1]), **common)


def walked(plan: Plan, kind: str, used: ir.Projection) -> dict[str, list[Any]]:
    """Every element as an event, and all that it reaches, tap by tap, by the addresses of docs/design/hardware.md."""
    node = plan.nodes[0]
    (edge,) = node.edges
    grid, height, width, _ = edge.layout, *as_map(node.shape)
    flat = grid.elements()
    events, targets = [], []
    channelwise = kind not in ("conv2d", "dense")
    for word in range(grid.words):
        for lane in range(grid.lanes):
            number = int(flat[word * grid.lanes + lane])
            if number < 0 or lane % edge.pack:
                continue
            sy, sx, c = (int(v) for v in np.unravel_index(number, as_map(grid.shape)))
            if kind == "dense":
                events.append([0, 0, word * grid.lanes + lane])
                row = (word * grid.lanes + lane) * node.groups
                targets.append([[row + g, g, 0, 0] for g in range(node.groups)])
                continue
            events.append([0, sy, sx] if grid.on_x else [sy, sx, c // edge.pack])
            kernel = (1, 1) if isinstance(used, ir.Identity) else ir.kernel_size(used)  # type: ignore[arg-type]
            s, d = getattr(used, "strides", (1, 1)), getattr(used, "dilation", (1, 1))
            top, _, left, _ = getattr(used, "pads", (0, 0, 0, 0))
            reached = []
            for oy in range(height):
                for ox in range(width):
                    for ky in range(kernel[0]):
                        for kx in range(kernel[1]):
                            if (oy * s[0] + ky * d[0] - top, ox * s[1] + kx * d[1] - left) != (sy, sx):
                                continue
                            words = accesses(Axis(kernel[1], s[1], d[1], left, width), edge.taps).words
                            (held,), (slot,) = (found.tolist() for found in np.nonzero(words == kx))
                            tap, place = ky * len(words) + held, (oy * width + ox) * node.groups % node.words
                            if channelwise:
                                of_each = used.weights.shape[3] if kind == "depthwise_conv2d" else 1  # type: ignore[union-attr]
                                outputs = range(c * of_each, (c + edge.pack) * of_each)
                                groups = sorted({o // node.lanes for o in outputs})
                                block = (
                                    c * of_each % node.lanes // (of_each * edge.pack) if of_each <= node.lanes else 0
                                )
                                reached += [[tap * node.groups + g, place + g, block, slot] for g in groups]
                            else:
                                row = (c * kernel[0] * len(words) + tap) * node.groups
                                reached += [[row + g, place + g, 0, slot] for g in range(node.groups)]
            targets.append(reached)
    return {"events": events, "targets": targets, "weights": kind != "sum_pool2d"}


WALKS: dict[str, tuple[str, tuple[int, ...], int, int, dict[str, Any]]] = {
    "conv": ("conv2d", (4, 5, 3), 5, 5, {"kernel": (3, 3), "pads": (1, 1, 1, 1)}),
    "two groups, stride": ("conv2d", (5, 4, 2), 6, 3, {"kernel": (3, 2), "strides": (2, 1), "pads": (0, 1, 1, 0)}),
    "dilation over stride": ("conv2d", (7, 6, 1), 3, 2, {"kernel": (2, 3), "strides": (2, 3), "dilation": (3, 2)}),
    "lanes on x": ("conv2d", (4, 9, 1), 4, 4, {"kernel": (2, 3), "pads": (0, 1, 2, 0), "strides": (1, 2)}),
    "1x1 map": ("conv2d", (1, 1, 5), 3, 3, {"kernel": (3, 3), "pads": (1, 1, 1, 1)}),
    "stride beyond the kernel": ("conv2d", (5, 5, 2), 2, 1, {"kernel": (1, 1), "strides": (3, 2)}),
    "depthwise in blocks": ("depthwise_conv2d", (4, 4, 4), 2, 4, {"kernel": (3, 3), "pads": (1, 1, 1, 1)}),
    "depthwise over groups": ("depthwise_conv2d", (3, 4, 2), 4, 2, {"kernel": (2, 2), "dilation": (2, 1)}),
    "pool": ("sum_pool2d", (4, 6, 3), 3, 2, {"kernel": (2, 3), "strides": (2, 3)}),
    "overlapping pool": ("sum_pool2d", (5, 5, 1), 1, 1, {"kernel": (3, 3), "strides": (2, 2)}),
    "identity": ("identity", (3, 3, 4), 4, 2, {}),
    "identity of a vector": ("identity", (11,), 11, 4, {}),
    "conv, in columns": ("conv2d", (4, 6, 3), 4, 2, {"kernel": (3, 3), "pads": (1, 1, 1, 1)}),
    "stride, in columns": ("conv2d", (5, 9, 2), 3, 3, {"kernel": (3, 5), "strides": (2, 2), "pads": (0, 1, 1, 2)}),
    "depthwise, in columns": ("depthwise_conv2d", (4, 7, 4), 1, 4, {"kernel": (3, 3), "pads": (1, 1, 2, 0)}),
    "conv, row by row in columns": ("conv2d", (8, 5, 2), 4, 2, {"kernel": (3, 5), "pads": (1, 1, 2, 2)}),
    "conv, row by row": ("conv2d", (8, 3, 2), 3, 2, {"kernel": (3, 2), "pads": (1, 1, 0, 0)}),
    "dilation over stride, row by row": (
        "conv2d",
        (21, 2, 1),
        2,
        2,
        {"kernel": (3, 1), "strides": (2, 1), "dilation": (3, 1)},
    ),
    "dense": ("dense", (2, 3, 3), 7, 4, {}),
}


def walk(folder: Path, name: str, fault: Fault | None = None) -> None:
    kind, shape, out, lanes, geometry = WALKS[name]
    used = projection(kind, shape, out, dict(geometry))
    target = ir.projection_shape(used, (int(np.prod(shape)),) if kind == "dense" else shape)
    layers = [population("out", target, used, theta=None)]
    if "row by row" in name:  # the readout holds its whole map, a layer before it some rows
        kept = ir.Identity(name="q", source=ir.Source("out"), weights=weights(2, out))
        layers = [population("out", target, used, theta=9), population("last", target, kept, theta=None)]
    plan = plan_with(network(*layers, shape=shape), lanes, columns=4 if name.endswith("columns") else 1)
    assert len(layers) == 1 or plan.nodes[0].schedule.ring < target[0]
    made = design(plan)
    edge = next(i for i in made.instances if i.module == "snn_edge")
    parameters = {k: v for k, v in edge.parameters.items() if k in WALK} | {"CW": TAG}
    for key in ("Y_FILE", "X_FILE", "C_FILE"):
        if key in parameters:
            file = folder / f"{key}.mem"
            memory.write(file, made.memories[f"{parameters[key].removesuffix('_FILE')}.mem"])
            parameters[key] = f'"{file}"'
    case = walked(plan, kind, used)
    bench(
        folder, "snn_walk", "bench_walk", parameters, {"SNN_CASE": json.dumps(case)},
        modules=["snn_walk", "snn_rom", "snn_words"], testcase="every_target_once", fault=fault,
    )  # fmt: skip


@pytest.mark.parametrize("name", WALKS)
def test_walk(tmp_path: Path, name: str) -> None:
    walk(tmp_path, name)


def place(folder: Path, fault: Fault | None = None) -> None:
    places = np.random.default_rng(1).integers(0, (5, 9, 3), (37, 3))
    memory.write(folder / "places.mem", [(places[:, i : i + 1], w) for i, w in ((2, 2), (1, 4), (0, 3))])
    parameters = {
        "CW": 6, "EW": 6, "YW": 3, "XW": 4, "DW": 2, "DEPTH": 37, "FILE": f'"{folder / "places.mem"}"',
    }  # fmt: skip
    case = {"SNN_CASE": json.dumps({"places": places.tolist()})}
    bench(folder, "snn_place", "bench_walk", parameters, case, modules=["snn_place", "snn_rom", "snn_words"],
          testcase="every_place_once", fault=fault)  # fmt: skip


def test_place(tmp_path: Path) -> None:
    place(tmp_path)


LANES: dict[str, dict[str, int]] = {
    "spikes": {},
    "spikes in blocks, shifted": {"LANES": 6, "LANES_PER_CHANNEL": 2, "SHIFT": 3},
    "values": {"VALUES": 1, "CW": 5},
    "signed values, shifted": {"VALUES": 1, "CW": 7, "VALUE_SIGNED": 1, "SHIFT": 4, "WB": 11, "VW": 30},
    "ones": {"VALUES": 1, "CW": 4, "ONES": 1, "LANES": 4, "LANES_PER_CHANNEL": 1, "SHIFT": 2},
    "maximum": {"VALUES": 1, "CW": 6, "VALUE_SIGNED": 1, "ONES": 1, "LANES": 4, "LANES_PER_CHANNEL": 2, "MAXIMUM": 1},
    "channels at once, spikes": {"LANES": 6, "LANES_PER_CHANNEL": 1, "PACK": 3},
    "channels at once, two taps": {
        "VALUES": 1,
        "CW": 5,
        "VALUE_SIGNED": 1,
        "LANES": 4,
        "LANES_PER_CHANNEL": 2,
        "PACK": 2,
        "TAPS": 2,
        "SHIFT": 1,
    },
    "maximum of channels": {
        "VALUES": 1,
        "CW": 4,
        "ONES": 1,
        "LANES": 4,
        "LANES_PER_CHANNEL": 1,
        "PACK": 2,
        "MAXIMUM": 1,
    },
    "one lane of two bits": {"LANES": 1, "WB": 2, "LANES_PER_CHANNEL": 1},
}


def lanes_alone(folder: Path, name: str, fault: Fault | None = None) -> None:
    small = {"LANES": 3, "WB": 6, "CW": 1, "VALUES": 0, "VALUE_SIGNED": 0, "ONES": 0, "LANES_PER_CHANNEL": 0}
    parameters: dict[str, Any] = small | {"MAXIMUM": 0, "SHIFT": 0, "VW": 20, "WDEPTH": 13, "WAW": 4, "VAW": 5}
    parameters |= LANES[name]
    block = parameters["LANES_PER_CHANNEL"] * parameters.get("PACK", 1)
    blocks = parameters["LANES"] // block if block else 1
    q = 2 ** (parameters["WB"] - 1) - 1
    rows = np.random.default_rng(3).integers(
        -q, q, (13, parameters["LANES"] * parameters.get("TAPS", 1)), endpoint=True
    )
    file = folder / "w.mem"
    memory.write(file, [(rows, parameters["WB"])])
    parameters |= {"BW": bits(blocks), "FILE": f'"{file}"'}
    env = {"SNN_WEIGHTS": str(file)}
    bench(
        folder, "snn_lanes", "bench_lanes", parameters, env, modules=["snn_lanes", "snn_rom", "snn_words"], fault=fault
    )


@pytest.mark.parametrize("name", LANES)
def test_lanes(tmp_path: Path, name: str) -> None:
    lanes_alone(tmp_path, name)


def neurons(count: int, low: int = 5, seed: int = 5) -> list[list[int]]:
    """[v0, bias, theta] of `count` neurons."""
    rng = np.random.default_rng(seed)
    return np.stack(
        [rng.integers(-9, 20, count), rng.integers(-6, 7, count), rng.integers(low, 25, count)], -1
    ).tolist()


def widths(firing: Sequence[Sequence[int]]) -> dict[str, int]:
    v0, bias, theta = zip(*firing, strict=True)
    return {
        "V0W": ir.bits_needed((min(v0), max(v0))), "BIASW": ir.bits_needed((min(bias), max(bias))),
        "THW": max(theta).bit_length(),
    }  # fmt: skip


def suited(firing: list[list[int]], options: dict[str, Any]) -> list[list[int]]:
    """Neurons of a relay, whose theta is a shift; of a maximum, which has no bias."""
    if options.get("RELAYS"):
        return [[v0, bias, theta % 5] for v0, bias, theta in firing]
    return [[v0, 0, theta] for v0, _, theta in firing] if options.get("MAXIMUM") else firing


PASSES: dict[str, dict[str, Any]] = {
    "step": {"count": False, "LANES": 3, "WORDS": 4, "neurons": 6},
    "step, one word": {"count": False, "LANES": 2, "WORDS": 1, "neurons": 2},
    "step, not firing": {"count": False, "LANES": 2, "WORDS": 5, "neurons": 10, "FIRES": 0},
    "step, relay": {"count": False, "LANES": 3, "WORDS": 4, "neurons": 6, "FIRES": 0, "RELAYS": 1},
    "step, maximum of a current": {"count": False, "LANES": 3, "WORDS": 2, "neurons": 6, "FIRES": 0, "MAXIMUM": 1},
    "step, maximum of counts": {"count": False, "LANES": 3, "WORDS": 2, "neurons": 6, "FIRES": 0, "MAXIMUM": 2},
    "count, relay": {"count": True, "LANES": 4, "FIRE_LANES": 2, "WORDS": 3, "neurons": 12, "FIRES": 0, "RELAYS": 1},
    "count": {"count": True, "LANES": 4, "FIRE_LANES": 2, "WORDS": 3, "neurons": 4, "STAGES": 1, "PERIOD": 4},
    "count, each neuron its own": {
        "count": True, "LANES": 3, "FIRE_LANES": 1, "WORDS": 4, "neurons": 12, "STAGES": 2, "PERIOD": 2, "CLIP_EXT": 1,
    },
    "count, a stage per bit": {
        "count": True, "LANES": 3, "FIRE_LANES": 3, "WORDS": 1, "neurons": 3, "STAGES": 4, "PERIOD": 1, "CLIP_EXT": 2,
    },
    "count, not firing": {"count": True, "LANES": 4, "FIRE_LANES": 2, "WORDS": 2, "neurons": 8, "FIRES": 0},
    "step, deep": {"count": False, "LANES": 3, "WORDS": 4, "neurons": 6, "DEEP": 1},
    "count, deep": {
        "count": True, "LANES": 4, "FIRE_LANES": 2, "WORDS": 6, "RING": 2, "neurons": 24, "STAGES": 2, "PERIOD": 2,
        "DEEP": 1,
    },
    "count, deep relay": {
        "count": True, "LANES": 4, "FIRE_LANES": 2, "WORDS": 3, "neurons": 12, "FIRES": 0, "RELAYS": 1, "DEEP": 1,
    },
    "maximum": {"count": True, "LANES": 4, "FIRE_LANES": 1, "WORDS": 2, "neurons": 8, "FIRES": 0, "MAXIMUM": 1},
    "count, row by row": {
        "count": True, "LANES": 4, "FIRE_LANES": 2, "WORDS": 6, "RING": 3, "neurons": 24, "STAGES": 2, "PERIOD": 2,
    },
}  # fmt: skip


def fire(folder: Path, name: str, fault: Fault | None = None) -> None:
    options = dict(PASSES[name])
    count, firing = options.pop("count"), neurons(options.pop("neurons"))
    vw, tw = 12, 4
    part = options.get("FIRE_LANES", options["LANES"])
    depth = len(firing) // part
    firing = suited(firing, options)
    parameters = {
        "VW": vw, "FIRES": 1, "RELAYS": 0, "MAXIMUM": 0, **options, **widths(firing), "P_DEPTH": depth,
        "PAW": bits(depth), "VAW": bits(options["WORDS"]),
    }  # fmt: skip
    spikes = not count and (parameters["FIRES"] or parameters["MAXIMUM"] == 2)
    parameters["OUT_CW"] = 1 if spikes else tw if parameters["FIRES"] else vw
    if count:
        parameters = {"TW": tw, "CLIP_EXT": 0, "STAGES": 1, "PERIOD": 1} | parameters
    case = {"SNN_CASE": json.dumps({"count": count, "neurons": firing, "most": 300})}
    modules = ["snn_fire_count", "snn_divide"] if count else ["snn_fire_step"]
    bench(folder, modules[0], "bench_fire", parameters, case, modules=modules, fault=fault)


@pytest.mark.parametrize("name", PASSES)
def test_fire(tmp_path: Path, name: str) -> None:
    fire(tmp_path, name)


LEAKY: dict[str, dict[str, Any]] = {
    "leaky, one leak": {"LEAK": 512, "LOWW": 8},
    "leaky, each its own, several spikes": {"LEAKW": 13, "DECAYW": 13, "CURRENT": 1, "MOST": 5, "ZERO": 1, "own": 6},
    "leaky, both late": {"LEAK": 700, "DECAY": 256, "CURRENT": 2, "RESET": 1, "MOST": 2, "own": 3},
    "leaky, to a value": {"LEAKW": 13, "RESET": 2, "LOWW": 8, "own": 9},
    "leaky, not firing": {"LEAK": 300, "ZERO": 1, "FIRES": 0, "own": 6},
}


def leaky(folder: Path, name: str, fault: Fault | None = None) -> None:
    options = dict(LEAKY[name])
    rng, own = np.random.default_rng(8), options.pop("own", 3)
    parameters = {
        "LANES": 3, "VW": 14, "VAW": 2, "WORDS": 3, "FIRES": 1, "RESET": 0, "MOST": 1, "CURRENT": 0, "ZERO": 0,
        "LEAK": 0, "DECAY": 4096, "LEAKW": 0, "DECAYW": 0, "LOWW": 0, "V0W": 7, "BIASW": 5, "THW": 7, "AMOUNTW": 7,
        "P_DEPTH": own // 3, "PAW": bits(own // 3),
    } | options  # fmt: skip
    parameters["OUT_CW"] = int(parameters["MOST"]).bit_length() if parameters["FIRES"] else parameters["VW"]
    firing = [
        {
            "v0": int(rng.integers(-20, 30)), "bias": int(rng.integers(-4, 9)), "theta": int(rng.integers(35, 99)),
            "amount": int(rng.integers(-20, 20) if parameters["RESET"] == 2 else rng.integers(5, 60)),
            "lowest": int(rng.integers(-90, 0)) if parameters["LOWW"] else -(2**13),
            "leak": int(rng.integers(0, 4097)) if parameters["LEAKW"] else parameters["LEAK"],
            "decay": int(rng.integers(0, 4097)) if parameters["DECAYW"] else parameters["DECAY"],
        }
        for _ in range(own)
    ]  # fmt: skip
    case = {"SNN_CASE": json.dumps({"neurons": firing})}
    modules = ["snn_fire_leaky", "snn_share"]
    bench(folder, "snn_fire_leaky", "bench_leaky", parameters, case, modules=modules, fault=fault)


@pytest.mark.parametrize("name", LEAKY)
def test_leaky(tmp_path: Path, name: str) -> None:
    leaky(tmp_path, name)


ENGINES: dict[str, dict[str, Any]] = {
    "step, one group": {"neurons": 3, "WORDS": 4},
    "step, one word": {"neurons": 3, "WORDS": 1},
    "step, two groups": {"neurons": 6, "WORDS": 4, "BYPASS": 0},
    "step, three edges, one of them a drive": {
        "neurons": 6, "WORDS": 6, "EDGES": 3, "HAS_DRIVE": 1, "DRIVE_EDGES": 2, "ext": 2,
    },
    "step, four edges": {"neurons": 3, "WORDS": 2, "EDGES": 4},
    "step, readout": {"neurons": 3, "WORDS": 2, "FIRES": 0, "READOUT": 1, "EDGES": 2},
    "step, relay with a drive": {
        "neurons": 6, "WORDS": 4, "EDGES": 2, "HAS_DRIVE": 1, "DRIVE_EDGES": 1, "FIRES": 0, "RELAYS": 1, "ext": 2,
    },
    "step, maximum of a current": {"neurons": 3, "WORDS": 4, "FIRES": 0, "MAXIMUM": 1, "EDGES": 2, "ext": 2},
    "step, maximum of counts": {"neurons": 6, "WORDS": 4, "FIRES": 0, "MAXIMUM": 2, "EDGES": 2, "ext": 1},
    "count, relay": {"neurons": 3, "WORDS": 3, "COUNT": 1, "FIRE_LANES": 1, "FIRES": 0, "RELAYS": 1},
    "count, one group": {"neurons": 3, "WORDS": 3, "COUNT": 1, "FIRE_LANES": 1, "PERIOD": 2, "STAGES": 2},
    "count, two groups, two edges": {
        "neurons": 12, "WORDS": 4, "BYPASS": 0, "EDGES": 2, "COUNT": 1, "FIRE_LANES": 3, "PERIOD": 4, "CLIP_EXT": 3,
    },
    "count, readout": {"neurons": 3, "WORDS": 2, "FIRES": 0, "READOUT": 1, "COUNT": 1, "FIRE_LANES": 1},
    "maximum": {"neurons": 12, "WORDS": 4, "FIRES": 0, "MAXIMUM": 1, "COUNT": 1, "EDGES": 2, "FIRE_LANES": 3},
    "step, deep with a drive": {
        "neurons": 6, "WORDS": 4, "EDGES": 2, "HAS_DRIVE": 1, "DRIVE_EDGES": 1, "ext": 2, "DEEP": 1,
    },
    "count, deep, two parts a word": {
        "neurons": 3, "WORDS": 3, "COUNT": 1, "FIRE_LANES": 1, "PARTS": 3, "PERIOD": 2, "STAGES": 2, "DEEP": 1,
    },
    "maximum, deep": {
        "neurons": 12, "WORDS": 4, "FIRES": 0, "MAXIMUM": 1, "COUNT": 1, "EDGES": 2, "FIRE_LANES": 3, "DEEP": 1,
    },
    "count, four columns": {
        "neurons": 30, "WORDS": 10, "COUNT": 1, "EDGES": 2, "FIRE_LANES": 3, "PERIOD": 4, "COLUMNS": 4, "SLOTS": 3,
    },
    "step, two columns of two groups, deep": {
        "neurons": 6, "WORDS": 12, "BYPASS": 0, "COLUMNS": 2, "SLOTS": 2, "GROUPS": 2, "DEEP": 1,
    },
    "count, row by row": {
        "neurons": 30, "WORDS": 6, "COUNT": 1, "EDGES": 3, "FIRE_LANES": 1, "PERIOD": 2, "STAGES": 2, "RING": 3,
        "turns": [[2, 1, 0], [1, 0, 3], [0, 0, 0], [1, 1, 1], [0, 2, 0]],
    },
}  # fmt: skip


def engine(folder: Path, name: str, fault: Fault | None = None) -> None:
    options = dict(ENGINES[name])
    firing, ext, turns = neurons(options.pop("neurons")), options.pop("ext", 0), options.pop("turns", None)
    lanes, vw, tw = 3, 14, 4
    firing = suited(firing, options)
    if options.get("READOUT") and not options.get("COUNT"):
        firing = [[0, bias, 1] for _, bias, _ in firing]
    part = options.get("FIRE_LANES", lanes)
    depth = len(firing) // part
    file = folder / "p.mem"
    sizes = widths(firing)
    rows = np.array(firing).reshape(depth, part, 3)
    memory.write(file, [(rows[..., i], sizes[w]) for i, w in enumerate(("V0W", "BIASW", "THW"))])
    plain = {"EDGES": 1, "COUNT": 0, "FIRES": 1, "RELAYS": 0, "READOUT": 0, "MAXIMUM": 0, "BYPASS": 1, "HAS_DRIVE": 0}
    parameters: dict[str, Any] = plain | {"DRIVE_EDGES": 0, "FIRE_LANES": lanes, "CLIP_EXT": 0} | options
    count, words = parameters["COUNT"], parameters["WORDS"]
    parameters |= {
        "LANES": lanes, "VW": vw, "VAW": bits(words), "TW": tw, "MW": tw + 3, **sizes, "P_DEPTH": depth,
        "PAW": bits(depth), "P_FILE": f'"{file}"',
        "OUT_CW": vw if not parameters["FIRES"] and parameters["MAXIMUM"] < 2 else tw if count else 1,
    }  # fmt: skip
    if turns is not None:
        table = folder / "turns.mem"
        memory.write(table, [(np.array(turns), 2)])
        parameters |= {"BANDS": len(turns), "TURNW": 2, "TURNS_FILE": f'"{table}"'}
    same = bool(parameters["BYPASS"])
    case = {"SNN_CASE": json.dumps({"neurons": firing, "ext": ext, "turns": turns, "same_word": same})}
    modules = [
        "snn_layer",
        "snn_column",
        "snn_ram",
        "snn_rom",
        "snn_words",
        *(["snn_gather"] if parameters.get("PARTS", 1) > 1 else []),
        *(["snn_fire_count", "snn_divide"] if count else ["snn_fire_step"]),
    ]
    bench(folder, "snn_layer", "bench_layer", parameters, case, modules=modules, fault=fault)


@pytest.mark.parametrize("name", ENGINES)
def test_layer(tmp_path: Path, name: str) -> None:
    engine(tmp_path, name)


def bank(folder: Path, banks: int, words: int, fault: Fault | None = None) -> None:
    parameters = {"BANKS": banks, "WORDS": words, "AW": bits(banks * words), "MW": 7}
    bench(folder, "snn_bank", "bench_bank", parameters, {}, modules=["snn_bank"], fault=fault)


@pytest.mark.parametrize(("banks", "words"), [(1, 1), (2, 5), (3, 4)])
def test_bank(tmp_path: Path, banks: int, words: int) -> None:
    bank(tmp_path, banks, words)


FAULTS = {
    "walk: taps beside the map": (walk, "stride beyond the kernel", ("snn_walk", "ny != 0 && nx != 0", "1'b1")),
    "walk: rows one tap too short": (walk, "conv", ("snn_walk", "b_nx_q <= nx - 1'b1", "b_nx_q <= nx - 2'd2")),
    "place: the next element's": (place, None, ("snn_place", "accept ? i_element : element_q", "i_element")),
    "lanes: every block": (lanes_alone, "spikes in blocks, shifted", ("snn_lanes", "block_q == BLOCK", "1'b1")),
    "lanes: no sign": (lanes_alone, "signed values, shifted", ("snn_lanes", "element[CW-1]", "1'b0")),
    "leaky: the numbers of another word": (
        leaky, "leaky, to a value", ("snn_fire_leaky", "held[(LEAKS*LANES + i)", "held[((LEAKS-1)*LANES + i)"),
    ),
    "leaky: a late current is lost": (
        leaky, "leaky, both late", ("snn_fire_leaky", "CURRENT == 2 ? current_q", "CURRENT == 9 ? current_q"),
    ),
    "step: ties do not fire": (fire, "step", ("snn_fire_step", "fire = !less[VW]", "fire = !less[VW] && less != 0")),
    "step: bias at all times": (fire, "step", ("snn_fire_step", "driven ? drive : {VW{1'b0}}", "drive")),
    "count: ties do not fire": (fire, "count", ("snn_divide", "rest_q >= scaled_q", "rest_q > scaled_q")),
    "count: no clip": (fire, "count", ("snn_fire_count", "quotient > clip ? clip : quotient", "quotient")),
    "layer: no bypass": (engine, "step, one group", ("snn_column", "BYPASS != 0 && again_q", "0")),
    "layer: ties do not fire": (
        engine, "step, two groups", ("snn_fire_step", "fire = !less[VW]", "fire = !less[VW] && less != 0"),
    ),
    "layer: no restart": (engine, "step, readout", ("snn_fire_step", "restart ? v0_q : s_q", "s_q")),
    "layer: a drive that stays": (
        engine, "step, three edges, one of them a drive", ("snn_column", "d_clear = f_write && restart", "d_clear = 0"),
    ),
    "layer: the first edge twice": (
        engine, "count, two groups, two edges", ("snn_layer", "s_data = e_data[e*SLOTS*LANES*VW", "s_data = e_data[0"),
    ),
    "layer: the last of four edges is another": (
        engine, "step, four edges", ("snn_layer", "LAST_EDGE = EDGES - 1", "LAST_EDGE = 1 - EDGES"),
    ),
    "step: a relay that keeps its charge": (
        fire, "step, relay", ("snn_fire_step", "wdata[i*VW +: VW] = v0_q;", "wdata[i*VW +: VW] = s_q;"),
    ),
    "step: a maximum after T": (
        fire, "step, maximum of a current", ("snn_fire_step", "driven ? most : {VW{1'b0}}", "most"),
    ),
    "layer: a shift of zeros": (engine, "count, relay", ("snn_fire_count", "u_q >>> shift_q", "u_q >> shift_q")),
    "layer: a rise that stays": (
        engine, "step, maximum of counts", ("snn_fire_step", "s_q + {{(VW-1){1'b0}}, s_q[0]}", "s_q"),
    ),
    "walk: rows that do not come round": (
        walk, "conv, row by row", ("snn_walk", "RING != 0 && b_row < V_BACK", "1'b0"),
    ),
    "count: the next frame's first row behind the last": (
        fire, "count, row by row", ("snn_fire_count", "frame_end = read_end && last_q", "frame_end = 1'b0"),
    ),
    "count: a whole memory in one pass": (
        fire, "count, row by row", ("snn_fire_count", "WORDS / RING * SUBS", "WORDS * SUBS"),
    ),
    "layer: a turn for every edge": (
        engine, "count, row by row", ("snn_layer", "none = turns == 0", "none = 1'b0"),
    ),
    "layer: one turn": (
        engine, "count, row by row", ("snn_layer", "enough = count_q + 1'b1 == turns", "enough = 1'b1"),
    ),
    "layer: columns in another order": (
        engine, "count, four columns", ("snn_layer", "slot_q = first_q - COLUMN", "slot_q = first_q + COLUMN"),
    ),
    "layer: every slot is written": (
        engine, "count, four columns", ("snn_layer", "s_valid && s_mask[j]", "s_valid"),
    ),
    "layer: the pass reads one column": (
        engine, "step, two columns of two groups, deep", ("snn_layer", "if (r_column == c)", "if (c == 0)"),
    ),
    "lanes: one channel for all": (lanes_alone, "channels at once, spikes", ("snn_lanes", "(LANE / PER) % PACK", "0")),
    "walk: slots beside the row": (
        walk, "conv, in columns", ("snn_walk", "b_first_q : {TAPS{1'b1}}", "{TAPS{1'b1}} : {TAPS{1'b1}}"),
    ),
    "walk: rows in columns that do not come round": (
        walk, "conv, row by row in columns", ("snn_walk", "TAPS > 1 ? b_vy_q : b_vrow_q", "b_vrow_q"),
    ),
    "layer: one row cleared": (
        engine, "count, row by row", ("snn_layer", "LAST_CLEARED = RING - 1", "LAST_CLEARED = 0"),
    ),
    "bank: no wrap": (bank, (2, 5), ("snn_bank", "w_addr_q == A_END ? {AW{1'b0}} : ", "")),
    "bank: one too many": (bank, (3, 4), ("snn_bank", "level_q != BANKS", "1'b1")),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_noticed(tmp_path: Path, name: str) -> None:
    run, case, fault = FAULTS[name]
    arguments = () if case is None else case if isinstance(case, tuple) else (case,)
    run(tmp_path, *arguments, fault=fault)
