"""The whole tuned network once more: gradient descent towards the float network's outputs, without labels.

Forward are the integers of the contract in their dynamics, on mini-batches of the calibration samples. Backward, the
floor counts as a straight line inside its range and a train of spikes as its count (straight-through estimator):

    n = clip(floor(u/theta), 0, most);   dn/du = 1/theta where 0 < u/theta < most + 1, else 0

What is learned moves in small steps beside the integers it starts from: weights in their own unit, theta by a factor,
bias and v0 in thresholds. Samples held out judge in the simulator whether that gained; else the start stays.
Sources: docs/design/calibration.md; Bengio et al. 2013, arXiv 1308.3432 (estimator); Li et al. 2021, arXiv 2102.05426
and 2106.06984 (reconstruction of what a quantised or spiking network loses, from calibration samples alone).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from snncc.ir import (
    INPUT,
    Array,
    Network,
    Population,
    Projection,
    Relay,
    SumPool2D,
    Window,
    has_max_pool,
    proven,
    replace,
    sources,
    weight_limit,
)
from snncc.lower.kept import kept
from snncc.lower.real import RealNetwork, real_input
from snncc.lower.tune.effort import Effort, planned
from snncc.lower.tune.judge import Judge, float_outputs, power_of
from snncc.lower.tune.population import settled
from snncc.lower.tune.tensors import Teacher, Tensor, constant, growth, linear, rounded, scan, values_of
from snncc.lower.tune.widths import Room, narrowed
from snncc.sim import count, step
from snncc.sim.encode import to_pixels

WEIGHTS, REST = 0.01, 0.004
"""The longest step of a weight in root mean squares of its projection; of charges in thresholds, of the factor / 3."""
NEAR = 4.0
"""What the squared errors of all populations together weigh beside the error of the outputs."""
WARM_UP = 20
"""The steps grow to their length in one part of so many."""
TOLD = 8
"""How often progress is told."""


class Learned:
    """A population and what was learned about it, counted in longest steps: weights, bias, v0 and factor of theta.

    `held`: whether each projection's weights stay, as the model's own integers do; `settled`: all stays.
    """

    def __init__(
        self,
        population: Population,
        unit: float | Array,
        timesteps: int,
        bits: int,
        held: Sequence[bool] = (),
        settled: bool = False,
    ) -> None:
        self.given, self.timesteps = population, timesteps
        self.held, self.settled = held or [False] * len(population.projections), settled
        if population.relay:
            unit = np.ldexp(1.0, population.relay.shift) / population.lambda_
        self.size = np.asarray(unit if population.theta is None else population.theta, np.float64)
        self.weights, self.steps, self.limits = [], [], []
        most = weight_limit(bits)
        for p in population.projections:
            if not isinstance(p, SumPool2D):
                step = WEIGHTS * (float(np.sqrt(np.square(p.weights, dtype=np.float64).mean())) or 1.0)
                self.steps.append(step)
                self.weights.append(tf.Variable(tf.zeros(p.weights.shape)))
                self.limits.append([constant((limit - np.float64(p.weights)) / step) for limit in (-most, most)])
        channels = population.shape[-1:]
        shared = self.size.shape[-1:] in ((), (1,))
        self.bias, self.v0 = tf.Variable(tf.zeros(channels)), tf.Variable(tf.zeros(channels))
        self.factor = tf.Variable(tf.zeros(() if shared else channels))

    def tensors(self) -> tuple[list[Tensor], Tensor, Tensor, Tensor]:
        """(weights, theta, bias, v0): integers in float32, through which gradients reach what is learned."""
        given, size = self.given, constant(self.size)
        arrays = [constant(p.weights) for p in given.projections if not isinstance(p, SumPool2D)]
        weights = [rounded(w + s * m) for w, s, m in zip(arrays, self.steps, self.weights, strict=True)]
        theta = constant(self.size if given.theta is None else given.theta)
        theta = tf.maximum(1.0, theta + rounded(size * tf.math.expm1(REST / 3 * self.factor)))
        bias = constant(given.bias) + rounded(REST / self.timesteps * self.bias * size)
        return weights, theta, bias, constant(given.v0) + rounded(REST * self.v0 * size)

    @property
    def moving(self) -> list[Tensor]:
        """What is learned of a population inside the network: without a threshold there is neither start nor factor."""
        firing = [self.v0, self.factor] if self.given.fires else []
        return [] if self.settled else [*self.free, self.bias, *firing]

    @property
    def free(self) -> list[Tensor]:
        """The weights that may move."""
        held = (h for h, p in zip(self.held, self.given.projections, strict=True) if not isinstance(p, SumPool2D))
        return [w for w, stays in zip(self.weights, held, strict=True) if not stays]

    def integers(self) -> Population:
        """The population as it is now; without steps the one it started from."""
        given, rest = self.given, iter(zip(self.weights, self.steps, strict=True))
        projections = []
        for p in given.projections:
            if not isinstance(p, SumPool2D):
                moved, step = next(rest)
                p = replace(p, weights=np.rint(p.weights + step * moved.numpy()).astype(p.weights.dtype))
            projections.append(p)
        bias, v0, factor = (REST * v.numpy().astype(np.float64) for v in (self.bias, self.v0, self.factor))
        theta = given.theta
        if theta is not None:
            theta = np.maximum(1, _moved(theta, self.size * np.expm1(factor / 3)))
        bias = _moved(given.bias, bias * self.size / self.timesteps)
        return replace(  # type: ignore[no-any-return]
            given, projections=tuple(projections), theta=theta, bias=bias, v0=_moved(given.v0, v0 * self.size)
        )

    def clip(self) -> None:
        """Weights stay within their bits."""
        for moved, (low, high) in zip(self.weights, self.limits, strict=True):
            moved.assign(tf.clip_by_value(moved, low, high))


def _moved(integers: Array, by: Array) -> Array:
    return np.asarray(integers + np.rint(by).astype(np.int64)) if np.any(by) else integers


def forward(network: Network, parts: list[Learned], source: Tensor, window: Window) -> dict[str, Tensor]:
    """Counts of a batch, of a potential readout its potential; `source`: counts, or in `step` the train."""
    steps = window.stepping
    trains = {INPUT: source}
    counts = {INPUT: tf.reduce_sum(source, axis=0) if steps else source}
    for part in parts:
        population = part.given
        weights, theta, bias, v0 = part.tensors()
        rest = iter(weights)
        synapses = [(p, None if isinstance(p, SumPool2D) else next(rest)) for p in population.projections]
        whole = sum((_charge(p, w, counts) for p, w in synapses), bias * window.timesteps + v0)
        if population.relay:
            if steps:
                whole = _drive(network, synapses, bias, trains, window, len(population.shape))
            value = trains[population.name] = hand_on(population.relay, whole)
            counts[population.name] = tf.reduce_sum(value, axis=0) if steps else value
            continue
        if not population.fires:
            counts[population.name] = whole
            continue
        reached, top = whole / theta, most(population, window)
        if steps:
            train = scan(_drive(network, synapses, bias, trains, window, len(population.shape)), theta, v0)
            trains[population.name] = train
            counts[population.name] = fire(reached, tf.reduce_sum(train, axis=0), top)
        else:
            counts[population.name] = fire(reached, tf.clip_by_value(tf.floor(reached), 0.0, top), top)
    return counts


Synapses: TypeAlias = "list[tuple[Projection, Tensor]]"


def _charge(projection: Projection, weights: Tensor, values: dict[str, Tensor]) -> Tensor:
    return _weighed(projection, weights, values_of(projection.source, values))


def _weighed(projection: Projection, weights: Tensor, x: Tensor) -> Tensor:
    made = linear(projection, weights, x)
    return (rounded(made) if weights is None else made) * 2.0**projection.shift


def _drive(
    network: Network, synapses: Synapses, bias: Tensor, trains: dict[str, Tensor], window: Window, rank: int
) -> Tensor:
    """What each timestep adds to a population, (T + e, N, *shape); a constant current goes through its weights once."""
    flat = {name: tf.reshape(train, (-1, *train.shape[2:])) for name, train in trains.items()}
    changing, lasting = 0.0, bias
    for projection, weights in synapses:
        if not network.input.coding.spiking and set(sources(projection.source)) == {INPUT}:
            lasting = lasting + _charge(projection, weights, {INPUT: trains[INPUT][0]})
        else:
            if has_max_pool(projection.source):
                train = growth(projection.source, trains)
                charge = _weighed(projection, weights, tf.reshape(train, (-1, *train.shape[2:])))
            else:
                charge = _charge(projection, weights, flat)
            changing = changing + tf.reshape(charge, (window.length, -1, *charge.shape[1:]))
    on = (np.arange(window.length) < window.timesteps).reshape(-1, *[1] * (1 + rank))
    return changing + constant(on) * lasting


def fire(reached: Tensor, counts: Tensor, top: float) -> Tensor:
    """The counts; backwards a straight line in u/theta (`reached`) within the range."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def straight(reached: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        learns = tf.cast((reached > 0) & (reached < top + 1), tf.float32)
        return counts, lambda gradient: gradient * learns

    return straight(reached)


def hand_on(relay: Relay, u: Tensor) -> Tensor:
    """A relay's values; backwards a straight line."""
    value = (u + constant(relay.half)) / constant(np.ldexp(1.0, relay.shift))
    return value + tf.stop_gradient(tf.floor(value) - value)


def most(population: Population, window: Window) -> float:
    """The largest count of a population in a window."""
    limit = window.limit(population.saturates)
    return np.inf if limit is None else limit


def output_error(outputs: Tensor, wanted: Tensor, power: float) -> Tensor:
    """E of outputs (N, O), as judge.py has it."""
    logarithm = tf.nn.log_softmax(wanted)
    divergence = tf.reduce_sum(tf.exp(logarithm) * (logarithm - tf.nn.log_softmax(outputs)), axis=-1)
    return tf.reduce_mean(divergence) + tf.reduce_mean(tf.square(outputs - wanted)) / (2 * power)


class Learner:
    """A network that is learning: integers out, steps in."""

    def __init__(self, real: RealNetwork, network: Network, window: Window, x: Array, power: float) -> None:
        self.given, self.window, self.power = network, window, power
        self.parts = [
            Learned(
                p,
                network.output_scale,
                window.timesteps,
                network.signed_bit,
                kept(own, p),
                settled(own, p, window),
            )
            for own, p in zip(real.populations, network.populations, strict=True)
        ]
        self.moving = [v for p in self.parts[:-1] for v in p.moving]
        self.moving += [*self.parts[-1].free, self.parts[-1].bias]  # a readout keeps its start, and its threshold
        readout = network.output
        unit = float(readout.lambda_) if readout.fires else 1 / network.output_scale
        self.units = {p.name: constant(p.lambda_ / window.timesteps) for p in network.populations[:-1]}
        self.units[readout.name] = constant(unit / window.timesteps)
        self.teacher = Teacher(real)
        self.real = real
        self.powers = {name: float(a.numpy().var()) or 1.0 for name, a in self.teacher(self._prepared(x)).items()}
        self.means = [tf.Variable(tf.zeros_like(v)) for v in self.moving]
        self.squares = [tf.Variable(tf.zeros_like(v)) for v in self.moving]
        self._advance = tf.function(self.advance, autograph=False)
        self.done = 0

    def network(self) -> Network:
        """The network of the integers so far; intervals proved."""
        network = replace(self.given, populations=tuple(part.integers() for part in self.parts), intervals={})
        return proven(network)

    def _prepared(self, x: Array) -> Tensor:
        return constant(real_input(self.real, x))

    def error(self, x: Tensor, source: Tensor) -> Tensor:
        """What is minimised, of a batch: E of the outputs and NEAR/2 of the mean of every population's square."""
        wanted = self.teacher(x)
        counts = forward(self.given, self.parts, source, self.window)
        *inner, last = ((name, counts[name] * self.units[name], wanted[name]) for name in wanted)
        near = [tf.reduce_mean(tf.square(made - a)) / (2 * self.powers[name]) for name, made, a in inner]
        flat = [tf.reshape(values, (x.shape[0], -1)) for values in last[1:]]
        return output_error(flat[0], flat[1], self.power) + NEAR / max(1, len(near)) * sum(near)

    def advance(self, x: Tensor, source: Tensor, pace: Tensor, done: Tensor) -> None:
        """One step of Adam (arXiv 1412.6980): every value moves by about `pace` of its longest steps."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.moving)
            error = self.error(x, source)
        gradients = tape.gradient(error, self.moving, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        rest, rest2 = 1 - 0.9**done, 1 - 0.99**done
        for value, mean, square, gradient in zip(self.moving, self.means, self.squares, gradients, strict=True):
            mean.assign_add(0.1 * (gradient - mean))
            square.assign_add(0.01 * (tf.square(gradient) - square))
            value.assign_sub(pace / rest * mean / (tf.sqrt(square / rest2) + 1e-20))
        for part in self.parts:
            part.clip()

    def step(self, x: Array, pace: float) -> None:
        """Learn from one batch, with `pace` times the longest steps."""
        self.done += 1
        source = constant(input_values(self.given, x, self.window))
        self._advance(self._prepared(x), source, tf.constant(pace, tf.float32), tf.constant(self.done, tf.float32))


def descend(
    real: RealNetwork,
    start: Network,
    window: Window,
    rooms: dict[str, Room],
    x: Array,
    unseen: Array,
    effort: Effort,
    random: np.random.Generator,
    progress: Callable[[int], object] = lambda done: None,
) -> tuple[Network, float, float]:
    """(what `start` learned from `x`, or `start` where that is better; E on `unseen` of `start` and of that network).

    `progress(parts done)`, TOLD in all. Only the end is judged: the best of many would be the luckiest on `unseen`.
    """
    wanted = float_outputs(real, x)
    power = power_of(wanted)
    judge = Judge(real, window, unseen, power)
    before = judge(start)
    batch, steps = planned(real, window, effort, len(x))
    if not steps:
        progress(TOLD)
        return start, before, before
    learner = Learner(real, start, window, x[:batch], power)
    queue = np.zeros(0, np.int64)
    for n in range(steps):
        if len(queue) < batch:
            queue = random.permutation(len(x))
        rows, queue = queue[:batch], queue[batch:]
        warm = min(1.0, WARM_UP * (n + 1) / steps)
        learner.step(x[rows], warm * (1 + np.cos(np.pi * n / steps)) / 2)
        done = (n + 1) * TOLD // steps
        if done > n * TOLD // steps:
            progress(done)
    held = {p.given.name for p in learner.parts if any(p.held)}
    learned = within(learner.network(), rooms, window, held)
    after = judge(learned)
    return (learned, before, after) if after < before else (start, before, before)


def within(network: Network, rooms: dict[str, Room], window: Window, held: Collection[str] = ()) -> Network:
    """The network with every population in its room; intervals proved. `held`: those whose weights stay."""
    populations, scale = [], network.output_scale
    for population in network.populations:
        last = population is network.output
        stays = population.name in held
        population, halved = narrowed(network, population, rooms[population.name], window, together=last, held=stays)
        populations.append(population)
        if last and not population.fires:
            scale /= 2 ** int(halved)
    network = replace(network, populations=tuple(populations), output_scale=scale, intervals={})
    return proven(network)


def input_values(network: Network, x: Array, window: Window) -> Array:
    """What the input hands on for model inputs `x`, float32: counts (N, ...), or a train (length, N, ...) in `step`."""
    pixels = to_pixels(network.input, x)
    if window.stepping:
        return step.input_train(network, pixels, window.timesteps, window.length).astype(np.float32)
    return count.input_counts(network, pixels, window.timesteps).astype(np.float32)
