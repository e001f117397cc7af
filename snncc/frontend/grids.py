"""Finds weights that lie on a grid though nothing in the model says so: layers saved with their quantised weights.

A kernel is on a grid if all of it is `w * step`, w integers of at most LARGEST, one step for the layer or one per
output channel. Real numbers are so by chance as well, if they are few; so a layer counts only where enough of its
weights agree. Of channels with steps of their own, w has no common divisor: nothing tells (2, 4) from (1, 2) there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from snncc.graph import Array, Conv, Dense, Depthwise, Graph

LARGEST = 128
"""No larger integer is looked for: 8 bits."""
NEAR = 2.0**-20
"""How far from an integer, in parts of the largest one: twice what float32 rounds."""
EVIDENCE, MAGNITUDES = 8, 3
"""Weights beyond two of each step, and different magnitudes, at least: chance has them on a grid with 1 in 10^20.

Of fewer magnitudes (1, 0, -1) every quantisation keeps the proportions.
"""
FIRST = 32
"""Weights of a channel, about, that are looked at first."""


def with_grids(graph: Graph) -> Graph:
    """The graph, the step of each layer on a grid in it; what a front end knows stays."""
    nodes = []
    for node in graph.nodes:
        if isinstance(node.op, Conv | Dense | Depthwise) and node.op.step is None:
            node = replace(node, op=replace(node.op, step=step_of(node.op)))
        nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


def step_of(op: Conv | Dense | Depthwise) -> Array | None:
    """The step of a kernel, () or (C_out,); None where it is on no grid."""
    outputs = op.kernel.shape[2] * op.kernel.shape[3] if isinstance(op, Depthwise) else op.kernel.shape[-1]
    columns = np.abs(np.asarray(op.kernel, np.float64)).reshape(-1, outputs)
    if not np.isfinite(columns).all() or not columns.any():
        return None
    whole = _steps(columns.reshape(-1, 1))
    if whole is not None:
        return np.asarray(whole[0]) if _evident(columns, whole) else None
    steps = _steps(columns)
    return steps if steps is not None and _evident(columns, steps) else None


def _steps(columns: Array) -> Array | None:
    """The largest step of each column, 1 for one of zeros; None where one has none."""
    largest = columns.max(axis=0)
    parts, live = columns / np.where(largest > 0, largest, 1), largest > 0
    some = parts[:: max(1, len(parts) // FIRST)]
    found = np.zeros(columns.shape[1], np.int64)
    for most in range(1, LARGEST + 1):
        open_ = np.flatnonzero((found == 0) & live)
        open_ = open_[_whole(some[:, open_] * most)]
        found[open_[_whole(parts[:, open_] * most)]] = most
    if (found[live] == 0).any():
        return None
    return np.asarray(np.where(live, largest / np.maximum(found, 1), 1.0))


def _whole(numbers: Array) -> Array:
    """Which columns are integers."""
    return np.asarray((np.abs(numbers - np.rint(numbers)) <= NEAR * np.maximum(1, np.rint(numbers))).all(axis=0))


def _evident(columns: Array, steps: Array) -> bool:
    """Whether so many weights agree that it is no chance."""
    agree = np.maximum(0, (columns > 0).sum(axis=None if len(steps) == 1 else 0) - 2).sum()
    magnitudes = np.unique(np.rint(columns / steps))
    return bool(agree >= EVIDENCE and np.count_nonzero(magnitudes) >= MAGNITUDES)
