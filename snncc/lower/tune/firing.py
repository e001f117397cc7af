"""Threshold, bias and start potential of one population, chosen to minimise its squared error at this T.

In real units: a neuron of drive x (what its projections add, divided by s), bias b and threshold lambda fires n
times and stands for lambda*n/T. Against the float activation a, each channel alone minimises

    E(lambda, b, v0) = mean over samples of (lambda*n/T - a)^2

by coordinate descent over grids. The choice of `none` is the first candidate, so E never grows.
Sources: docs/design/calibration.md; Li et al. 2021, arXiv 2106.06984 (layer-wise calibration of a converted network).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from snncc.ir import Array, Window
from snncc.neurons import INTEGRATE_AND_FIRE as NEURON
from snncc.sim.run import in_parallel, worker_count

BIASES = (-0.3, -0.15, -0.06, 0.06, 0.15, 0.3)
STARTS = (-0.4, -0.2, -0.08, 0.08, 0.2, 0.4)
THRESHOLDS = (0.8, 0.92, 1.08, 1.25)
"""Steps of the first round: bias per timestep and v0 in thresholds, the threshold as a factor."""
FACTORS = tuple(np.geomspace(1, 0.06, 16)[1:].tolist())
"""Thresholds that are tried before that, as parts of the largest activation."""


@dataclass(frozen=True)
class Sample:
    """M neurons of each of C channels in real units. float32.

    `drive` (M, C): the whole window's in `count`; (length, M, C) in `step`. `bias` (M, C) or (C,), per timestep.
    `target` (M, C): the float activation. `linear` (M, C): the float pre-activation. `limit`: the largest count in
    `count`, if there is one. `least` (C,): the smallest threshold that an integer can show.
    """

    drive: Array
    bias: Array
    target: Array
    linear: Array
    limit: int | None
    least: Array

    def channels(self, part: slice) -> Sample:
        """Some of the channels."""
        return replace(
            self,
            drive=self.drive[..., part],
            bias=self.bias[..., part],
            target=self.target[..., part],
            linear=self.linear[..., part],
            least=self.least[part],
        )


@dataclass(frozen=True)
class Choice:
    """Per channel (C,): the threshold lambda, what is added to the bias, v0 as a part of lambda, and E of them."""

    threshold: Array
    shift: Array
    start: Array
    error: Array


def spikes(sample: Sample, window: Window, threshold: Array, shift: Array, start: Array) -> Array:
    """n (M, C) of every neuron of the sample."""
    bias = sample.bias + shift
    potential = np.broadcast_to(start * threshold, sample.target.shape).astype(np.float32)
    if window.counting:
        potential += sample.drive
        potential += bias * np.float32(window.timesteps)
        return NEURON.fire(potential, threshold, sample.limit)
    return np.asarray(NEURON.scan(sample.drive, threshold, bias, potential, window.timesteps).sum(axis=0))


def error(sample: Sample, window: Window, threshold: Array, shift: Array, start: Array) -> Array:
    """E (C,) of a choice."""
    threshold, shift, start = (np.asarray(v, np.float32) for v in (threshold, shift, start))
    difference = spikes(sample, window, threshold, shift, start)
    difference *= threshold / np.float32(window.timesteps)
    difference -= sample.target
    return np.asarray(np.einsum("mc,mc->c", difference, difference, dtype=np.float64) / len(difference))


def search(
    sample: Sample, window: Window, first: Choice, rounds: int, per_channel: bool, fixed: bool = False
) -> Choice:
    """The best choice found, never worse than `first`.

    `per_channel=False` shares one threshold among all; `fixed` keeps those of `first`.
    """
    count = sample.target.shape[1]
    if fixed:
        return _descend(sample, window, first, rounds, shared=False, factors=(), thresholds=())
    if not per_channel:
        return _descend(sample, window, first, rounds, shared=True)
    size = -(-count // worker_count(count))
    parts = [slice(i, i + size) for i in range(0, count, size)]

    def work(part: slice) -> Choice:
        start = Choice(first.threshold[part], first.shift[part], first.start[part], first.error[part])
        return _descend(sample.channels(part), window, start, rounds, shared=False)

    found = list(in_parallel(work, parts, len(parts)))
    return Choice(*(np.concatenate([getattr(c, name) for c in found]) for name in Choice.__dataclass_fields__))


def _descend(
    sample: Sample,
    window: Window,
    best: Choice,
    rounds: int,
    shared: bool,
    factors: Sequence[float] = FACTORS,
    thresholds: Sequence[float] = THRESHOLDS,
) -> Choice:
    """Thresholds first, over the whole range; then bias, start and threshold in turn, the steps halved each round."""
    correction = sample.linear.mean(axis=0) - _mean_drive(sample, window)
    best = _try(sample, window, best, shift=correction)
    largest = _largest(best, sample)
    for factor in factors:
        best = _try(sample, window, best, threshold=factor * largest, shared=shared)
    for n in range(rounds):
        step = 0.5**n
        if window.stepping:
            for part in BIASES:
                best = _try(sample, window, best, shift=best.shift + step * part * best.threshold)
        for part in STARTS:
            start = best.start + step * part
            best = _try(sample, window, best, start=np.clip(start, -1, 2))
        for factor in thresholds:
            threshold = best.threshold * factor**step
            best = _try(sample, window, best, threshold=threshold, shared=shared)
    return best


def _mean_drive(sample: Sample, window: Window) -> Array:
    axes = (0,) if window.counting else (0, 1)
    total = sample.drive.sum(axis=axes, dtype=np.float64) / len(sample.target) / window.timesteps
    return np.asarray(total + np.broadcast_to(sample.bias, sample.target.shape).mean(axis=0, dtype=np.float64))


def _largest(best: Choice, sample: Sample) -> Array:
    """The channel's largest activation, from which thresholds are scaled down; a dead channel keeps its own."""
    top = sample.target.max(axis=0)
    return np.asarray(np.where(top > 0, top, best.threshold))


def _try(
    sample: Sample,
    window: Window,
    best: Choice,
    *,
    threshold: Array | None = None,
    shift: Array | None = None,
    start: Array | None = None,
    shared: bool = False,
) -> Choice:
    """The better of two choices, channel by channel; a shared threshold is judged by the sum over channels.

    A threshold below the least is no choice.
    """
    new = replace(
        best,
        threshold=best.threshold if threshold is None else np.broadcast_to(threshold, best.threshold.shape),
        shift=best.shift if shift is None else shift,
        start=best.start if start is None else start,
    )
    if shared:
        new = replace(new, threshold=np.full_like(best.threshold, new.threshold.max()))
    found = error(sample, window, new.threshold, new.shift, new.start)
    better, shown = found < best.error, new.threshold >= np.minimum(sample.least, best.threshold)
    if shared:
        better, shown = np.full_like(better, found.sum() < best.error.sum()), np.full_like(shown, shown.all())
    better &= shown
    return Choice(
        np.where(better, new.threshold, best.threshold),
        np.where(better, new.shift, best.shift),
        np.where(better, new.start, best.start),
        np.where(better, found, best.error),
    )
