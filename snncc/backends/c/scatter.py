"""`step`: potentials that live from timestep to timestep, and spikes that feed the next scatter directly.

A bias is not added to every potential at every timestep: V' = V - bias*min(t, T) is stored and compared with
theta - bias*min(t, T), so that a silent neuron is only read. A population that reads a constant input current
keeps `drive` = that current's charge + bias per neuron, computed once per image.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from snncc import ir
from snncc.backends.c import gather
from snncc.backends.c.edges import Edge, Wiring
from snncc.backends.c.expressions import (
    SCAN,
    ZERO,
    Channel,
    Expression,
    Group,
    Literal,
    Name,
    Operation,
    Position,
    product,
)
from snncc.backends.c.kernels import Accumulator, Potential
from snncc.backends.c.layout import Member
from snncc.backends.c.program import Program
from snncc.backends.c.types import signed, span
from snncc.backends.c.views import spatial
from snncc.ir import INPUT, Interval


def step(program: Program) -> None:
    """Fill a program in for `step`: its members, scans (one per firing population) and the readout's run."""
    network = program.network
    kept = [network.output.name] if network.output.fires else []
    if not network.output.fires:
        kept = list(dict.fromkeys(e.base for e in program.wirings[-1].edges if not e.current))
    if INPUT in program.currents:
        program.buffers[INPUT] = "image"
    at = 0
    for name in kept:
        program.buffers[name] = f"(state->counts + {at})"
        at += math.prod(program.splitter.shapes[name])
    program.arrays.append(Member("words", "int32_t", 1, "keeps 16-bit potentials on whole words"))
    program.arrays.append(Member("counts", program.count.ctype, at, "spikes so far"))
    targets: dict[str, list[dict[str, Any]]] = {}
    for index, (population, wiring) in enumerate(zip(network.populations, program.wirings, strict=True), 1):
        if population.fires:
            program.scans.append(_scan(program, population, wiring, index, targets))
    for scan in program.scans:
        _finish(program, scan, targets, kept)
    if network.input.encoding == "rate":
        _encoder(program, targets, kept)
    if not network.output.fires:
        readout = gather.window_run(program, network.output, program.wirings[-1], len(network.populations))
        program.runs.append(readout | {"before": []})


def _encoder(program: Program, targets: dict[str, list[dict[str, Any]]], kept: list[str]) -> None:
    """The rate-coded input as the first scan: potentials in 0..L-1."""
    shape = spatial(program.network.input.shape)
    program.arrays.append(Member("v_input", program.pixel.ctype, math.prod(shape), "potentials of the input"))
    scan = {"name": INPUT, "index": 0, "positions": shape[0] * shape[1], "channels": shape[2], "input": True}
    _finish(program, scan, targets, kept)
    program.scans.insert(0, scan)


def _scan(
    program: Program, population: ir.Population, wiring: Wiring, index: int, targets: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    network = program.network
    height, width, channels = (1, 1, population.neurons) if wiring.flat else spatial(population.shape)
    positions = height * width
    currents = [e for e in wiring.edges if e.current]
    spikes = [e for e in wiring.edges if not e.current]
    per_channel = all(
        a is not None and (a.size == 1 or a.ndim == 1 or positions == 1)
        for a in (population.theta, population.bias, population.v0)
    )
    lazy = not currents and bool(np.any(population.bias))
    low, high, lazy = _reach(network, population, lazy)
    lanes = channels % 4 == 0 and per_channel and not currents and ir.bits_needed((low, high)) <= 16
    v = Potential.of(signed((low, high), 16), f"{program.p.upper()}_LANE" if lanes else "")
    wide = Accumulator.of(v.wide)
    if lanes:
        program.kernels.lanes()
    member = Member(
        f"v_{population.name}", v.ctype, positions * channels, f"potentials of {population.name}", first=lanes
    )
    program.arrays.append(member)
    flat = wiring.flat
    bias = program.parameter(population, "bias", flat)
    scan = {
        "name": population.name, "index": index, "positions": positions, "channels": channels, "v": v, "a": wide,
        "theta": program.parameter(population, "theta", flat).text(SCAN),
        "v0": program.parameter(population, "v0", flat).text(SCAN),
        "bias": bias.text(SCAN), "lazy": lazy, "by_channel": per_channel, "input": False, "driven": bool(currents),
        "uses_live": bool(currents) or (not lazy and bias != ZERO),
    }  # fmt: skip
    if currents:
        reach = _drive_range(network, population, currents)
        a = Accumulator.of(signed(reach, 32))
        ctype = signed(reach, 16)
        program.arrays.append(
            Member(f"d_{population.name}", ctype, positions * channels, f"charge per timestep of {population.name}")
        )
        scan["drive"] = gather.run(
            program, population, wiring, index, currents, a=a, factor=None, start=bias, ctype=ctype, before=[]
        )
    for edge in spikes:
        target = _target(program, edge, v, channels)
        target["into"] = f"state->v_{population.name}"
        targets.setdefault(edge.base, []).append(target)
    return scan


def _reach(network: ir.Network, population: ir.Population, lazy: bool) -> tuple[int, int, bool]:
    """Every value that a stored potential or the level it is compared with can take; whether bias stays out of it."""
    low, high = network.intervals["step"][population.name]
    theta, bias = span(population.theta), span(population.bias)
    plain = min(low, 0), max(high, theta[1])
    if not lazy:
        return *plain, False
    steps = network.timesteps
    shifted = low - steps * bias[1], max(high, theta[1]) - steps * bias[0]
    level = theta[0] - steps * bias[1], theta[1] - steps * bias[0]
    whole = min(shifted[0], level[0]), max(shifted[1], level[1])
    if signed_or_none(whole) != signed_or_none(plain):
        return *plain, False
    return *whole, True


def signed_or_none(interval: Interval) -> str:
    """The C type of at least 16 bits that holds the interval, "" where none does."""
    return signed(interval, 16) if ir.bits_needed(interval) <= 64 else ""


def _drive_range(network: ir.Network, population: ir.Population, currents: list[Edge]) -> Interval:
    levels = network.input.levels
    low, high = span(population.bias)
    for edge in currents:
        ones = np.ones((math.prod(edge.kernel), 1), np.int64) if edge.weights is None else edge.weights
        last = ones.reshape(-1, ones.shape[-1]) if edge.kind == "dot" else ones.reshape(math.prod(edge.kernel), -1)
        positive = int(np.maximum(last, 0).sum(axis=0, dtype=np.int64).max())
        negative = int(np.maximum(-last.astype(np.int64), 0).sum(axis=0).max())
        m = -levels if network.input.signed else 0
        high += (positive * levels - negative * m) * 2**edge.shift
        low += (positive * m - negative * levels) * 2**edge.shift
    return low, high


def _target(program: Program, edge: Edge, v: Potential, row: int) -> dict[str, Any]:
    """One consumer of a population's spikes: the scatter call."""
    height, width, channels = edge.source
    target: dict[str, Any] = {"v": v, "scale": Literal(2**edge.shift).text()}
    target["source"] = (height * width, channels)
    target["window"] = program.window(edge.name, edge, row)
    if edge.weights is None:
        single = program.kernels.spread_pool(v, edge.kernel == edge.strides)
        return target | {"kind": "pool", "single": single}
    kh, kw, _, outputs = edge.weights.shape
    by_channel = np.ascontiguousarray(edge.weights.transpose(2, 0, 1, 3))  # C, KH, KW, O or M
    if edge.kind == "dot" and edge.source[:2] == edge.output[:2] == edge.kernel == (1, 1):
        kind, rows = "row", by_channel.reshape(channels, outputs)
        note = f"[{channels}][{outputs}]: input, output"
    elif edge.kind == "dot" and edge.strides == edge.dilation == (1, 1):
        kind, rows = "run", by_channel[:, :, ::-1].reshape(channels * kh, kw * outputs)
        note = f"[{channels}][{kh}][{kw}][{outputs}]: input channel, row, column mirrored, output"
    else:
        kind, rows = "tap", by_channel.reshape(channels * kh * kw, outputs)
        note = f"[{channels}][{kh}][{kw}][{outputs}]: input channel, row, column, output"
        if edge.kind == "dot":
            program.windows[-1][1][14] = outputs
            target["first"] = "0"
        else:
            target["first"] = (edge.first, outputs)
    w = program.weights(edge.name, rows, f"weights of {edge.name}, {note}")
    program.kernels.spread(f"spread_{kind}", v, w)
    if w.packed:
        target["rows"] = program.need(f"rows_{w.element[:-2]}", w.element, w.length, "unpacked weights")
    return target | {"kind": kind, "w": w, "weights": f"{program.p}_tables.{w.constant.name}"}


def _finish(program: Program, scan: dict[str, Any], targets: dict[str, list[dict[str, Any]]], kept: list[str]) -> None:
    """Who reads this population's spikes, and how its neuron (p, c) is called there."""
    name = scan["name"]
    shape = spatial(program.splitter.shapes[name])
    positions, channels = shape[0] * shape[1], shape[2]
    scan["unflat"] = scan["positions"] != positions and channels
    scan["counts"] = program.buffers[name] if name in kept else ""
    scan["stride"] = channels
    spread = []
    for target in targets.get(name, []):
        p, c = _called(target["source"], (positions, channels))
        first = target.get("first", "")
        if isinstance(first, tuple):
            start, multiplier = first
            output = c if multiplier == 1 else product(Group(c), Literal(multiplier))
            first = (Operation(Literal(start), "+", output) if start else output).text()
        spread.append(target | {"p": p.text(), "c": c.text(), "first": first})
    scan["targets"] = spread


def _called(source: tuple[int, int], own: tuple[int, int]) -> tuple[Expression, Expression]:
    """(position, channel) of neuron i in a source of (positions, channels), where the population itself has `own`."""
    positions, channels = source
    element = Name("i")
    if source == own:
        return Position(), Channel()
    if channels == 1:
        return element, ZERO
    if positions == 1:
        return ZERO, element
    return Operation(element, "/", Literal(channels)), Operation(element, "%", Literal(channels))
