"""Proved intervals: every value that a membrane potential can take, from the actual weights.

Per output channel and projection: P = sum of positive weights, N = sum of |negative| ones, source values in
[m, M] with m <= 0 <= M. Before the shift `hi_p = P*M - N*m`, `lo_p = P*m - N*M`. All taps count, borders are
ignored, so the intervals hold for every T <= T_max and every order of addition. Source: docs/contract.md, 5.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from snncc.errors import NetworkError
from snncc.ir.network import INPUT, Array, Interval, Network, Population, Projection, SumPool2D, View, replace
from snncc.ir.shapes import dense_weights, late_sources, sources
from snncc.ir.window import Dynamics
from snncc.neurons import Relay

BLOCK = 2**18

Proved = dict[str, Interval]


def source_range(
    network: Network, view: View, dynamics: Dynamics, proved: Proved | None = None, whole: bool = False
) -> Interval:
    """[m, M] of the values that a view can hold in one application of a projection.

    `whole`: of the sums over the window, which a readout of potentials reads in `step` too. `proved` are the `count`
    intervals found so far (default: the network's own); only spike_ext = -1, where nothing but the potential itself
    bounds a count, needs them.
    """
    proved = network.intervals.get("count", {}) if proved is None else proved
    return hull(output_range(network, name, dynamics, proved, whole) for name in {*sources(view), *late_sources(view)})


def hull(ranges: Iterable[Interval]) -> Interval:
    """[m, M] over all of them, of which there is at least one."""
    lows, highs = zip(*ranges, strict=True)
    return min(lows), max(highs)


def output_range(
    network: Network, name: str, dynamics: Dynamics, proved: Proved | None = None, whole: bool = False
) -> Interval:
    """[m, M] of what a population, or the input, hands on at once; `whole`: of its sum over the window."""
    proved = network.intervals.get("count", {}) if proved is None else proved
    window = network.over(dynamics=dynamics)
    if whole and window.stepping:
        relay = None if name == INPUT else network[name].relay
        if relay is None:
            return output_range(network, name, "count", proved)
        return relay.step[0] * window.length, relay.step[1] * window.length
    if name == INPUT:
        source, most = network.input, window.length if window.counting else 1
        return source.coding.reach(source.levels, source.signed, window.held, most)
    population, limit = network[name], window.limit()
    highest, theta = 0, 1
    if limit is None and population.theta is not None:
        highest, theta = proved[name][1], int(population.theta.min())
    return population.neuron.output(window.counting, limit, highest, theta)


def projection_bounds(projection: Projection, channels: int, source: Interval) -> tuple[Array, Array]:
    """(lo_p, hi_p) per output channel before the shift, as exact Python integers (object arrays)."""
    m, most = source
    if isinstance(projection, SumPool2D):
        window = np.full(channels, projection.size[0] * projection.size[1], object)
        return window * m, window * most
    weights = dense_weights(projection, channels)
    positive = np.maximum(weights, 0).sum(axis=0, dtype=np.int64).astype(object)
    negative = np.maximum(-weights.astype(np.int64), 0).sum(axis=0, dtype=np.int64).astype(object)
    return positive * m - negative * most, positive * most - negative * m


def _exact(values: Array) -> Array:
    return np.asarray(values).astype(object)


def _rows(values: Array | None) -> Array:
    """A parameter as (1 or positions, 1 or channels)."""
    values = np.zeros((), np.int64) if values is None else np.asarray(values)
    return values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(1, 1)


def _reach(values: Array) -> int:
    """The largest magnitude, exactly."""
    return max(int(values.max()), -int(values.min()))


def potential_bounds(network: Network, population: Population, dynamics: Dynamics, proved: Proved) -> Interval:
    """The interval of one population's potential, in the dynamics given."""
    low, high = channel_bounds(network, population, dynamics, proved)
    return int(np.min(low)), int(np.max(high))


def channel_bounds(network: Network, population: Population, dynamics: Dynamics, proved: Proved) -> tuple[Array, Array]:
    """(lo, hi) of the potentials of each channel, (C,) exact integers.

    Block by block of positions, so that parameters per position cost no memory; in int64 where no term can
    come near its ends, else in Python integers.
    """
    window, neuron = network.over(dynamics=dynamics), population.neuron
    at_once = neuron.counts_at_once(window.counting)
    channels = population.shape[-1]
    low, high = _exact(np.zeros(channels, np.int64)), _exact(np.zeros(channels, np.int64))
    for projection in population.projections:
        reach = source_range(network, projection.source, dynamics, proved, whole=at_once)
        lo_p, hi_p = projection_bounds(projection, channels, reach)
        low, high = low + lo_p * 2**projection.shift, high + hi_p * 2**projection.shift
    parameters = [_rows(values) for values in (population.theta, population.bias, population.v0)]
    largest = 4 * (window.length + 1) * sum(map(_reach, (low, high, *parameters)))
    kind = np.int64 if largest < 2**62 else object
    low, high = low.astype(kind), high.astype(kind)
    positions = max(map(len, parameters))
    block = max(1, BLOCK // channels)
    found = []
    for start in range(0, positions, block):
        theta, bias, v0 = ((v[start : start + block] if len(v) > 1 else v).astype(kind, copy=False) for v in parameters)
        bottom, top = neuron.bounds(low, high, theta, bias, v0, window.timesteps, window.length, at_once)
        found.append((bottom.min(axis=0), top.max(axis=0)))
    return np.min([lo for lo, _ in found], axis=0), np.max([hi for _, hi in found], axis=0)


def bits_needed(interval: Interval) -> int:
    """Width of the two's complement integer that holds the interval."""
    low, high = interval
    return max(int(max(high, 0)).bit_length(), int(-low - 1).bit_length() if low < 0 else 0) + 1


def prove(network: Network) -> dict[str, Proved]:
    """Intervals of every population in all dynamics; NetworkError naming one that needs over 63 bits, or over 50.

    And one naming a relay whose values are not within the ranges that it states.
    """
    found: dict[str, Proved] = {dynamics: {} for dynamics in network.runs_in}
    counted = found.get("count", {})
    for dynamics in network.runs_in:
        for population in network.populations:
            interval = potential_bounds(network, population, dynamics, counted)
            if bits_needed(interval) > population.neuron.bits:
                raise NetworkError(
                    f"population {population.name!r}: its potential can reach {interval} in `{dynamics}`, which "
                    f"needs {bits_needed(interval)} bits (limit {population.neuron.bits}): "
                    "use fewer timesteps or a smaller signed_bit"
                )
            found[dynamics][population.name] = interval
            if population.relay:
                stated = population.relay.output(network.over(dynamics=dynamics).counting, None, 0, 0)
                reach = relay_range(network, population, population.relay, dynamics, counted)
                if not stated[0] <= reach[0] <= 0 <= reach[1] <= stated[1]:
                    raise NetworkError(
                        f"population {population.name!r} hands on values of {reach[0]}..{reach[1]} in `{dynamics}` and "
                        f"states {stated[0]}..{stated[1]}"
                    )
    return found


def relay_range(
    network: Network, population: Population, relay: Relay, dynamics: Dynamics, proved: Proved | None = None
) -> Interval:
    """[least, most] of what a relay hands on, from the ranges of its sources."""
    proved = network.intervals.get("count", {}) if proved is None else proved
    return relay.reach(*channel_bounds(network, population, dynamics, proved))


def ranged(network: Network, population: Population, proved: Proved | None = None) -> Population:
    """A population whose relay, if it is one, states the ranges that `network`, which holds its sources, gives it."""
    relay = population.relay
    if relay is None:
        return population
    reach = {d: relay_range(network, population, relay, d, proved) for d in network.runs_in}
    return replace(population, kind=replace(relay, count=reach.get("count", (0, 0)), step=reach["step"]))  # type: ignore[no-any-return]


def proven(network: Network) -> Network:
    """The network with its proofs: the ranges of its relays, and the intervals of every population."""
    if network.has_relays:
        made: list[Population] = []
        proved: Proved = {}
        for number, population in enumerate(network.populations):
            part = replace(network, populations=(*made, *network.populations[number:]))
            made.append(ranged(part, population, proved))
            if network.spike_ext < 0:  # what no clip bounds, its potential does
                proved[population.name] = potential_bounds(part, made[-1], "count", proved)
        network = replace(network, populations=tuple(made))
    return replace(network, intervals=prove(network))  # type: ignore[no-any-return]
