"""Relays in C, in `step`: their buffers, and what they bring to a population at every timestep, in gather form.

A relay's values are not sparse, so nobody waits for them as for spikes: whoever reads them goes over all of them, once
per timestep. A max-pool of a relay keeps the largest sums so far and hands on how much they grew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from snncc import ir
from snncc.backends.c import gather
from snncc.backends.c.calls import Before, Drive, Kept, RelayScan, Rise, Run
from snncc.backends.c.edges import Edge, Wiring
from snncc.backends.c.expressions import SCAN, ZERO, Expression
from snncc.backends.c.kernels import Accumulator, Potential
from snncc.backends.c.program import Program, at_once
from snncc.backends.c.types import signed, span
from snncc.backends.c.views import Made, Pool, bases, spatial
from snncc.ir import Interval


def summed(base: str) -> str:
    """The buffer of a relay's values, or of a pool's of them, summed over the timesteps so far."""
    return f"{base} summed"


def place_buffers(program: Program) -> None:
    """The values of one timestep of every relay, and their sums where somebody reads them; of signed frames the sums.

    What is read a timestep late is a copy, with sums of its own.
    """
    needed = _summed_relays(program)
    if ir.INPUT in program.relays:
        _place_frames(program, needed)
    for position, population in enumerate(program.network.populations, 1):
        if population.relay:
            name, neurons = population.name, population.neurons
            program.buffers[name] = program.array(
                f"y_{name}", program.value(name).ctype, neurons, f"values of {name}", (position, position),
                zero=name in program.lates,
            )  # fmt: skip
            whole = ir.output_range(program.network, name, "step", whole=True)
            if name in needed:
                _sums(program, name, whole, neurons, f"s_{name}", (position, needed[name]))
            base = program.lates.get(name, "")
            if base:
                note, y = f"values of {name} a timestep before", program.buffers[name]
                program.buffers[base] = program.array(
                    f"y_{base}", program.value(name).ctype, neurons, note, (position, position)
                )
                if base in needed:
                    _sums(program, base, whole, neurons, f"s_{base}", (position, needed[base]))
                program.kept.append(_kept(program, base, position, y, neurons, program.buffers[base], live=False))


def _place_frames(program: Program, needed: dict[str, int]) -> None:
    """Signed frames are read where they are; where timesteps follow T, a copy of the last, or zeros."""
    name, network = ir.INPUT, program.network
    pixels = math.prod(network.input.shape)
    program.buffers[name], out = "image", ""
    if network.window.extra:
        out = program.buffers[name] = program.array(f"x_{name}", program.pixel.ctype, pixels, "a frame", (0, 0))
    if name in needed:
        _sums(program, name, ir.output_range(network, name, "step", whole=True), pixels, f"s_{name}", (0, needed[name]))
    if out or name in needed:
        program.kept.append(_kept(program, name, 0, "image", pixels, out, live=True))


def _kept(program: Program, name: str, index: int, source: str, length: int, out: str, live: bool) -> Kept:
    sums = program.buffers.get(summed(name), "")
    return Kept(index, source, length, out, sums, program.value(summed(name)).ctype if sums else "", live)


def _summed_relays(program: Program) -> dict[str, int]:
    """Relays that a max-pool reads, or a readout of potentials, and the position of the last one that does."""
    found: dict[str, int] = {}
    populations = zip(program.network.populations, program.wirings, program.made, strict=True)
    for position, (population, wiring, made) in enumerate(populations, 1):
        if any(isinstance(operation, Pool) for operation in made) or at_once(population):
            for operation in made:
                found |= dict.fromkeys(bases(operation), position)
        if at_once(population):
            found |= dict.fromkeys((edge.base for edge in wiring.edges), position)
    return {name: position for name, position in found.items() if name in program.relays}


def _sums(program: Program, name: str, reach: Interval, length: int, member: str, life: tuple[int, int]) -> None:
    program.relays[summed(name)] = reach
    ctype = program.value(summed(name)).ctype
    program.buffers[summed(name)] = program.array(member, ctype, length, f"{name} so far", life, zero=True)


def before(program: Program, made: Sequence[Made], grows: bool) -> tuple[Before, ...]:
    """What is computed of relays before they are read: of their sums or, where it `grows`, at every timestep."""
    pooled = any(isinstance(operation, Pool) for operation in made)
    found: list[Before] = []
    for operation in made:
        name, length = operation.name, math.prod(operation.shape)
        life = (program.positions[name], program.positions[name])
        if grows and not isinstance(operation, Pool):  # the same of values and of sums
            ctype = program.value(name).ctype
            program.buffers[name] = program.array(f"y_{name}", ctype, length, f"values of {name}", life)
            found.append(gather.before(program, operation))
        if not grows or pooled:
            reach = ir.hull(program.relays[summed(base)] for base in bases(operation))
            _sums(program, name, reach, length, f"m_{name}", life)
            found += (
                _grown(program, operation, life)
                if grows and isinstance(operation, Pool)
                else [gather.before(program, operation, summed)]
            )
    return tuple(found)


def _grown(program: Program, operation: Pool, life: tuple[int, int]) -> list[Before]:
    """New maxima of sums, then by how much they grew."""
    name, length = operation.name, math.prod(operation.shape)
    sums, x, own = program.buffers[summed(name)], program.value(summed(name)), program.value(name)
    fresh = program.need(f"fresh_{x.tag}", x.ctype, length, "new sums")
    program.buffers[summed(name)] = fresh
    made = gather.before(program, operation, summed)
    program.buffers[summed(name)] = sums
    program.buffers[name] = program.array(f"y_{name}", own.ctype, length, f"by how much {name} grew", life)
    return [made, Rise(program.buffers[name], own.ctype, sums, fresh, length)]


def summed_edges(program: Program, wiring: Wiring) -> Wiring:
    """The edges of a readout: those of relays read sums."""
    edges = (replace(e, base=summed(e.base)) if e.base in program.relays else e for e in wiring.edges)
    return replace(wiring, edges=tuple(edges))


def dense(
    program: Program, population: ir.Population, wiring: Wiring, index: int, made_before: tuple[Before, ...]
) -> Run | None:
    """What relays bring to a population at one timestep; None where it reads none."""
    edges = [edge for edge in wiring.edges if edge.base in program.relays]
    if not edges:
        return None
    a = Accumulator.of(signed(reach_of(program, edges), 32))
    return replace(gather.run(program, population, wiring, index, edges, a, ZERO, None), before=made_before)


def reach_of(program: Program, edges: Iterable[Edge], bias: Interval = (0, 0)) -> Interval:
    """Every value of what edges of values, not of spikes, bring to a neuron at one timestep."""
    source = program.network.input
    pixels = source.coding.reach(source.levels, source.signed, 1, 1)
    low, high = bias
    for edge in edges:
        m, most = pixels if edge.current else program.relays[edge.base]
        ones = np.ones((math.prod(edge.kernel), 1), np.int64) if edge.weights is None else edge.weights
        last = ones.reshape(-1, ones.shape[-1]) if edge.kind == "dot" else ones.reshape(math.prod(edge.kernel), -1)
        positive = int(np.maximum(last, 0).sum(axis=0, dtype=np.int64).max())
        negative = int(np.maximum(-last.astype(np.int64), 0).sum(axis=0).max())
        high += (positive * most - negative * m) * 2**edge.shift
        low += (positive * m - negative * most) * 2**edge.shift
    return low, high


def scan(
    program: Program,
    population: ir.Population,
    relay: ir.Relay,
    wiring: Wiring,
    index: int,
    bias: Expression,
    charge: Potential | None,
    drive: Drive | None,
    run: Run | None,
) -> RelayScan:
    """A relay's scan. `charge`: where the spikes of one timestep, and other relays, add up; None where none come."""
    name = population.name
    height, width, stride = spatial(population.shape)
    positions, channels = (1, population.neurons) if wiring.flat else (height * width, stride)
    reach = span(population.bias)
    low, high = program.network.intervals["step"][name]
    a = Accumulator.of(signed((min(low, reach[0]), max(high, reach[1])), 32))
    made = gather.relaying(program, population, relay, wiring.flat, a)
    sums = program.buffers.get(summed(name), "")
    return RelayScan(
        name=name, index=index, positions=positions, channels=channels, stride=stride, counts="",
        v=charge, a=a, bias=bias.text(SCAN), drive=drive, dense=run,
        relaying=made, sums=sums,
        sums_type=program.value(summed(name)).ctype if sums else "",
    )  # fmt: skip
