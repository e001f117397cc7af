"""`step`: potentials that live from timestep to timestep, and spikes that feed the next scatter directly.

A bias is not added to every potential at every timestep: V' = V - bias*min(t, T) is stored and compared with
theta - bias*min(t, T), so that a silent neuron is only read. A population that reads a constant input current
keeps `drive` = that current's charge + bias per neuron, computed once per image. Of unsigned frames every pixel that is
not 0 is a number of spikes, as is what a neuron hands on that may fire several times in a timestep.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace

import numpy as np

from snncc import ir
from snncc.backends.c import gather, leaky, relays, stages
from snncc.backends.c.calls import (
    Before,
    Drive,
    InputScan,
    LeakyScan,
    Passed,
    PassingScan,
    PopulationScan,
    RelayScan,
    Run,
    Target,
    Targets,
)
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
from snncc.backends.c.layout import Buffer
from snncc.backends.c.program import Program, at_once
from snncc.backends.c.types import signed, span
from snncc.backends.c.views import Blocks, Made, Move, bases, spatial
from snncc.ir import INPUT, Interval


def step(program: Program) -> None:
    """Fill a program in for `step`: its buffers, scans (one per population that hands on), stages, readout's run."""
    network = program.network
    kept = [network.output.name] if network.output.fires else []
    if at_once(network.output):
        read = dict.fromkeys(e.base for e in program.wirings[-1].edges if not e.current)
        kept = [name for name in read if name not in program.relays]
    if INPUT in program.currents:
        program.buffers[INPUT] = "image"
    for name in kept:
        kept_for = (program.positions[name], len(network.populations))
        length = math.prod(program.splitter.shapes[name])
        program.buffers[name] = program.array(
            f"c_{name}", program.value(name).ctype, length, f"spikes of {name} so far", kept_for, zero=True
        )
    relays.place_buffers(program)
    targets: Targets = defaultdict(list)
    program.kept += [leaky.late(program, p) for p in network.populations if p.fires and p.name in program.lates]
    populations = zip(network.populations, program.wirings, program.made, strict=True)
    for index, (population, wiring, made) in enumerate(populations, 1):
        driven = at_once(population) or any(edge.current for edge in wiring.edges)
        pools = [operation for operation in made if driven and operation.name in program.currents]
        held = tuple(hold(program, operation) for operation in pools)
        of_relays = [operation for operation in made if operation.name in program.relays]
        for operation in made:
            if operation.name not in program.currents and operation not in of_relays:
                program.passing.append(_passing(program, operation, targets))
        before = relays.before(program, of_relays, grows=not at_once(population))
        if not at_once(population):
            run = relays.dense(program, population, wiring, index, before)
            program.scans.append(_scan(program, population, wiring, index, targets, held, run))
        else:
            wiring = relays.summed_edges(program, wiring)
            program.runs.append(replace(gather.window_run(program, population, wiring, index), before=held + before))
    if network.input.coding.spiking or INPUT in program.numbers:
        program.scans.insert(0, _encoder(program))
    if program.streams:
        note = "timesteps since the sequence began, and before the window"
        program.array("time", "uint32_t", 2, note, (0, len(network.populations)), zero=True)
        program.restarts = _restarts(program)
    program.stages = stages.divide(program, targets)


def _restarts(program: Program) -> list[Buffer] | None:
    """What holds sums of the window alone: the readout's. None where a maximum of values shares them."""
    output, made = program.network.output, program.made[-1]
    if output.fires:
        names = [f"c_{output.name}"]
    elif at_once(output):
        values = {edge.base for edge in program.wirings[-1].edges} & program.relays.keys()
        pooled = {base for group in program.made for operation in group for base in bases(operation)}
        if values & pooled or any(operation.name in program.relays for operation in made):
            return None
        names = [f"{'s' if e.base in values else 'c'}_{e.base}" for e in program.wirings[-1].edges]
    else:
        names = []
    return [buffer for buffer in program.arrays if buffer.name in names]


def hold(program: Program, operation: Made) -> Before:
    """What is made of the constant current: computed once per image, into a buffer of its own."""
    name, length = operation.name, math.prod(operation.shape)
    program.buffers[name] = program.array(f"x_{name}", program.pixel.ctype, length, "pooled input", life(program, name))
    return gather.before(program, operation)


def _passing(program: Program, operation: Made, targets: Targets) -> PassingScan:
    """What is made of spikes: it joins the targets of what it reads, and passes on what comes of it."""
    name, (height, width, channels) = operation.name, spatial(operation.shape)
    seen = most = window = ctype = ""
    numbers = name in program.numbers
    if isinstance(operation, Move):
        for number, (base, to) in enumerate(operation.parts):
            ctype = "uint16_t" if len(to) == 0 or int(to.max()) < 2**16 else "uint32_t"
            table = program.constant(f"{name}_{number}", ctype, to, f"where the elements of {base} go")
            targets[base].append((program.positions[name], Passed("place", name, "0", "i", table, numbers=numbers)))
    elif isinstance(operation, Blocks):
        p, c = _called(program, operation.base, spatial(operation.source))
        (down, across), row = operation.strides, operation.shape[1]
        passed = Passed(
            "blocks", name, p.text(), c.text(), copies=math.prod(operation.copies), columns=operation.copies[1],
            width=spatial(operation.source)[1], row=row, down=down * row, across=across, numbers=numbers,
        )  # fmt: skip
        targets[operation.base].append((program.positions[name], passed))
    else:
        program.kernels.windows()
        p, c = _called(program, operation.base, spatial(operation.source))
        rise = Passed("rise", name, p.text(), c.text(), numbers=numbers)
        targets[operation.base].append((program.positions[name], rise))
        ctype, read = program.value(name).ctype, math.prod(operation.source)
        note, size, own = (
            f"spikes of {operation.base}, which {name} reads",
            height * width * channels,
            life(program, name),
        )
        seen = program.array(f"n_{name}", ctype, read, note, own, zero=True)
        most = program.array(f"m_{name}", ctype, size, f"the largest counts of {name}", own, zero=True)
        window = program.window(name, gather.pool_window(operation))
    counts = program.buffers.get(name, "")
    positions, row = (1, height * width * channels) if isinstance(operation, Move) else (height * width, channels)
    return PassingScan(
        name, 0, positions, row, channels, counts, seen, most, window, ctype,
        numbers=program.value(name).ctype if numbers else "",
    )  # fmt: skip


def life(program: Program, name: str) -> tuple[int, int]:
    """Of what is needed for one population alone: its own position."""
    return program.positions[name], program.positions[name]


def _encoder(program: Program) -> InputScan:
    """The input that spikes, rate-coded or frames, as the first scan."""
    height, width, channels = spatial(program.network.input.shape)
    neurons = height * width * channels
    counts = program.buffers.get(INPUT, "")
    if INPUT in program.numbers:
        sums = program.value(INPUT).ctype
        return InputScan(INPUT, 0, height * width, channels, channels, counts, numbers=sums)
    program.array("v_input", program.pixel.ctype, neurons, "potentials of the input", (0, 0), zero=True)
    return InputScan(INPUT, 0, height * width, channels, channels, counts)


def _scan(
    program: Program,
    population: ir.Population,
    wiring: Wiring,
    index: int,
    targets: Targets,
    held: tuple[Before, ...],
    dense: Run | None,
) -> PopulationScan | LeakyScan | RelayScan:
    """A population's scan. It joins the targets of those that it reads; its own are listed by its readers."""
    name = population.name
    height, width, stride = spatial(population.shape)
    positions, channels = (1, population.neurons) if wiring.flat else (height * width, stride)
    currents = [e for e in wiring.edges if e.current]
    spikes = [e for e in wiring.edges if not e.current and e.base not in program.relays]
    bias = program.parameter(population, "bias", wiring.flat)
    if leaky.has_numbers(program, population):
        drive = drive_of(program, population, wiring, index, currents, bias, held) if currents else None
        kept = program.at(f"y_{name}") if name in program.lates else ""
        made = leaky.scan(program, population, wiring.flat, index, drive, dense, kept)
        for edge in spikes:
            targets[edge.base].append((index, _target(program, edge, made.v, made.into, channels)))
        return made
    if population.relay:
        charge = None
        if spikes or dense:
            charge = Potential.of(signed(program.network.intervals["step"][name], 16), "")
            into = program.array(
                f"v_{name}", charge.ctype, population.neurons, f"charge of {name}", life(program, name), zero=True
            )
            for edge in spikes:
                targets[edge.base].append((index, _target(program, edge, charge, into, channels)))
        drive = drive_of(program, population, wiring, index, currents, bias, held) if currents else None
        return relays.scan(program, population, population.relay, wiring, index, bias, charge, drive, dense)
    per_channel = all(
        a is not None and (a.size == 1 or a.ndim == 1 or positions == 1)
        for a in (population.theta, population.bias, population.v0)
    )
    lazy = not currents and not dense and bool(np.any(population.bias))
    low, high, lazy = reach(program.network, population, lazy)
    single = not dense and not any(edge.base in program.numbers for edge in spikes)
    lanes = channels % 4 == 0 and per_channel and not currents and single and ir.bits_needed((low, high)) <= 16
    v = Potential.of(signed((low, high), 16), f"{program.p.upper()}_LANE" if lanes else "")
    if lanes:
        program.kernels.lanes()
    theta, v0 = (program.parameter(population, kind, wiring.flat) for kind in ("theta", "v0"))
    into = program.array(
        f"v_{name}", v.ctype, positions * channels, f"potentials of {name}", life(program, name), zero=v0 == ZERO
    )
    drive = drive_of(program, population, wiring, index, currents, bias, held) if currents else None
    for edge in spikes:
        targets[edge.base].append((index, _target(program, edge, v, into, channels)))
    return PopulationScan(
        name=name, index=index, positions=positions, channels=channels, stride=stride,
        counts=program.buffers.get(name, ""),
        v=v, a=Accumulator.of(v.wide), theta=theta.text(SCAN),
        v0="" if v0 == ZERO else v0.text(SCAN), bias=bias.text(SCAN), lazy=lazy,
        adds=bool(currents) or (not lazy and bias != ZERO), by_channel=per_channel, drive=drive, dense=dense,
    )  # fmt: skip


def drive_of(
    program: Program,
    population: ir.Population,
    wiring: Wiring,
    index: int,
    currents: list[Edge],
    bias: Expression,
    held: tuple[Before, ...],
) -> Drive:
    reach = relays.reach_of(program, currents, span(population.bias))
    a, ctype, name = Accumulator.of(signed(reach, 32)), signed(reach, 16), population.name
    program.array(f"d_{name}", ctype, population.neurons, f"charge per timestep of {name}", life(program, name))
    run = gather.run(program, population, wiring, index, currents, a, bias, None)
    return Drive(replace(run, before=held), ctype)


def reach(network: ir.Network, population: ir.Population, lazy: bool) -> tuple[int, int, bool]:
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


def _target(program: Program, edge: Edge, v: Potential, into: str, row: int) -> Target:
    """An edge as a reader of its source's spikes, in scatter form."""
    channels = edge.source[2]
    p, c = _called(program, edge.base, edge.source)
    scale = Literal(2**edge.shift).text()
    if edge.base in program.numbers:
        scale = f"({v.wide})n * {scale}"
    target = Target(kind="pool", v=v, into=into, window="", p=p.text(), c=c.text(), scale=scale)
    if edge.weights is None:
        single = program.kernels.spread_pool(v, edge.kernel == edge.strides)
        return replace(target, window=program.window(edge.name, edge.window(row)), single=single)
    kh, kw, _, outputs = edge.weights.shape
    by_channel = np.ascontiguousarray(edge.weights.transpose(2, 0, 1, 3))  # C, KH, KW, O or M
    multiplier, first = 1, ""
    if edge.kind == "dot" and edge.source[:2] == edge.output[:2] == edge.kernel == (1, 1):
        kind, rows = "row", by_channel.reshape(channels, outputs)
        note = f"[{channels}][{outputs}]: input, output"
    elif edge.kind == "dot" and edge.strides == edge.dilation == (1, 1):
        kind, rows = "run", by_channel[:, :, ::-1].reshape(channels * kh, kw * outputs)
        note = f"[{channels}][{kh}][{kw}][{outputs}]: input channel, row, column mirrored, output"
    else:
        kind, rows = "tap", by_channel.reshape(channels * kh * kw, outputs)
        note = f"[{channels}][{kh}][{kw}][{outputs}]: input channel, row, column, output"
        multiplier, first = outputs, "0" if edge.kind == "dot" else _first(edge.first, outputs, c).text()
    w, weights = program.weights(edge.name, rows, f"weights of {edge.name}, {note}")
    program.kernels.spread(f"spread_{kind}", v, w)
    return replace(
        target, kind=kind, window=program.window(edge.name, edge.window(row, multiplier)), first=first,
        w=w, weights=weights, rows=program.unpacked(w, 1),
    )  # fmt: skip


def _first(first: int, multiplier: int, channel: Expression) -> Expression:
    """Where the outputs of a depthwise edge's channel begin."""
    own = channel if multiplier == 1 else product(Group(channel), Literal(multiplier))
    return Operation(Literal(first), "+", own) if first else own


def _called(program: Program, base: str, read: tuple[int, int, int]) -> tuple[Expression, Expression]:
    """(position, channel) in a map of the shape that it is read as, of neuron (p, c), element i, of a buffer."""
    height, width, channels = spatial(program.splitter.shapes[base])
    made_height, made_width, made_channels = read
    positions = made_height * made_width
    if (positions, made_channels) == (height * width, channels):
        return Position(), Channel()
    element, count = Name("i"), Literal(made_channels)
    if made_channels == 1:
        return element, ZERO
    if positions == 1:
        return ZERO, element
    return Operation(element, "/", count), Operation(element, "%", count)
