"""Weights fitted to what fires, not to what is integrated: repeated regression on the error of the fired activations.

    R = a - lambda*n/T;   W <- W + step * argmin_D ||X D - R||^2 + mu ||D||^2

with X the inputs averaged over time. A channel takes its new weights, and the threshold, bias and start potential
found for them, only where its mean squared error falls. It sees clipping, finite T and uneven timing, which a
regression on pre-activations does not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from snncc.ir import Array
from snncc.lower.tune.firing import Choice, Sample, Window, error, search, spikes
from snncc.lower.tune.rounding import Ridge, product

STEPS = (1.0, 1.5, 1.0, 1.5, 1.0, 1.5)


def refine(
    inputs: list[Array], groups: list[Array], sample: Sample, window: Window, first: Choice, channelwise: bool
) -> list[Array]:
    """Better weights (G, K, O) of each projection. `inputs`: X per timestep (T, G, M, K) in `step`, else (G, M, K)."""
    ridges = [Ridge(x.mean(axis=0) if x.ndim == 4 else x) for x in inputs]
    sample = replace(sample, drive=_drive(inputs, groups, window))
    zero = error(sample, window, first.threshold, first.shift, first.start)
    best = search(sample, window, replace(first, error=zero), 2, channelwise)
    for step in STEPS:
        fired = spikes(sample, window, *(v.astype(np.float32) for v in (best.threshold, best.shift, best.start)))
        residual = sample.target - fired * (best.threshold / window.timesteps)
        moved = [g + step / len(groups) * ridge.fit(residual) for g, ridge in zip(groups, ridges, strict=True)]
        trial = replace(sample, drive=_drive(inputs, moved, window))
        again = error(trial, window, best.threshold, best.shift, best.start)
        found = search(trial, window, replace(best, error=again), 1, channelwise)
        better = found.error < best.error
        if not better.any():
            break
        if not channelwise and found.error.sum() >= best.error.sum():
            break
        chosen = better if channelwise else np.ones_like(better)
        groups = [np.where(chosen.reshape(len(g), 1, -1), new, g) for g, new in zip(groups, moved, strict=True)]
        best = Choice(*(np.where(chosen, getattr(found, k), getattr(best, k)) for k in Choice.__dataclass_fields__))
        sample = replace(sample, drive=np.where(chosen, trial.drive, sample.drive))
    return groups


def _drive(inputs: list[Array], groups: list[Array], window: Window) -> Array:
    """What the projections add: (T + extra, M, C), or (M, C) of the whole window."""
    total = sum(product(x, g.astype(np.float32)) for x, g in zip(inputs, groups, strict=True))
    return np.asarray(total if window.dynamics == "step" else total * np.float32(window.timesteps), np.float32)
