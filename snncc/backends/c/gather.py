"""`count`, and every sum over a whole image: populations in gather form, each neuron from its window of the source."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from snncc import ir
from snncc.backends.c.calls import Before, BlocksCall, Call, Firing, MaxPoolCall, MoveCall, MovePart, Relaying, Run
from snncc.backends.c.edges import Edge, Wiring
from snncc.backends.c.expressions import RUN, STEPS, Expression, Literal, Names, product, total
from snncc.backends.c.hosted import fits, hosted
from snncc.backends.c.kernels import Accumulator, Value, joins
from snncc.backends.c.program import Program
from snncc.backends.c.types import signed, span
from snncc.backends.c.views import Blocks, Made, Move, Pool, bases, spatial
from snncc.backends.c.windows import WindowTable, window_table
from snncc.ir import INPUT


def count(program: Program) -> None:
    """Fill a program in for `count`: one run per population, in topological order."""
    _place_buffers(program)
    populations = program.network.populations
    for index, (population, wiring, made) in enumerate(zip(populations, program.wirings, program.made, strict=True), 1):
        made_before = tuple(before(program, operation) for operation in made)
        program.runs.append(replace(window_run(program, population, wiring, index), before=made_before))


def _place_buffers(program: Program) -> None:
    """Counts, pooled pixels and relays' values; each lives from its making until it was read last."""
    populations = program.network.populations
    born: dict[str, int] = {INPUT: 0}
    dies: dict[str, int] = {}
    time = 1
    for population, wiring, made in zip(populations, program.wirings, program.made, strict=True):
        for operation in made:
            for base in bases(operation):
                dies[base] = time
            born[operation.name] = time
            time += 1
        for edge in wiring.edges:
            dies[edge.base] = time
        born[population.name] = time
        time += 1
    dies[populations[-1].name] = time
    names = [n for n in born if not (n == INPUT and INPUT in program.currents)]
    if not populations[-1].hands_on:
        names.remove(populations[-1].name)
    for n in names:
        kind, note = ("y", "values") if n in program.relays else ("c", "counts")
        if n in program.currents:
            kind, note = "x", "pixels"
        length, life = math.prod(program.splitter.shapes[n]), (born[n], dies.get(n, born[n]))
        program.buffers[n] = program.array(f"{kind}_{n}", program.value(n).ctype, length, f"{note} of {n}", life)
    if INPUT in program.currents:
        program.buffers[INPUT] = "image"


def before(program: Program, operation: Made, of: Callable[[str], str] = str) -> Before:
    """What is computed of whole buffers, those `of` what it names."""
    out = program.buffers[of(operation.name)]
    if isinstance(operation, Move):
        parts = []
        for number, (base, to) in enumerate(operation.parts):
            ctype = "uint16_t" if len(to) == 0 or int(to.max()) < 2**16 else "uint32_t"
            note = f"where the elements of {base} go"
            table = program.constant(f"{operation.name}_{number}", ctype, to, note)
            parts.append(MovePart(program.buffers[of(base)], table, len(to)))
        return MoveCall(out, math.prod(operation.shape), tuple(parts))
    height, width, channels = spatial(operation.source)
    if isinstance(operation, Blocks):
        (down, across), row = operation.strides, operation.shape[1] * channels
        return BlocksCall(
            out, program.buffers[of(operation.base)], math.prod(operation.shape), height, width, channels,
            math.prod(operation.copies), operation.copies[1], row, down * row, across * channels,
        )  # fmt: skip
    return maxima(program, operation, program.value(of(operation.name)), out, program.buffers[of(operation.base)])


def maxima(program: Program, operation: Pool, x: Value, out: str, source: str) -> MaxPoolCall:
    """A max-pool of values `x`."""
    height, width, channels = spatial(operation.source)
    program.kernels.max_pool(x)
    top, bottom, left, right = operation.frame
    framed = (height + bottom, width + right, channels)
    frame = window_table(framed, (0, 0), (0, 0, 0), channels, top=top, left=left)
    return MaxPoolCall(
        x, out, source,
        window=program.window(operation.name, pool_window(operation)),
        frame=program.window(f"{operation.name}_frame", frame),
    )  # fmt: skip


def pool_window(pool: Pool) -> WindowTable:
    """A max-pool over what it reads, without the zeros around."""
    source, shape = spatial(pool.source), spatial(pool.shape)
    top, left = pool.pads[0] + pool.frame[0], pool.pads[2] + pool.frame[2]
    return window_table(source, pool.size, shape, source[2], strides=pool.strides, top=top, left=left)


def window_run(program: Program, population: ir.Population, wiring: Wiring, index: int) -> Run:
    """A population over its whole window: it integrates, then fires; a readout keeps its potential."""
    a = _count_type(program, population)
    bias = program.parameter(population, "bias", wiring.flat)
    v0 = program.parameter(population, "v0", wiring.flat)
    made = run(program, population, wiring, index, wiring.edges, a, total(product(bias, STEPS), v0), STEPS)
    if population.relay:
        return replace(made, relaying=relaying(program, population, population.relay, wiring.flat, a))
    if not population.fires:
        return made
    program.kernels.fire(a)
    theta = program.parameter(population, "theta", wiring.flat)
    if made.hosted:
        program.kernels.host_fire()
    limit = program.network.over(dynamics="count").limit(population.saturates)
    more = 0 if limit is None else limit - program.network.timesteps
    return replace(
        made,
        firing=Firing(
            theta.text(RUN), by_channel(theta), f"limit + {more}U" if more else "limit", program.buffers[made.name]
        ),
    )


def relaying(program: Program, population: ir.Population, relay: ir.Relay, flat: bool, a: Accumulator) -> Relaying:
    """How a charge becomes a relay's value."""
    program.kernels.relay(a)
    shift = program.parameter_of("shift", relay.shift, population, flat)
    return Relaying(shift, program.buffers[population.name], program.value(population.name).ctype)


def _count_type(program: Program, population: ir.Population) -> Accumulator:
    theta = span(population.theta, population.bias, population.v0)
    low, high = program.network.intervals[program.network.dynamics][population.name]
    return Accumulator.of(signed((min(low, theta[0]), max(high, theta[1], program.network.timesteps)), 32))


def run(
    program: Program,
    population: ir.Population,
    wiring: Wiring,
    index: int,
    edges: Iterable[Edge],
    a: Accumulator,
    start: Expression,
    held: Expression | None,
) -> Run:
    """A population integrated in gather form over a whole image. `held`: how often a current counts; None: once."""
    height, width, channels = (1, 1, population.neurons) if wiring.flat else spatial(population.shape)
    positions = height * width
    pair = min(2, positions)
    acc = program.need(f"acc_{a.tag}", a.ctype, pair * channels, "accumulators")
    calls = tuple(call_of(program, edge, channels, a, pair, held) for edge in edges)
    host = hosted(calls, a, positions, channels)
    if host:
        program.kernels.host()
    uniform = by_channel(start)
    return Run(population.name, index, positions, channels, pair, a, acc, start.text(RUN), uniform, calls, host)


def by_channel(expression: Expression) -> bool:
    """Whether it is the same at every position."""
    return expression.text(RUN) == expression.text(Names("elsewhere", RUN.channel))


def call_of(program: Program, edge: Edge, row: int, a: Accumulator, pair: int, held: Expression | None) -> Call:
    x = program.value(edge.base)
    scale: Expression = Literal(2**edge.shift)
    if edge.current and held:
        scale = product(held, scale) if edge.shift else held
    table = edge.window(row, edge.weights.shape[3] if edge.kind == "taps" and edge.weights is not None else 1)
    call = Call(
        kind=edge.kind, x=x, window=program.window(edge.name, table), source=program.buffers[edge.base],
        first=edge.first, scale=scale.text(RUN), gathers=bool(table.gathers), channels=table.channels,
    )  # fmt: skip
    if edge.weights is None:
        program.kernels.pool(x, a)
        return call
    kh, kw, channels, outputs = edge.weights.shape
    if edge.kind == "dot":
        rows = edge.weights.reshape(kh * kw * channels, outputs).T
        note = f"weights of {edge.name}, [{outputs}][{kh}][{kw}][{channels}]: output, row, column, input channel"
    else:
        rows = edge.weights.reshape(kh * kw, channels * outputs)
        note = f"weights of {edge.name}, [{kh}][{kw}][{channels * outputs}]: row, column, output channel"
    w, weights = program.weights(edge.name, rows, note)
    heaviest = int(np.abs(rows.astype(np.int32)).sum(axis=int(edge.kind == "dot")).max()) if w.nibble else 0
    call = replace(call, w=w, weights=weights, length=w.length, rows="" if w.nibble else program.unpacked(w, 2))
    if edge.kind == "dot":
        joined = pair > 1 and joins(x, w, a, heaviest, w.length, outputs)
        kernel = program.kernels.dot(x, w, a, double=pair > 1, heaviest=heaviest, joined=joined)
        call = replace(call, patch=_patch(program, x, pair, w.length, call.gathers, joined), kernel=kernel)
        if fits(x, w, a):
            largest = int(np.abs(rows.astype(np.int32)).max())
            call = replace(call, host_kernel=program.kernels.host_dot(x, w, largest))
        return call
    return replace(call, kernel=program.kernels.taps(x, w, a, heaviest))


def _patch(program: Program, x: Value, pair: int, length: int, gathers: bool, joined: bool) -> str:
    """Room for windows in one piece; where the DSP path widens two, 16 bits to an element and one as it lies."""
    if joined:
        padded = -(-length // 8) * 8
        return program.need("lanes", "uint32_t", padded + (padded // 4 if gathers else 0), "two windows side by side")
    if not gathers:
        return "NULL"
    if pair == 1:
        program.kernels.gather(x)
    return program.need(f"patch_{x.tag}", x.ctype, pair * length, "windows in one piece")
