"""`step` with numbers: neurons that forget, and neurons whose spikes are read a timestep late.

A charge is added to the potential, or to the synaptic current, as soon as it comes. So what is forgotten of both is
taken away as a timestep begins, of every neuron in one loop without branches; then spikes of the timestep before are
handed to their late readers, and the populations follow in order. At the end of a timestep the state is V and I of the
contract. Integrate-and-fire neurons that are read late are the same with neutral numbers.
"""

from __future__ import annotations

import numpy as np

from snncc import ir
from snncc.backends.c.calls import Drive, LateScan, LeakyScan, Run, Share
from snncc.backends.c.expressions import SCAN, ZERO, Literal
from snncc.backends.c.kernels import Accumulator, Potential
from snncc.backends.c.program import Program
from snncc.backends.c.types import signed, span
from snncc.backends.c.views import spatial
from snncc.ir import Array, Interval, LeakyIntegrateAndFire, LeakyIntegrator
from snncc.neurons.leaky import FRACTION, WHOLE

Leaky = LeakyIntegrateAndFire | LeakyIntegrator


def has_numbers(program: Program, population: ir.Population) -> bool:
    """Whether a population is scanned here."""
    return isinstance(population.kind, Leaky) or (population.fires and population.name in program.lates)


def late(program: Program, population: ir.Population) -> LateScan:
    """Its spikes of the timestep before, as a source; those of the timestep are kept for the next."""
    height, width, channels = spatial(population.shape)
    position, base = program.positions[population.name], program.lates[population.name]
    note = f"spikes of {population.name} a timestep before"
    held = program.array(f"y_{population.name}", "uint8_t", population.neurons, note, (position, position), zero=True)
    return LateScan(
        base, position, height * width, channels, channels, program.buffers.get(base, ""), held,
        numbers=program.value(base).ctype if base in program.numbers else "",
    )  # fmt: skip


def scan(
    program: Program,
    population: ir.Population,
    flat: bool,
    index: int,
    drive: Drive | None,
    dense: Run | None,
    held: str,
) -> LeakyScan:
    """A population's scan, without its targets. `held`: where late readers find its spikes."""
    name, kind = population.name, _numbers(population)
    height, width, stride = spatial(population.shape)
    positions, channels = (1, population.neurons) if flat else (height * width, stride)
    reach = _reach(program.network, population, kind)
    ctype = signed(reach, 16)
    v = Potential.of(ctype, "")
    a = Accumulator.of(v.wide)
    bias, v0 = (program.parameter(population, each, flat) for each in ("bias", "v0"))
    theta = program.parameter_of("theta", population.threshold, population, flat)
    last = len(program.network.populations) if not population.hands_on else index
    into = program.array(
        f"v_{name}", ctype, population.neurons, f"potentials of {name}", (index, last), zero=v0 == ZERO
    )
    current = ""
    if kind.has_current:
        note = f"synaptic currents of {name}"
        current = program.array(f"i_{name}", ctype, population.neurons, note, (index, index), zero=True)
    firing = kind if isinstance(kind, LeakyIntegrateAndFire) else None
    amount = program.parameter_of("amount", firing.amount, population, flat) if firing else ZERO
    lowest = np.maximum(kind.lowest, reach[0])
    clamp = program.parameter_of("lowest", lowest, population, flat) if (lowest > reach[0]).any() else None
    leak, decay = (
        _share(program, population, each, values, flat, reach, a, kind.rounding)
        for each, values in (("leak", kind.leak), ("decay", kind.decay if current else np.zeros((), np.int64)))
    )
    numbers = [theta, bias, amount, *([clamp] if clamp else []), *(share.part for share in (leak, decay) if share)]
    return LeakyScan(
        name=name, index=index, positions=positions, channels=channels, stride=stride,
        counts=program.buffers.get(name, ""), numbers=program.value(name).ctype if name in program.numbers else "",
        v=v, a=a, into=current or into, theta=theta.text(SCAN) if firing else "", amount=amount.text(SCAN),
        most=firing.most if firing else 0, reset=firing.reset if firing else "", v0="" if v0 == ZERO else v0.text(SCAN),
        bias=bias.text(SCAN), adds=bool(drive) or bias != ZERO, drive=drive, dense=dense, current=current,
        late_current=kind.late_current, leak=leak, decay=decay, lowest=clamp.text(SCAN) if clamp else "", held=held,
        uniform=all(isinstance(number, Literal) for number in numbers),
    )  # fmt: skip


def _numbers(population: ir.Population) -> Leaky:
    """The kind of the neurons; integrate-and-fire with neutral numbers."""
    if isinstance(population.kind, Leaky):
        return population.kind
    zero = np.zeros((), np.int64)
    return LeakyIntegrateAndFire(leak=zero, decay=zero + WHOLE, lowest=zero - 2**62, amount=population.threshold)


def _reach(network: ir.Network, population: ir.Population, kind: Leaky) -> Interval:
    """Every value of a potential, a current, or what a potential is compared with or reset to or by.

    `subtract_late` takes spikes off before the lower end is looked at, which the proved interval leaves out.
    """
    low, high = network.intervals["step"][population.name]
    if isinstance(kind, LeakyIntegrator):
        return min(low, 0), max(high, 0)
    theta, amounts = population.threshold, span(kind.amount)
    if kind.reset != "value" and kind.most > 1:
        high += amounts[1]
    if kind.reset == "subtract_late":
        low -= amounts[1] * min(kind.most, max(0, high - int(theta.min())) // int(kind.amount.min()) + 1)
    return min(low, amounts[0], 0), max(high, amounts[1], int(theta.max()))


def _share(
    program: Program,
    population: ir.Population,
    name: str,
    parts: Array,
    flat: bool,
    reach: Interval,
    a: Accumulator,
    rounding: str,
) -> Share | None:
    """Parts of 4096 in lowest terms, so that the product is as narrow as it can be; None where all are 0."""
    if not parts.any():
        return None
    common = min((part & -part).bit_length() - 1 for part in parts.reshape(-1).tolist() if part)
    reduced = parts >> common
    most = int(reduced.max())
    wide = Accumulator.of(signed((reach[0] * most, reach[1] * most), 64 if a.tag == "i64" else 32))
    kernel = program.kernels.share(wide, rounding)
    return Share(kernel, wide.ctype, program.parameter_of(name, reduced, population, flat), FRACTION - common)
