"""One population: integer weights for what it reads, then its threshold, bias and start potential."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from snncc.ir import (
    Array,
    Population,
    Projection,
    Relay,
    Window,
    replace,
    view_shape,
    weight_dtype,
    weight_limit,
)
from snncc.lower.kept import kept
from snncc.lower.projections import RealPool, ScaledProjection, pool_counts
from snncc.lower.quantise import MIN_THETA, SHIFT_CAP, Quantiser, start_potential
from snncc.lower.real import RealPopulation
from snncc.lower.tune import rounding
from snncc.lower.tune.firing import Choice, Sample, error, search
from snncc.lower.tune.state import State
from snncc.lower.tune.widths import Room, exact_scale, highest_shift, narrowed

CAREFUL_BITS = 6
"""Up to so many bits the rounding of weights is compensated; above it gains nothing (docs/adr/0403)."""
ROUNDS = 2
"""Of the search for threshold, bias and start potential."""
LEAST_THETA = 16
"""The search chooses no smaller threshold, with F as high as the population's room allows."""


@dataclass(frozen=True)
class Level:
    """How much work: images; samples of the search; samples for the weights, and with how many taps at most."""

    images: int
    samples: int
    patches: int
    taps: int


@dataclass(frozen=True)
class Objective:
    """Mean squared error of a population's activations on the calibration sample, before and after tuning."""

    population: str
    before: float
    after: float


@dataclass(frozen=True)
class Places:
    """M positions: image, row and column of each (0 in a vector)."""

    image: Array
    row: Array
    column: Array

    def of(self, values: Array) -> Array:
        """(..., N, H, W, C) or (..., N, C) -> (..., M, C)."""
        if values.ndim >= 4:
            return values[..., self.image, self.row, self.column, :]
        return values[..., self.image, :]

    def parameter(self, values: Array, shape: tuple[int, ...]) -> Array:
        """A parameter that fits `shape` -> (M, C), or (C,) where it is the same at every position."""
        if values.ndim < 3:
            return np.broadcast_to(values, shape[-1:])
        return np.broadcast_to(values, shape)[self.row, self.column]


def take_places(shape: tuple[int, ...], images: int, count: int, random: np.random.Generator) -> Places:
    """`count` positions of all, none twice, in random order."""
    height, width = shape[:2] if len(shape) == 3 else (1, 1)
    every = images * height * width
    flat = random.choice(every, min(count, every), replace=False)
    image, position = np.divmod(flat, height * width)
    return Places(image, *np.divmod(position, width))


@dataclass(frozen=True)
class Weights:
    """Integer projections, and the size of one unit of activation in the potential's LSB: theta = unit*lambda."""

    projections: list[Projection]
    unit: Array


def weigh(quantiser: Quantiser, state: State, linear: Array, places: Places, level: Level) -> Weights:
    """The integer weights of a population, on the counts that reach it."""
    first = quantiser.population.projections[0]
    if isinstance(first, RealPool):
        counts = pool_counts(first, view_shape(first.source, quantiser.shapes), quantiser.population.shape)
        scale = quantiser.source_scale(first)
        return Weights([first.projection()], counts / (scale[0] if (scale == scale[0]).all() else scale))
    weighted = quantiser.weighted()
    if quantiser.kept.unit is not None:
        s = quantiser.common_scale(weighted)
        return Weights(quantiser.integers(weighted, s), s)
    groups = [rounding.grouped(p, p.weights) for p in weighted]
    squares: list[Array | None] = [None] * len(groups)
    if all(g.shape[1] <= level.taps for g in groups):
        ridges = [rounding.Ridge(_inputs(p, state, places)) for p in weighted]
        bias = places.parameter(quantiser.population.bias, quantiser.population.shape)
        reconstruct(ridges, groups, places.of(linear) - bias)
        squares = [r.h for r in ridges]
        weighted = [
            dataclasses.replace(p, weights=rounding.ungrouped(p, g)) for p, g in zip(weighted, groups, strict=True)
        ]
    s = quantiser.common_scale(weighted)
    if quantiser.options.signed_bit > CAREFUL_BITS:
        return Weights(quantiser.integers(weighted, s), s)
    return _round(quantiser, weighted, groups, squares, s)


def _inputs(projection: ScaledProjection, state: State, places: Places) -> Array:
    view = state.view(projection.source)
    return rounding.patches(projection, view, places.image, places.row, places.column)


def reconstruct(ridges: list[rounding.Ridge], groups: list[Array], wanted: Array) -> None:
    """Change each projection's weights, in place of the list, to explain what the others leave over."""
    given = [rounding.product(r.x, g) for r, g in zip(ridges, groups, strict=True)]
    for i, ridge in enumerate(ridges):
        groups[i] = groups[i] + ridge.fit(wanted - sum(given))
        given[i] = rounding.product(ridge.x, groups[i])


def _round(
    quantiser: Quantiser, weighted: list[ScaledProjection], groups: list[Array], squares: list[Array | None], s: Array
) -> Weights:
    """Scale and integers: largest weights clipped where finer steps are worth more, rounding errors compensated."""
    limit = weight_limit(quantiser.options.signed_bit)
    shifts = quantiser.shifts(weighted, s)
    diagonals = [
        np.ones(g.shape[:2]) if h is None else np.einsum("gkk->gk", rounding.damped(h, 0.001))
        for g, h in zip(groups, squares, strict=True)
    ]
    s = s * rounding.clipped_scale(groups, s, shifts, diagonals, limit).reshape(s.shape)
    out: list[Projection] = []
    for projection, g, h, shift in zip(weighted, groups, squares, shifts, strict=True):
        scale = np.broadcast_to(s / 2.0**shift, (g.shape[0] * g.shape[2],)).reshape(g.shape[0], 1, -1)
        if h is None:
            integers = np.clip(np.rint(g * scale), -limit, limit)
        else:
            integers = rounding.round_weights(g, scale, h, limit)
        integers = rounding.ungrouped(projection, integers).astype(weight_dtype(quantiser.options.signed_bit))
        out.append(projection.projection(integers, shift))
    return Weights(out, s)


def fire(
    quantiser: Quantiser,
    weights: Weights,
    state: State,
    linear: Array,
    places: Places,
    window: Window,
    channelwise: bool,
    room: Room,
    fixed: bool = False,
) -> tuple[Population, Array, Objective]:
    """(the population, what its projections add, what was gained): threshold, bias and v0 that minimise E.

    F grows until every theta is 512, as far as the room allows. `fixed`: the threshold stays what it is.
    """
    population, unit = quantiser.population, weights.unit
    channels = population.shape[-1]
    trial = quantiser.assemble(weights.projections, _theta(unit, quantiser.scale), *np.zeros((2, channels), np.int64))
    drive = state.drive(state.neurons(trial))
    highest = highest_shift(state.network(trial), trial, room)
    wanted = places.of(linear)
    sample = Sample(
        drive=(places.of(drive) / places.parameter(unit, population.shape)).astype(np.float32),
        bias=places.parameter(population.bias, population.shape).astype(np.float32),
        target=population.activation(wanted),
        linear=wanted,
        limit=window.limit(population.saturates),
        least=LEAST_THETA / 2.0**highest / smallest(unit, population.shape),
    )
    start = np.full(channels, float(Fraction(quantiser.thresholding)))
    threshold = np.broadcast_to(quantiser.scale, (channels,)).astype(np.float64)
    before = error(sample, window, threshold, np.zeros(channels), start)
    choice = search(sample, window, Choice(threshold, np.zeros(channels), start, before), ROUNDS, channelwise, fixed)
    shift = min(0, highest)
    while shift < min(highest, SHIFT_CAP) and np.rint(unit * choice.threshold * 2.0**shift).min() < MIN_THETA:
        shift += 1
    projections = [replace(p, shift=p.shift + shift) for p in weights.projections]
    unit = unit * 2.0**shift
    shared = not channelwise and (choice.threshold == choice.threshold[0]).all()
    quantiser.scale = choice.threshold[:1].reshape(()) if shared else choice.threshold
    theta = _theta(unit, quantiser.scale)
    if channelwise and unit.ndim < 2:
        quantiser.scale = exact_scale(quantiser.scale, theta, unit * quantiser.scale)
    exact = unit * (population.bias + choice.shift)
    bias = np.rint(exact).astype(np.int64)
    v0 = np.broadcast_to(choice.start, (channels,)) * theta
    if bias.ndim < 3:  # what rounding took from the bias
        v0 = v0 + (exact - bias) * window.lasting
    final = quantiser.assemble(projections, theta, bias, np.rint(v0).astype(np.int64))
    gained = Objective(population.name, float(before.mean()), float(choice.error.mean()))
    if shift:  # exact: a power of 2
        np.multiply(drive, 2.0**shift, out=drive, casting="unsafe")
    return final, drive, gained


def smallest(unit: Array, shape: tuple[int, ...]) -> Array:
    """(C,) the smallest over the positions."""
    return np.asarray(np.broadcast_to(unit, shape).min(axis=tuple(range(len(shape) - 1))))


def _theta(unit: Array, scale: Array) -> Array:
    return np.asarray(np.maximum(1, np.rint(unit * scale)).astype(np.int64))


def settled(population: RealPopulation, made: Population, window: Window) -> bool:
    """Whether counts are the model's own: its levels are the T of `count`, and its weights are kept."""
    levels = population.levels
    exact = levels is not None and window.counting and window.timesteps == levels.levels
    return exact and all(kept(population, made))


def relay(
    quantiser: Quantiser, weights: Weights, state: State, linear: Array, window: Window, room: Room
) -> tuple[Population, Objective]:
    """A relay: its bias corrected so that the mean of each channel is the float network's, then its shifts."""
    population = quantiser.population
    given, gained = _unbiased(quantiser, weights, state, linear, window)
    together = not quantiser.channelwise or weights.unit.ndim == 0
    given = replace(given, kind=Relay(shift=np.zeros((), np.int64)))
    held = any(kept(population, given))
    silent, halved = narrowed(state.network(given), given, room, window, together=together, held=held)
    return quantiser.relayed(state.network(silent), silent, weights.unit / 2.0**halved), gained


def _unbiased(
    quantiser: Quantiser, weights: Weights, state: State, linear: Array, window: Window
) -> tuple[Population, Objective]:
    """The population without threshold whose mean outputs are the float network's."""
    population, unit = quantiser.population, weights.unit
    zero = np.zeros((), np.int64)
    bias = np.rint(unit * population.bias).astype(np.int64)
    silent = quantiser.assemble(weights.projections, None, bias, zero)
    drive = state.drive(state.neurons(silent))
    given = drive / (unit * window.timesteps) + population.bias
    shift = (linear - given).reshape(-1, linear.shape[-1]).mean(axis=0)
    corrected = np.rint(unit * (population.bias + shift)).astype(np.int64)
    gained = Objective(
        population.name, float(((given - linear) ** 2).mean()), float(((given + shift - linear) ** 2).mean())
    )
    return quantiser.assemble(weights.projections, None, corrected, zero), gained


def read_out(
    quantiser: Quantiser, weights: Weights, state: State, linear: Array, window: Window, fires: bool
) -> tuple[Population, Objective]:
    """The readout: its bias corrected so that the mean of each output is the float network's."""
    silent, gained = _unbiased(quantiser, weights, state, linear, window)
    if not fires:
        return silent, gained
    theta = _theta(weights.unit, quantiser.scale)
    v0 = start_potential(theta, quantiser.options.thresholding)
    return quantiser.assemble(weights.projections, theta, silent.bias, v0), gained
