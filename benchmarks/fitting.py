"""Costs that are not below 0 and explain measurements best: linear models with few numbers that mean something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def nonnegative(a: Any, b: Any) -> Any:
    """x >= 0 of the least |a x - b|, by the active sets of Lawson and Hanson (Solving Least Squares Problems, 1974)."""
    x, free = np.zeros(a.shape[1]), np.zeros(a.shape[1], bool)
    while True:
        slope = np.where(free, -np.inf, a.T @ (b - a @ x))
        if slope.max() <= 1e-9 * np.abs(a.T @ b).max():
            return x
        free[slope.argmax()] = True
        while True:
            aim = np.zeros_like(x)
            aim[free] = np.linalg.lstsq(a[:, free], b, rcond=None)[0]
            under = free & (aim <= 0)
            if not under.any():
                break
            x += (x[under] / (x[under] - aim[under])).min() * (aim - x)
            free &= x > 1e-12
            x[~free] = 0.0
        x = aim


def fit(
    counts: Sequence[Mapping[str, float]], measured: Sequence[float], guess: Mapping[str, float], near: float
) -> dict[str, float]:
    """By name what one costs: the least squares of all relative errors, and of how far costs are off their guess.

    A cost that is off by all of its guess weighs as much as a measurement that is off by `near`. A variant, "name,
    variant", is guessed as "name" where it has no guess of its own.
    """
    names = sorted({name for count in counts for name in count} | guess.keys())
    guesses = np.array([guess[name if name in guess else name.split(",")[0]] for name in names])
    matrix = np.array([[count.get(name, 0.0) for name in names] for count in counts]) / np.array(measured)[:, None]
    whole = np.vstack([matrix, np.diag(near / guesses)])
    scale = np.abs(whole).max(axis=0)
    found = nonnegative(whole / scale, np.concatenate([np.ones(len(counts)), np.full(len(names), near)])) / scale
    return {name: round(float(cost), 3) for name, cost in zip(names, found, strict=True)}


def errors(predicted: Sequence[float], measured: Sequence[float]) -> dict[str, float]:
    """Median, 90th percentile and largest |relative error|, in percent."""
    off = 100 * np.abs(np.array(predicted) / np.array(measured) - 1)
    return {
        "median": round(float(np.median(off)), 2),
        "nine_of_ten": round(float(np.percentile(off, 90)), 2),
        "most": round(float(off.max()), 2),
    }
