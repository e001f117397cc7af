"""The whole calibrated network once more: gradient descent towards the float network's outputs, without labels.

Forward are the integers of the contract in their dynamics, on mini-batches of the calibration samples. Backward, the
floor counts as a straight line inside its range and a train of spikes as its count (straight-through estimator):

    n = clip(floor(u/theta), 0, most);   dn/du = 1/theta where -SLACK < u/theta < most + 1 + SLACK, else 0

What is learned moves in small steps beside the integers it starts from: weights in their own unit, theta by a factor,
bias and v0 in thresholds. Samples held out judge in the simulator whether that gained; else the start stays.
Sources: docs/calibration.md; Bengio et al. 2013, arXiv 1308.3432 (estimator); Li et al. 2021, arXiv 2102.05426 and
2106.06984 (reconstruction of what a quantised or spiking network loses, from calibration samples alone).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from snncc.ir import (
    INPUT,
    Array,
    Network,
    Population,
    SumPool2D,
    population_shapes,
    prove,
    replace,
    sources,
    view_shape,
    weight_limit,
)
from snncc.lower.real import RealNetwork, activations, prepared_input, runner
from snncc.lower.tune.adjoint import through_projection, through_view
from snncc.lower.tune.firing import Window
from snncc.sim import count, run, step
from snncc.sim.encode import quantise
from snncc.sim.linear import operator, read

SLACK = 0.25
"""How many thresholds beyond its range a neuron still learns."""
WEIGHTS, REST = 0.01, 0.001
"""The longest step of a weight in root mean squares of its projection; of factor and charges in thresholds."""
NEAR = 1.0
"""What the squared errors of all populations together weigh beside the error of the outputs."""
BATCH = 32
MEMORY = 2**23
"""Elements of a batch's largest array."""
FEWEST_STEPS = 64
"""Below them nothing is learned."""
WARM_UP = 20
"""The steps grow to their length in one part of so many."""
TOLD = 8
"""How often progress is told."""


@dataclass(frozen=True)
class Effort:
    """The most images that are learned from, repeated ones included, and multiplications for all of them."""

    images: int
    multiplications: float


class Learned:
    """A population and what was learned about it: weights, log factor of theta, charges in thresholds, all float32."""

    def __init__(self, population: Population, unit: float, timesteps: int, bits: int) -> None:
        self.given, self.timesteps, self.limit = population, timesteps, weight_limit(bits)
        self.size = np.asarray(unit if population.theta is None else population.theta, np.float64)
        channels = population.shape[-1]
        weights = [np.float32(p.weights) for p in population.projections if not isinstance(p, SumPool2D)]
        self.values = [np.array(w) for w in weights]
        self.rates = [WEIGHTS * float(np.sqrt(np.square(w).mean())) for w in weights]
        self.values += [np.zeros(channels, np.float32), np.zeros(channels, np.float32)]
        shared = self.size.shape[-1:] in ((), (1,))
        self.values.append(np.zeros((1,) if shared else (channels,), np.float32))
        self.rates += [REST, REST, REST / 3]

    def integers(self) -> Population:
        """The population as it is now, rounded; without steps the one it started from."""
        *weights, bias, start, factor = self.values
        given, limit = self.given, self.limit
        projections, rest = [], iter(weights)
        for p in given.projections:
            if not isinstance(p, SumPool2D):
                p = replace(p, weights=np.clip(np.rint(next(rest)), -limit, limit).astype(p.weights.dtype))
            projections.append(p)
        theta = given.theta
        if theta is not None:
            theta = np.maximum(1, _moved(theta, self.size * np.expm1(factor.astype(np.float64)).reshape(self._form())))
        return replace(  # type: ignore[no-any-return]
            given,
            projections=tuple(projections),
            theta=theta,
            bias=_moved(given.bias, bias * self.size / self.timesteps),
            v0=_moved(given.v0, start * self.size),
        )

    def fitting(self, gradients: list[Array]) -> list[Array]:
        """Gradients per channel in the shapes of the values: one threshold for all takes the sum."""
        return [g.sum(keepdims=True) if v.size == 1 else g for g, v in zip(gradients, self.values, strict=True)]

    def clip(self) -> None:
        """Weights stay within their bits."""
        for weights in self.values[:-3]:
            np.clip(weights, -self.limit, self.limit, out=weights)

    def _form(self) -> tuple[int, ...]:
        return () if self.values[-1].size == 1 else self.values[-1].shape


def _moved(integers: Array, by: Array) -> Array:
    return np.asarray(integers + np.rint(by).astype(np.int64)) if np.any(by) else integers


Flow = dict[str, Array]
"""Arrays (N, *shape) by population."""


def forward(network: Network, populations: list[Population], source: Array, window: Window) -> tuple[Flow, Flow]:
    """(counts, u/theta or, in a potential readout, u) of a batch; `source`: counts, or in `step` the train."""
    shapes = population_shapes(network)
    steps = window.dynamics == "step"
    trains = {INPUT: source}
    counts = {INPUT: source.sum(axis=0) if steps else source}
    reached: Flow = {}
    for population in populations:
        timed = steps and population.fires
        theta, bias, v0 = (_single(v) for v in (population.theta, population.bias, population.v0))
        drive: Array = np.zeros((), np.float32)
        for p in population.projections:
            apply = operator(p, view_shape(p.source, shapes), np.float32)
            constant = network.input.encoding == "current" and set(sources(p.source)) == {INPUT}
            if timed and constant:
                once = apply(read(p.source, {INPUT: source[0]}))
                charge = np.broadcast_to(once, (len(source), *once.shape)).copy()
                charge[window.timesteps :] = 0
            elif timed:
                flat = {name: train.reshape(-1, *train.shape[2:]) for name, train in trains.items()}
                charge = apply(read(p.source, flat))
                charge = charge.reshape(len(source), -1, *charge.shape[1:])
            else:
                charge = apply(read(p.source, counts))
            drive = drive + charge * np.float32(2.0**p.shift)
        whole = drive.sum(axis=0) if timed else drive
        whole = whole + (bias * np.float32(window.timesteps) + v0)
        reached[population.name] = whole / theta if population.fires else whole
        if timed:
            train = _scan(drive, theta, bias, v0, window.timesteps)
            trains[population.name], counts[population.name] = train, train.sum(axis=0)
        elif population.fires:
            counts[population.name] = np.clip(np.floor(reached[population.name]), 0, most(network, population, window))
    return counts, reached


def _single(values: Array | None) -> Array:
    return np.asarray(np.zeros(()) if values is None else values).astype(np.float32)


def _scan(drive: Array, theta: Array, bias: Array, v0: Array, timesteps: int) -> Array:
    potential = np.broadcast_to(v0, drive.shape[1:]).copy()
    train = np.empty_like(drive)
    for t, charge in enumerate(drive):
        potential += charge
        if t < timesteps:
            potential += bias
        np.greater_equal(potential, theta, out=train[t], casting="unsafe")
        potential -= train[t] * theta
    return train


def most(network: Network, population: Population, window: Window) -> float:
    """The largest count of a population in a window."""
    if window.dynamics == "step":
        return window.length
    if population.saturates:
        return window.timesteps
    return np.inf if network.spike_ext < 0 else window.length


def backward(
    network: Network, populations: list[Population], counts: Flow, reached: Flow, totals: Flow, window: Window
) -> dict[str, list[Array]]:
    """Gradients in the order of `Learned.values`, from those of E by each count or readout potential (`totals`)."""
    found = {}
    for population in reversed(populations):
        inner = totals.pop(population.name)
        channels = population.shape[-1]
        factor = np.zeros(channels, np.float32)
        if population.fires:
            at = reached[population.name]
            top = most(network, population, window)
            inner = inner * ((at > -SLACK) & (at < top + 1 + SLACK))
            factor = -(inner * np.clip(at, 0, top)).reshape(-1, channels).sum(axis=0)
            charge = inner.reshape(-1, channels).sum(axis=0)
            inner /= _single(population.theta)
        else:
            charge = inner.reshape(-1, channels).sum(axis=0) * np.float32(network.output_scale)
        gradients = []
        for p in population.projections:
            deep = set(sources(p.source)) != {INPUT}
            own, source = through_projection(p, read(p.source, counts), inner * np.float32(2.0**p.shift), deep)
            if not isinstance(p, SumPool2D):
                gradients.append(own)
            if source is not None and deep:
                through_view(p.source, source, counts, totals)
        found[population.name] = [*gradients, charge, charge, factor]
    return found


class Nearness:
    """The gradient by every count of NEAR/2 * the mean of (lambda*n/T - a)^2 / power, averaged over the populations."""

    def __init__(self, real: RealNetwork, network: Network, x: Array, window: Window) -> None:
        self.real = real
        self.runners = [(p.name, runner(real, p)) for p in real.populations[:-1]]
        self.units = {p.name: (p.lambda_ / window.timesteps).astype(np.float32) for p in network.populations[:-1]}
        self.powers = {name: float(a.var()) or 1.0 for name, a in self._activations(x).items()}

    def _activations(self, x: Array) -> Flow:
        values = {INPUT: prepared_input(self.real, x).astype(np.float32)}
        for name, run_population in self.runners:
            values[name] = run_population(values)
        del values[INPUT]
        return values

    def __call__(self, x: Array, counts: Flow) -> Flow:
        found = {}
        for name, wanted in self._activations(x).items():
            share = NEAR / len(self.runners) / self.powers[name] / wanted.size
            found[name] = (counts[name] * self.units[name] - wanted) * (share * self.units[name]).astype(np.float32)
        return found


def output_error(outputs: Array, wanted: Array, power: float) -> tuple[float, Array]:
    """(E, its gradient) of outputs (N, O): what the difference does to the classes, and its square.

    E = mean over N of KL(softmax(wanted) || softmax(outputs)) + mean of (outputs - wanted)^2 / (2*power).
    """
    difference = outputs - wanted
    given, log_given = _softmax(outputs)
    right, log_right = _softmax(wanted)
    divergence = (right * (log_right - log_given)).sum() / len(wanted)
    square = np.square(difference).sum() / (2 * power * difference.size)
    return float(divergence + square), (given - right) / len(wanted) + difference / (power * difference.size)


def _softmax(values: Array) -> tuple[Array, Array]:
    """(softmax, its logarithm) over the last axis."""
    values = values - values.max(axis=-1, keepdims=True)
    logarithm = values - np.log(np.exp(values).sum(axis=-1, keepdims=True))
    return np.exp(logarithm), logarithm


class Adam:
    """Steps of bounded length, the running mean of the gradients by that of their squares (arXiv 1412.6980)."""

    def __init__(self, values: list[Array]) -> None:
        self.values = values
        self.means = [np.zeros_like(v) for v in values]
        self.squares = [np.zeros_like(v) for v in values]
        self.steps = 0

    def step(self, gradients: list[Array], rates: list[float]) -> None:
        """Move every value, in place, by about its rate."""
        self.steps += 1
        rest, rest2 = 1 - 0.9**self.steps, 1 - 0.99**self.steps
        for value, mean, square, gradient, rate in zip(
            self.values, self.means, self.squares, gradients, rates, strict=True
        ):
            mean += 0.1 * (gradient - mean)
            square += 0.01 * (gradient * gradient - square)
            value -= np.float32(rate / rest) * mean / (np.sqrt(square / np.float32(rest2)) + np.float32(1e-20))


def multiplications(network: Network, window: Window) -> float:
    """Of one image, forward and backward."""
    total = 0.0
    for population in network.populations:
        for p in population.projections:
            taps = p.size[0] * p.size[1] if isinstance(p, SumPool2D) else p.weights.size
            positions = population.neurons if isinstance(p, SumPool2D) else population.neurons / population.shape[-1]
            times = window.length if window.dynamics == "step" and set(sources(p.source)) != {INPUT} else 1
            total += positions * taps * (times + 2)
    return total


class Judge:
    """E of a network on samples that nothing was fitted to, in the simulator."""

    def __init__(self, real: RealNetwork, network: Network, window: Window, unseen: Array, power: float) -> None:
        self.window, self.power = window, power
        self.wanted = float_outputs(real, unseen)
        self.pixels = quantise(network.input, unseen)

    def __call__(self, network: Network) -> float:
        found = run(network, self.pixels, self.window.timesteps, self.window.dynamics).outputs
        return output_error(found.reshape(self.wanted.shape), self.wanted, self.power)[0]


def descend(
    real: RealNetwork,
    starts: list[Network],
    window: Window,
    x: Array,
    unseen: Array,
    effort: Effort,
    random: np.random.Generator,
    progress: Callable[[int], object] = lambda done: None,
) -> tuple[Network, float, float]:
    """(the better of the starts or what it learned from `x`, E on `unseen` of the first start and of that network).

    `progress(parts done)`, TOLD in all. Only the end is judged: the best of many would be the luckiest on `unseen`.
    """
    wanted = float_outputs(real, x)
    power = float(wanted.var()) or 1.0
    judge = Judge(real, starts[0], window, unseen, power)
    errors = [judge(network) for network in starts]
    before, least = errors[0], min(errors)
    best = starts[errors.index(least)]
    largest = max(int(np.prod(shape)) for shape in real.shapes.values())
    batch = min(BATCH, len(x), max(1, MEMORY // (largest * window.length)))
    steps = int(min(effort.images, effort.multiplications / multiplications(best, window)) // batch)
    if steps < FEWEST_STEPS:
        progress(TOLD)
        return best, before, least
    learner = Learner(real, best, window, x[:batch], power)
    queue = np.zeros(0, np.int64)
    for n in range(steps):
        if len(queue) < batch:
            queue = random.permutation(len(x))
        rows, queue = queue[:batch], queue[batch:]
        warm = min(1.0, WARM_UP * (n + 1) / steps)
        learner.step(x[rows], wanted[rows], warm * (1 + np.cos(np.pi * n / steps)) / 2)
        done = (n + 1) * TOLD // steps
        if done > n * TOLD // steps:
            progress(done)
    learned = learner.network()
    error = judge(learned)
    return (learned, before, error) if error < least else (best, before, least)


class Learner:
    """A network that is learning: integers out, steps in."""

    def __init__(self, real: RealNetwork, network: Network, window: Window, x: Array, power: float) -> None:
        self.given, self.window, self.power = network, window, power
        self.parts = [
            Learned(p, network.output_scale, window.timesteps, network.signed_bit) for p in network.populations
        ]
        readout = network.output
        self.parts[-1].rates[-2:] = [0.0, 0.0]  # a readout keeps its start, and its threshold where it fires
        unit = float(readout.lambda_) if readout.fires else 1 / network.output_scale
        self.per_count = unit / window.timesteps
        self.near = Nearness(real, network, x, window)
        self.adam = Adam([value for part in self.parts for value in part.values])

    def network(self) -> Network:
        """The network of the integers so far; intervals proved."""
        network = replace(self.given, populations=tuple(part.integers() for part in self.parts), intervals={})
        return replace(network, intervals=prove(network))  # type: ignore[no-any-return]

    def step(self, x: Array, wanted: Array, pace: float) -> None:
        """Learn from one batch and the outputs wanted for it, with `pace` times the longest steps."""
        network, window, name = self.given, self.window, self.given.output.name
        populations = [part.integers() for part in self.parts]
        counts, reached = forward(network, populations, _source(network, x, window), window)
        last = counts[name] if network.output.fires else reached[name]
        _, gradient = output_error(last.reshape(wanted.shape) * self.per_count, wanted, self.power)
        totals = self.near(x, counts)
        totals[name] = (gradient * self.per_count).reshape(last.shape).astype(np.float32)
        found = backward(network, populations, counts, reached, totals, window)
        gradients = [g for part in self.parts for g in part.fitting(found[part.given.name])]
        self.adam.step(gradients, [pace * rate for part in self.parts for rate in part.rates])
        for part in self.parts:
            part.clip()


def float_outputs(real: RealNetwork, x: Array) -> Array:
    """The float network's outputs before the head, (N, O)."""
    name = real.populations[-1].name
    found = np.concatenate([values[name] for values in activations(real, x, lambda *_: None)])
    return found.reshape(len(x), -1).astype(np.float64)


def _source(network: Network, x: Array, window: Window) -> Array:
    pixels = quantise(network.input, x)
    if window.dynamics == "step":
        return step.input_train(network, pixels, window.timesteps, window.length).astype(np.float32)
    return count.input_counts(network, pixels, window.timesteps).astype(np.float32)
