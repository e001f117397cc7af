"""Activations of T levels as neurons: integer thresholds with which every count is the activation's own.

Weights send an integer D of units `2^F` into a neuron; `s`, lambda, b as in the contract. In exact numbers it is to
fire at least k times where

    D >= d_k = ceil(s * ((k - start) * lambda - b*T) / 2^F),   k = 1..T

and it does where `D * 2^F + c >= k * theta`, c = bias*T + v0. Both agree for every integer D if

    k*theta - d_k * 2^F <= c < k*theta - (d_k - 1) * 2^F       for all k,

one interval of c for each theta. Where it is empty for the thetas nearest to s*lambda, all F grow by one: finer steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snncc.graph import ClipFloor
from snncc.ir import Array

NEAREST = (0, 1, -1, 2, -2)
"""Thetas that are tried, beside the nearest to s*lambda."""
TIE = 1e-9
"""What is so near to a whole number of units is one: scales are float32 in a model, and a tie fires."""
ELEMENTS = 2**24
"""Of all d_k of a population, at most."""


@dataclass(frozen=True)
class Rungs:
    """All F are `more` higher; theta, bias and v0 go with that."""

    more: int
    theta: Array
    bias: Array
    v0: Array


def rungs(op: ClipFloor, s: Array, bias: Array, shift: int, largest: int) -> Rungs | None:
    """Exact thresholds of a population in T = levels timesteps; None where no theta up to `largest` has them.

    `s` () or (C,), `bias` b (C,) or (H, W, C), `shift` the smallest F of its projections.
    """
    timesteps, scale = op.levels, np.asarray(op.scale, np.float64)
    if timesteps * bias.size > ELEMENTS:
        return None
    k = np.arange(1, timesteps + 1).reshape(-1, *[1] * bias.ndim)
    reached = s * ((k - op.start) * scale - bias * timesteps) / 2.0**shift
    if np.abs(reached).max() > 2**40:
        return None
    first = np.ceil(reached - TIE * np.maximum(1, np.abs(reached))).astype(np.int64)
    unit = np.asarray(s * scale)
    theta, charge = np.zeros(unit.shape, np.int64), np.zeros(bias.shape, np.int64)
    more = 0
    while not more or (unit * 2.0**more).max() <= largest:
        grain, found = 1 << (shift + more), np.zeros(unit.shape, bool)
        wanted = np.rint(s * 2.0**more * (op.start * scale + bias * timesteps)).astype(np.int64)
        for beside in NEAREST:
            tried = np.maximum(1, np.rint(unit * 2.0**more).astype(np.int64) + beside)
            low = (k * tried - grain * first).max(axis=0)
            high = (k * tried - grain * (first - 1)).min(axis=0) - 1
            fits = (low <= high).all(axis=None if unit.ndim == 0 else tuple(range(bias.ndim - 1)))
            new = fits & ~found
            theta, charge = np.where(new, tried, theta), np.where(new, np.clip(wanted, low, high), charge)
            found = found | fits
        if found.all():
            whole = np.rint(s * 2.0**more * bias).astype(np.int64)
            return Rungs(more, np.asarray(theta), whole, np.asarray(charge - whole * timesteps))
        more += 1
    return None
