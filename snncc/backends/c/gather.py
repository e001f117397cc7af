"""`count`, and every sum over a whole image: populations in gather form, each neuron from its window of the source."""

from __future__ import annotations

import math
from typing import Any

from snncc import ir
from snncc.backends.c.edges import Edge, Wiring
from snncc.backends.c.expressions import RUN, STEPS, Expression, Literal, product, total
from snncc.backends.c.kernels import Accumulator
from snncc.backends.c.layout import Lifetime, Member, place
from snncc.backends.c.program import Program
from snncc.backends.c.types import signed, span
from snncc.backends.c.views import Move, Pool, spatial
from snncc.ir import INPUT


def count(program: Program) -> None:
    """Fill a program in for `count`: one run per population, in topological order."""
    _place_buffers(program)
    populations = program.network.populations
    for index, (population, wiring, made) in enumerate(zip(populations, program.wirings, program.made, strict=True), 1):
        before = [_operation(program, operation) for operation in made]
        program.runs.append(window_run(program, population, wiring, index) | {"before": before})


def _place_buffers(program: Program) -> None:
    """Counts and pooled pixels in one arena each; a buffer lives from its making until it was read last."""
    populations = program.network.populations
    born: dict[str, int] = {INPUT: 0}
    dies: dict[str, int] = {}
    time = 1
    for population, wiring, made in zip(populations, program.wirings, program.made, strict=True):
        for operation in made:
            for base in _bases(operation):
                dies[base] = time
            born[operation.name] = time
            time += 1
        for edge in wiring.edges:
            dies[edge.base] = time
        born[population.name] = time
        time += 1
    dies[populations[-1].name] = time
    names = [n for n in born if not (n == INPUT and INPUT in program.currents)]
    if not populations[-1].fires:
        names.remove(populations[-1].name)
    for pixels, member in ((False, "counts"), (True, "pixels")):
        chosen = [
            Lifetime(n, math.prod(program.splitter.shapes[n]), born[n], dies.get(n, born[n]))
            for n in names
            if (n in program.currents) == pixels
        ]
        offsets, length = place(chosen)
        ctype = (program.pixel if pixels else program.count).ctype
        program.arrays.append(Member(member, ctype, length, "spike counts" if not pixels else "pooled input"))
        program.buffers |= {n: f"(state->{member} + {at})" for n, at in offsets.items()}
    if INPUT in program.currents:
        program.buffers[INPUT] = "image"


def _bases(operation: Pool | Move) -> list[str]:
    return [base for base, _ in operation.parts] if isinstance(operation, Move) else [operation.base]


def _operation(program: Program, operation: Pool | Move) -> dict[str, Any]:
    x = program.value(operation.name)
    out = program.buffers[operation.name]
    if isinstance(operation, Move):
        parts = []
        for number, (base, to) in enumerate(operation.parts):
            ctype = "uint16_t" if len(to) == 0 or int(to.max()) < 2**16 else "uint32_t"
            note = f"where the elements of {base} go"
            table = program.constant(f"{operation.name}_{number}", ctype, to, note)
            parts.append({"source": program.buffers[base], "table": table, "length": len(to)})
        return {"kind": "move", "out": out, "parts": parts, "length": math.prod(operation.shape), "x": x}
    program.kernels.max_pool(x)
    height, width, channels = spatial(operation.source)
    edge = Edge(
        name=operation.name, kind="pool", base=operation.base, source=(height, width, channels),
        output=spatial(operation.shape), kernel=operation.size, weights=None, shift=0, current=False,
        strides=operation.strides,
        top=operation.pads[0] + operation.frame[0], left=operation.pads[2] + operation.frame[2],
    )  # fmt: skip
    frame = Edge(
        name=operation.name, kind="pool", base=operation.base, weights=None, shift=0, current=False,
        source=(height + operation.frame[1], width + operation.frame[3], channels),
        output=(0, 0, 0), kernel=(0, 0), top=operation.frame[0], left=operation.frame[2],
    )  # fmt: skip
    return {
        "kind": "max_pool", "x": x, "out": out, "source": program.buffers[operation.base],
        "window": program.window(operation.name, edge, channels),
        "frame": program.window(operation.name + "_frame", frame, channels),
    }  # fmt: skip


def window_run(program: Program, population: ir.Population, wiring: Wiring, index: int) -> dict[str, Any]:
    """A population over its whole window: it integrates, then fires; a readout keeps its potential."""
    flat = wiring.flat
    a = _count_type(program, population)
    bias = program.parameter(population, "bias", flat)
    v0 = program.parameter(population, "v0", flat)
    start = total(product(bias, STEPS), v0)
    made = run(program, population, wiring, index, list(wiring.edges), a=a, factor=STEPS, start=start)
    made["fires"] = population.fires
    if population.fires:
        made["theta"] = program.parameter(population, "theta", flat).text(RUN)
        more = 0 if population.saturates else program.network.spike_ext
        made["limit"] = f"limit + {more}U" if more else "limit"
        made["out"] = program.buffers.get(population.name)
        program.kernels.fire(a)
    return made


def _count_type(program: Program, population: ir.Population) -> Accumulator:
    theta = span(population.theta, population.bias, population.v0)
    low, high = program.network.intervals["count"][population.name]
    ctype = signed((min(low, theta[0]), max(high, theta[1], program.network.timesteps)), 32)
    return Accumulator.of(ctype)


def run(
    program: Program, population: ir.Population, wiring: Wiring, index: int, edges: list[Edge], **more: Any
) -> dict[str, Any]:
    """A population integrated in gather form over a whole image."""
    height, width, channels = (1, 1, population.neurons) if wiring.flat else spatial(population.shape)
    positions = height * width
    a = more.pop("a")
    factor, start = more.pop("factor"), more.pop("start")
    program.need(f"acc_{a.tag}", a.ctype, min(2, positions) * channels, "accumulators")
    return {
        "name": population.name, "index": index, "positions": positions, "channels": channels, "a": a,
        "start": start.text(RUN), "pair": min(2, positions), "acc": f"state->acc_{a.tag}",
        "edges": [_call(program, e, channels, a, positions, factor) for e in edges],
    } | more  # fmt: skip


def _call(
    program: Program, edge: Edge, row: int, a: Accumulator, positions: int, factor: Expression | None
) -> dict[str, Any]:
    """One projection in gather form: the kernel call's arguments. `factor`: what a current is multiplied by."""
    x = program.value(edge.base)
    call: dict[str, Any] = {
        "kind": edge.kind, "x": x, "a": a, "window": program.window(edge.name, edge, row),
        "source": program.buffers[edge.base], "first": edge.first, "name": edge.name,
    }  # fmt: skip
    scale: Expression = Literal(2**edge.shift)
    if edge.current and factor:
        scale = product(factor, scale) if edge.shift else factor
    call["scale"] = scale.text(RUN)
    if edge.kind == "pool" or edge.weights is None:
        program.kernels.pool(x, a)
        return call
    kh, kw, channels, outputs = edge.weights.shape
    if edge.kind == "dot":
        length = kh * kw * channels
        rows = edge.weights.reshape(length, outputs).T
        note = f"weights of {edge.name}, [{outputs}][{kh}][{kw}][{channels}]: output, row, column, input channel"
        patch = "NULL"
        if edge.gathers:
            patch = program.need(f"patch_{x.tag}", x.ctype, 2 * length, "windows in one piece")
            program.kernels.gather(x)
        call |= {"patch": patch, "length": length, "gathers": edge.gathers, "channels": channels}
    else:
        length = channels * outputs
        rows = edge.weights.reshape(kh * kw, length)
        note = f"weights of {edge.name}, [{kh}][{kw}][{channels * outputs}]: row, column, output channel"
    w = program.weights(edge.name, rows, note)
    if w.packed:
        call["rows"] = program.need(f"rows_{w.element[:-2]}", w.element, 2 * length, "unpacked weights")
    call |= {"w": w, "weights": f"{program.p}_tables.{w.constant.name}"}
    if edge.kind == "dot":
        call["dot"] = program.kernels.dot(x, w, a, positions > 1)
    else:
        program.kernels.taps(x, w, a)
    return call
