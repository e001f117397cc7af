"""Tuning: integers for the T, the dynamics and the bits asked for, populations one after the other.

What the user calls `calibrate` light or full. Each population is chosen on what the integers before it really send.

Everything lands in theta, bias, v0, W_int and the common scale s, within the ranges of the contract and the widths of
the network of `none`, one bit more at most. rounding.py: weights; firing.py: threshold, bias, start potential;
widths.py: how wide they may be; state.py: both networks; descent.py: the whole network once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from snncc.errors import ToolMissingError
from snncc.ir import INPUT, Array, Input, Network, Population, Window
from snncc.lower.calibrate import LARGEST_LOGIT
from snncc.lower.kept import kept
from snncc.lower.options import Options
from snncc.lower.quantise import Quantiser, channelwise, network_of, read_by_kept
from snncc.lower.real import RealNetwork
from snncc.lower.tune.effort import EFFORTS
from snncc.lower.tune.population import Level, Objective, fire, read_out, relay, settled, take_places, weigh
from snncc.lower.tune.state import State
from snncc.lower.tune.widths import Room, narrowed, rooms

Progress = Callable[[int, int], object]
LONGEST = 64
"""Timesteps of `step` that tuning runs at most: beyond them the images that memory then has no room for are worth more.
"""
MEMORY = 2**25
"""Elements of the largest array that tuning holds."""

LEVELS = {
    "light": Level(images=2048, samples=1024, patches=4096, taps=2048),
    "full": Level(images=4096, samples=2048, patches=16384, taps=8192),
}


def tuned_network(
    real: RealNetwork,
    source: Input,
    scales: dict[str, Array],
    options: Options,
    x: Array,
    progress: Progress | None = None,
) -> tuple[Network, list[Objective]]:
    """The tuned network, and what each population gained on the calibration samples (a part of `x`)."""
    window = tuned_window(options)
    room = rooms(real, source, scales, options)
    effort = EFFORTS[options.calibrate]
    if effort is None or len(x) < FEWEST_IMAGES:
        told = _told(progress, 0, len(real.populations))
        return _layer_by_layer(real, source, scales, options, window, room, x, told)
    try:
        from snncc.lower.tune.descent import TOLD, descend
    except ModuleNotFoundError as error:
        raise ToolMissingError(
            f"calibrate full needs TensorFlow, and {error.name!r} is not installed: "
            "pip install 'snncc[keras]', or choose calibrate light"
        ) from error

    random = np.random.default_rng(options.seed)
    x, unseen = held_out(x, random)
    stages = len(real.populations)
    total = stages + TOLD
    network, objectives = _layer_by_layer(real, source, scales, options, window, room, x, _told(progress, 0, total))
    told = _told(progress, stages, total)
    network, before, after = descend(real, network, window, room, x, unseen, effort, random, told)
    return network, [*objectives, Objective(WHOLE, before, after)]


Told = Callable[[int], object]


def _told(progress: Progress | None, done: int, total: int) -> Told:
    """Progress of one stage as progress of all, `done` of `total` being before it."""
    return (lambda n: progress(done + n, total)) if progress else lambda n: None


def _layer_by_layer(
    real: RealNetwork,
    source: Input,
    scales: dict[str, Array],
    options: Options,
    window: Window,
    rooms: dict[str, Room],
    x: Array,
    progress: Told,
) -> tuple[Network, list[Objective]]:
    """One population after the other, each on what those before it really send; `progress(populations done)`."""
    level = LEVELS[options.calibrate]
    random = np.random.default_rng(options.seed)
    state = State(real, source, options, x[_images(real, window, level, len(x), random)], window)
    readout = real.populations[-1]
    lambdas = {INPUT: source.lambda_} | scales
    if options.readout == "spikes":
        lambdas[readout.name] = scales[LARGEST_LOGIT]
    populations: list[Population] = []
    objectives: list[Objective] = []
    output_scale = 1.0
    for done, population in enumerate(real.populations):
        progress(done)
        linear = state.linear(population)
        places = take_places(population.shape, state.images, level.patches, random)
        quantiser = Quantiser(real, population, lambdas, options)
        own = population is not readout and channelwise(real, population.name)
        own = own and not read_by_kept(real, population.name, options)
        room = rooms[population.name]
        weights = weigh(quantiser, state, linear, places, level)
        if population is readout:
            final, gained = read_out(quantiser, weights, state, linear, window, options.readout == "spikes")
            held = any(kept(population, final))
            final, halved = narrowed(state.network(final), final, room, window, together=True, held=held)
            output_scale = 1.0 if options.readout == "spikes" else float(weights.unit) / 2 ** int(halved)
        elif population.relay:
            final, gained = relay(quantiser, weights, state, linear, window, room)
            lambdas[population.name] = final.lambda_
            state.advance(final, None, linear)
        elif settled(population, ready := quantiser.run(silent=False)[0], window):
            final, wanted = ready, population.activation(linear)
            counts = state.advance(final, None, wanted)
            error = float(np.square(counts * (final.lambda_ / window.timesteps) - wanted).mean())
            gained = Objective(population.name, error, error)
        else:
            seen = take_places(population.shape, state.images, level.samples, random)
            fixed = read_by_kept(real, population.name, options, fewest=2)
            final, drive, gained = fire(quantiser, weights, state, linear, seen, window, own, room, fixed)
            held = any(kept(population, final))
            final, halved = narrowed(state.network(final), final, room, window, together=False, held=held)
            lambdas[population.name] = final.lambda_
            state.advance(final, None if halved.any() else drive, population.activation(linear))
        populations.append(final)
        objectives.append(gained)
    progress(len(populations))
    return network_of(real, source, populations, output_scale, options), objectives


FEWEST_IMAGES = 64
"""With fewer calibration samples nothing is held out, and there is no descent."""
WHOLE = "(whole network)"
"""The name under which the descent says what it gained on the samples held out."""


def held_out(x: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """(what tuning sees, a fifth that it does not see: at most 1,024)."""
    count = min(len(x) // 5, 1024)
    order = random.permutation(len(x))
    return x[np.sort(order[count:])], x[np.sort(order[:count])]


def tuned_window(options: Options) -> Window:
    """What calibration runs: long windows of `step` are cut, where more images are worth more than more timesteps."""
    window = Window(options.dynamics, options.timesteps, max(0, options.spike_ext))
    return replace(window, timesteps=min(options.timesteps, LONGEST)) if window.stepping else window


def _images(real: RealNetwork, window: Window, level: Level, available: int, random: np.random.Generator) -> Array:
    """Which calibration samples: as many as the level and memory allow."""
    largest = max(int(np.prod(shape)) for shape in real.shapes.values())
    per_image = largest * window.passes
    wanted = min(available, level.images, max(8, MEMORY // per_image))
    return np.sort(random.choice(available, wanted, replace=False))


__all__ = ["FEWEST_IMAGES", "LEVELS", "Objective", "Progress", "held_out", "tuned_network", "tuned_window"]
