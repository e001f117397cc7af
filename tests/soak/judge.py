"""What an accepted network must stand: its intervals proved again by other means, and every potential inside them.

The proof is section 5 of docs/contract.md in Python's integers, channel by channel; it shares no code with
`snncc.ir.intervals`, nor with tests/reference.py, which for some of the networks runs the whole contract besides.
"""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np

from snncc import ir, sim, store
from snncc.errors import SnnccError
from tests import reference

MOST_NEURONS = 4_000
MOST_TAPS = 400_000
LONGEST = 24
"""Timesteps that `step` runs; `count` always runs T_max."""

Proof = dict[str, dict[str, tuple[int, int]]]


class Finding(Exception):  # noqa: N818 (what is found, not an error of ours)
    """Something that must not happen; the message says what."""


def leaves(view: Any) -> list[str]:
    """Names that a view reads."""
    if isinstance(view, ir.Source):
        return [view.population]
    return [name for part in getattr(view, "views", None) or [view.view] for name in leaves(part)]


def columns(projection: Any, channels: int) -> list[tuple[int, int]]:
    """(P, N) of every output channel."""
    if isinstance(projection, ir.SumPool2D):
        return [(projection.size[0] * projection.size[1], 0)] * channels
    w = projection.weights
    if isinstance(projection, ir.Identity):
        rows = [[int(w)] * channels if w.ndim == 0 else w.tolist()]
    elif isinstance(projection, ir.DepthwiseConv2D):
        rows = [[v for channel in tap for v in channel] for line in w.tolist() for tap in line]
    else:
        rows = w.reshape(-1, w.shape[-1]).tolist()
    return [(sum(v for v in c if v > 0), -sum(v for v in c if v < 0)) for c in zip(*rows, strict=True)]


def parameters(population: ir.Population) -> list[set[tuple[int | None, int, int]]]:
    """Per channel every (theta, bias, v0) that one of its neurons has."""
    shape = population.shape if any(v is not None and v.ndim > 1 for v in _three(population)) else population.shape[-1:]
    lists = [
        [[None] * shape[-1]] if v is None else np.broadcast_to(v, shape).reshape(-1, shape[-1]).tolist()
        for v in _three(population)
    ]
    rows = max(map(len, lists))
    lists = [values * rows if len(values) == 1 else values for values in lists]
    return [set(zip(*([row[c] for row in values] for values in lists), strict=True)) for c in range(shape[-1])]


def _three(population: ir.Population) -> tuple[Any, Any, Any]:
    return population.theta, population.bias, population.v0


def proved_again(network: ir.Network) -> Proof:
    """Both dynamics' intervals of every population."""
    source, longest, ext = network.input, network.timesteps, network.spike_ext
    pixel = (-source.levels if source.signed else 0, source.levels)
    if source.encoding == "rate":
        counted, single = {"input": (0, longest + max(0, ext))}, {"input": (0, 1)}
    else:
        counted, single = {"input": (pixel[0] * longest, pixel[1] * longest)}, {"input": pixel}
    summed = dict(counted)  # what a readout of potentials reads in `step`
    length = longest + max(0, ext)
    proof: Proof = {"count": {}, "step": {}}
    for population in network.populations:
        relay = population.relay
        name, channels = population.name, population.shape[-1]
        sums = [(p, columns(p, channels), leaves(p.source)) for p in population.projections]
        neurons = parameters(population)
        for dynamics in ("count", "step"):
            whole = dynamics == "count" or (population.theta is None and relay is None)
            ranges = counted if dynamics == "count" else summed if whole else single
            ends: list[int] = []
            for c in range(channels):
                low = high = 0
                for projection, column, names in sums:
                    m, most = min(ranges[n][0] for n in names), max(ranges[n][1] for n in names)
                    positive, negative = column[c]
                    high += (positive * most - negative * m) << projection.shift
                    low += (positive * m - negative * most) << projection.shift
                half = 0 if relay is None else (1 << int(relay.shift if relay.shift.ndim == 0 else relay.shift[c])) >> 1
                for theta, bias, v0 in neurons[c]:
                    if relay is not None:
                        held = longest if dynamics == "count" else 1
                        ends.append(high + max(0, bias) * held + half)
                        ends.append(low + min(0, bias) * held)
                        continue
                    if whole or theta is None:
                        ends.append(high + max(0, v0) + max(0, bias) * longest)
                        ends.append(low + min(0, v0) + min(0, bias) * longest)
                        continue
                    n, up, down = longest + max(0, ext), high + max(0, bias), max(0, -bias) - low
                    ends.append(max(v0, theta - 1, 0) + (n - 1) * max(0, up - theta) + up)
                    ends.append(min(v0, 0) - n * down)
            proof[dynamics][name] = (min(ends), max(ends))
        if relay is not None:
            counted[name], single[name] = relay.count, relay.step
            summed[name] = relay.step[0] * length, relay.step[1] * length
            continue
        single[name] = (0, 1)
        counted[name] = (0, longest + max(0, ext))
        if ext < 0 and population.theta is not None:
            counted[name] = (0, max(0, proof["count"][name][1]) // int(population.theta.min()))
        summed[name] = counted[name]
    return proof


def size(network: ir.Network) -> tuple[int, int]:
    """(neurons, taps) of a network."""
    neurons = math.prod(network.input.shape) + sum(p.neurons for p in network.populations)
    taps = 0
    for population in network.populations:
        for p in population.projections:
            window = p.size[0] * p.size[1] if isinstance(p, ir.SumPool2D) else p.weights.size
            taps += window * population.neurons
    return neurons, taps


def judge(network: ir.Network, dice: random.Random, scratch: Path) -> str:
    """The outcome of a network that was accepted: `accepted`, or `accepted (...)` where not everything could be done.

    Finding: an interval is not what section 5 says, a potential lies outside, or something foreign is raised.
    """
    names = {name for population in network.populations for p in population.projections for name in leaves(p.source)}
    known = {"input"}
    for population in network.populations:
        if population.name in known or not all(n in known for p in population.projections for n in leaves(p.source)):
            raise Finding(f"the graph is no order: {population.name!r}")
        known.add(population.name)
    if not names <= known:
        raise Finding("a view reads what is not there")
    neurons, taps = size(network)
    if neurons > MOST_NEURONS or taps > MOST_TAPS:
        return "accepted (too large to prove again)"
    if network.is_integer:
        proof = proved_again(network)
        if network.intervals != proof:
            raise Finding(f"intervals {network.intervals} are accepted, {proof} are right")
        ends = [end for intervals in proof.values() for interval in intervals.values() for end in interval]
        if not all(-(2**62) <= end < 2**62 for end in ends):
            raise Finding("an interval of more than 63 bits is accepted")
    ran = run_inside(network, dice)
    if dice.random() < 0.05:
        _again(network, dice, scratch)
    return "accepted" if ran else "accepted (does not run)"


def images(network: ir.Network, dice: random.Random) -> np.ndarray:
    """Two images: each pixel an end of the range or anything between."""
    low, high = (-network.input.levels if network.input.signed else 0), network.input.levels
    count = 2 * math.prod(network.input.shape)
    flat = [dice.choice((low, high, 0, dice.randint(low, high))) for _ in range(count)]
    return np.array(flat, np.int64).reshape(2, *network.input.shape)


def run_inside(network: ir.Network, dice: random.Random) -> bool:
    """Run in every dynamics that the network has; whether any ran. Finding where a potential leaves its interval."""
    pixels, ran = images(network, dice), False
    for dynamics, timesteps in (("count", network.timesteps), ("step", min(LONGEST, network.timesteps))):
        try:
            with np.errstate(all="ignore"):
                result = sim.run(network, pixels, timesteps, dynamics, trace=True)
        except SnnccError:
            continue
        ran = True
        if not network.is_integer or result.trace is None:
            continue
        seen = dict(result.trace.potentials)
        if not network.output.fires:
            seen[network.output.name] = result.values
        for name, potentials in seen.items():
            low, high = network.intervals[dynamics][name]
            values = [potentials]
            if dynamics == "step" and network[name].fires:
                values.append(potentials + result.trace.spikes[name].astype(np.int64) * network[name].theta)
            for some in values:
                if some.size and not low <= int(some.min()) <= int(some.max()) <= high:
                    raise Finding(f"{name} reaches {int(some.min())}..{int(some.max())}, proved {low}..{high}")
        if dice.random() < 0.03 and size(network)[1] < 20_000:
            _as_the_reference(network, pixels[0], result, dynamics, timesteps)
    return ran


def _as_the_reference(network: ir.Network, image: np.ndarray, result: Any, dynamics: str, timesteps: int) -> None:
    run = reference.count if dynamics == "count" else reference.step
    wanted = run(network, image, timesteps)
    if result.values[0].reshape(-1).tolist() != wanted.values or int(result.classes[0]) != wanted.label:
        raise Finding(f"{dynamics}: the simulator and the contract's loops differ")


def _again(network: ir.Network, dice: random.Random, scratch: Path) -> None:
    """Saved and loaded it is the same; targets take it or refuse it by name."""
    place = scratch / "again.snn"
    if ir.content_hash(ir.load(ir.save(network, place))) != ir.content_hash(network):
        raise Finding("saved and loaded it is another network")
    place.unlink()
    for target in ("c", "verilog"):
        try:
            store.check_targets(network, {target: {}})
            if target == "c" and dice.random() < 0.2:
                store.write(network, scratch / "again", {target: {}}, force=True)
        except SnnccError:
            continue
