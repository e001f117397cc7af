"""Tuning within the widths of `none`: no potential needs more than SPARE bits more than there.

Width: the bits that hold the proved interval and the threshold, in each of the two dynamics. A neuron stays the same
when all its charges and its threshold are multiplied by one factor (docs/contract.md, 3), so what is too wide is
halved: where weights make it wide, F of the whole population, which costs no weight a bit; else that channel alone,
its weights too. A sum pool's weights are 1: where F = 0 is not enough, its channel gets the scale of its source.
Either way it ends: a channel of zeros with theta = 1 fits everywhere, and such a pool is no wider than with `none`.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from msgspec import UnsetType

from snncc.errors import SnnccWarning
from snncc.ir import (
    DYNAMICS,
    Array,
    DepthwiseConv2D,
    Dynamics,
    Input,
    Network,
    Population,
    Projection,
    SumPool2D,
    Window,
    bits_needed,
    population_shapes,
    replace,
    view_shape,
)
from snncc.ir.intervals import channel_bounds
from snncc.lower.options import Options
from snncc.lower.projections import pool_counts
from snncc.lower.quantise import MIN_THETA, SHIFT_CAP, quantised_network
from snncc.lower.real import RealNetwork
from snncc.neurons import Neuron
from snncc.sim.neurons import widened

SPARE = 1
"""Bits more than `none` that tuning may take."""

Room = dict[Dynamics, int]
"""The most bits of a population's potential in each of the dynamics; empty where nothing limits them."""


def rooms(real: RealNetwork, source: Input, scales: dict[str, Array], options: Options) -> dict[str, Room]:
    """The room of every population; of none where counts have no upper end (spike_ext -1), which no hardware takes."""
    if options.calibrate_widths == "free" or options.spike_ext < 0:
        return {population.name: {} for population in real.populations}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SnnccWarning)  # about a network that nobody gets
        none = quantised_network(real, source, scales, options)
    return {p.name: {d: bits_needed(widened(none, p, d)) + SPARE for d in DYNAMICS} for p in none.populations}


def fitting(network: Network, population: Population, room: Room, less: int = 0) -> Array:
    """(C,) whether each channel fits into its room less `less` bits."""
    fits = np.ones(population.shape[-1], bool)
    for dynamics, bits in room.items():
        reach = 2 ** max(0, bits - 1 - less)
        low, high = channel_bounds(network, population, dynamics, network.intervals["count"])
        fits &= (low >= -reach) & (high < reach)
        if population.theta is not None:
            fits &= _largest(population.theta, population) < reach
    return fits


def _largest(values: Array, population: Population) -> Array:
    """(C,) of a parameter."""
    return np.asarray(np.broadcast_to(values, population.shape).max(axis=tuple(range(len(population.shape) - 1))))


def weights_alone(population: Population) -> Population:
    """The population without threshold, bias and start."""
    zero = np.zeros((), np.int64)
    return replace(population, theta=None, bias=zero, v0=zero)  # type: ignore[no-any-return]


def highest_shift(network: Network, population: Population, room: Room) -> int:
    """How far all F may rise (below 0: have to fall) for the weights alone to fit in `count`; each F doubles them."""
    least = min(p.shift for p in population.projections)
    if not room:
        return SHIFT_CAP
    alone = _shifted(weights_alone(population), -least)
    low, high = channel_bounds(network, alone, "count", network.intervals["count"])
    bottom, top, reach = int(low.min()), int(high.max()), 2 ** max(0, room["count"] - 1)
    fits = (n for n in range(SHIFT_CAP, -least, -1) if bottom << n + least >= -reach and top << n + least < reach)
    return next(fits, -least)


def _shifted(population: Population, by: int) -> Population:
    projections = tuple(replace(p, shift=p.shift + by) for p in population.projections)
    return replace(population, projections=projections)  # type: ignore[no-any-return]


def narrowed(
    network: Network, given: Population, room: Room, window: Window, together: bool, held: bool = False
) -> tuple[Population, Array]:
    """(the population within its room, how often each channel was halved: (C,), or () if `together`).

    `held`: the weights stay as they are; what F = 0 does not bring into the room stays wider.
    """
    lowered, halved = 0, np.zeros(() if together else given.shape[-1:], np.int64)
    population, least = given, min(p.shift for p in given.projections)
    pool = isinstance(given.projections[0], SumPool2D)
    while not (fits := fitting(network, population, room)).all():
        heavy = ~fits & ~fitting(network, weights_alone(population), room, less=2)
        if lowered < least and (pool or held or heavy.any()):
            lowered += 1
        elif held or (pool and given.theta is None):  # it has neither weights nor a threshold
            break
        elif pool:
            return _as_its_source(network, population, ~fits), halved + lowered
        else:
            halved = halved + (1 if together else ~fits)
        population = _smaller(given, lowered, halved, window)
    return population, halved + lowered


def _smaller(given: Population, lowered: int, halved: Array, window: Window) -> Population:
    """F less `lowered`, each channel's weights halved so often; what rounding takes from the bias goes into v0."""
    times = halved + lowered if halved.any() else np.asarray(lowered)
    projections = tuple(_lighter(replace(p, shift=p.shift - lowered), halved) for p in given.projections)
    theta, bias, v0, scale = given.theta, _down(given.bias, times), given.v0, given.lambda_
    if theta is not None:
        if bias.ndim < 3:
            v0 = v0 + np.rint((given.bias - (bias << times)) * window.lasting).astype(np.int64)
        exact = theta * 2.0**-times
        theta = np.maximum(1, _down(theta, times))
        if scale.shape == theta.shape:
            scale = exact_scale(scale, theta, exact)
    kind: Neuron | UnsetType = given.kind
    if given.relay:  # the shift takes what it can, its scale the rest
        shift = np.maximum(0, given.relay.shift - times)
        scale = np.asarray(np.ldexp(scale, times - (given.relay.shift - shift)))
        kind = replace(given.relay, shift=shift)
    return replace(  # type: ignore[no-any-return]
        given,
        projections=projections,
        theta=theta,
        bias=bias,
        v0=_down(v0, times),
        lambda_=scale,
        kind=kind,
    )


def exact_scale(scale: Array, theta: Array, exact: Array) -> Array:
    """lambda of thresholds rounded from `exact`: below MIN_THETA it is what the integer says."""
    return np.asarray(np.where(theta < MIN_THETA, scale * (theta / exact), scale))


def _lighter(projection: Projection, halved: Array) -> Projection:
    if isinstance(projection, SumPool2D) or not halved.any():
        return projection
    factor = 2.0**-halved
    if isinstance(projection, DepthwiseConv2D) and factor.ndim:
        factor = factor.reshape(projection.weights.shape[2:])
    weights = np.rint(projection.weights * factor).astype(projection.weights.dtype)
    return replace(projection, weights=weights)  # type: ignore[no-any-return]


def _down(values: Array, times: Array) -> Array:
    """values / 2^times, to the nearest integer."""
    return np.asarray((values + (np.int64(1) << times >> 1)) >> times)


def _as_its_source(network: Network, population: Population, wide: Array) -> Population:
    """A sum pool without shift; wide channels with theta = k: their lambda is their source's. Bias 0, v0 = theta/2."""
    pool: Any = population.projections[0]
    counts = pool_counts(pool, view_shape(pool.source, population_shapes(network)), population.shape)
    given, scale = np.asarray(population.theta), population.lambda_
    theta = np.where(wide, counts.astype(np.int64), given)
    if scale.shape == population.shape[-1:]:
        scale = scale * _largest(theta, population) / _largest(given, population)
    v0 = np.where(wide, theta // 2, population.v0)
    return replace(  # type: ignore[no-any-return]
        population, theta=theta, bias=np.where(wide, 0, population.bias), v0=v0, lambda_=scale
    )
