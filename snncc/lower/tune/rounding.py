"""Real weights -> integer weights that give the drive that the float network wants, not the nearest integers.

For one projection with inputs X (counts) and weights W'': the pre-activations z wanted are those of the float
network, the inputs those of the network as already quantised. Two steps, both closed forms:

- `reconstruct`: W* = W'' + (H + mu*diag)^-1 X^T (z - X W''), ridge regression towards W'' (H = X^T X, centred);
- `round_weights`: one input after the other is rounded, and the error made is handed to the inputs not yet
  rounded as H tells (optimal brain quantisation in a fixed order). Source: Frantar et al., arXiv 2210.17323.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from snncc.ir import Array, Conv2D, Dense, DepthwiseConv2D
from snncc.lower.quantise import Weighted
from snncc.sim.linear import pad

Learnable: TypeAlias = Conv2D | DepthwiseConv2D | Dense


def patches(projection: Learnable, view: Array, images: Array, rows: Array, columns: Array) -> Array:
    """X (G, M, K): what each of M output positions reads. G = 1; depthwise: a group per input channel."""
    if isinstance(projection, Dense):
        return np.asarray(view[images][None], np.float64)
    padded = pad(view, projection.pads)
    (sy, sx), (dy, dx) = projection.strides, projection.dilation
    height, width, channels = projection.weights.shape[:3]
    y = rows[:, None] * sy + np.arange(height) * dy
    x = columns[:, None] * sx + np.arange(width) * dx
    taken = padded[images[:, None, None], y[:, :, None], x[:, None, :]].astype(np.float64)
    if isinstance(projection, DepthwiseConv2D):
        return np.ascontiguousarray(taken.reshape(len(images), height * width, channels).transpose(2, 0, 1))
    return taken.reshape(1, len(images), -1)


def grouped(projection: Weighted, weights: Array) -> Array:
    """Weights as (G, K, O), beside `patches`."""
    if isinstance(projection, DepthwiseConv2D):
        height, width, channels, multiplier = weights.shape
        return np.ascontiguousarray(weights.reshape(height * width, channels, multiplier).transpose(1, 0, 2))
    return weights.reshape(1, -1, weights.shape[-1])


def ungrouped(projection: Weighted, weights: Array) -> Array:
    """(G, K, O) as the projection's own shape."""
    if isinstance(projection, DepthwiseConv2D):
        return np.ascontiguousarray(weights.transpose(1, 0, 2)).reshape(projection.weights.shape)
    return weights.reshape(projection.weights.shape)


def moments(x: Array, centre: bool = True) -> Array:
    """H (G, K, K) = X^T X / M, centred: the mean belongs to the bias."""
    if centre:
        x = x - x.mean(axis=1, keepdims=True)
    return np.asarray(np.matmul(x.transpose(0, 2, 1), x) / x.shape[1])


def damped(h: Array, part: float) -> Array:
    """H with `part` of its mean diagonal added to the diagonal (1 where H is zero): positive definite."""
    diagonal = np.einsum("gkk->gk", h)
    extra = part * diagonal.mean(axis=1)
    extra = np.where(extra > 0, extra, 1.0)
    return np.asarray(h + extra[:, None, None] * np.eye(h.shape[1]))


def reconstruct(x: Array, weights: Array, residual: Array, part: float) -> Array:
    """W* (G, K, O) that also explains `residual` (M, G*O) = what the float network wants less what W'' gives."""
    groups, _, outputs = weights.shape
    wanted = residual.reshape(len(residual), groups, outputs).transpose(1, 0, 2)
    x = x - x.mean(axis=1, keepdims=True)
    wanted = wanted - wanted.mean(axis=1, keepdims=True)
    h = damped(np.matmul(x.transpose(0, 2, 1), x) / x.shape[1], part)
    return np.asarray(weights + np.linalg.solve(h, np.matmul(x.transpose(0, 2, 1), wanted) / x.shape[1]))


def round_weights(weights: Array, scale: Array, h: Array, limit: int, part: float = 0.01) -> Array:
    """Integers (G, K, O) in -limit..limit near weights*scale, whose error is small where H says it matters.

    `scale` (G, 1, O). Deterministic: the inputs of the largest moments are rounded first.
    """
    groups, count, _ = weights.shape
    w = weights * scale
    order = np.argsort(-np.einsum("gkk->gk", h), axis=1, kind="stable")
    group = np.arange(groups)[:, None]
    w = w[group, order]
    h = damped(h, part)[group[:, :, None], order[:, :, None], order[:, None, :]]
    upper = np.linalg.cholesky(np.linalg.inv(h)).transpose(0, 2, 1)  # inv(H) = U^T U
    rounded = np.empty_like(w)
    for k in range(count):
        rounded[:, k] = np.clip(np.rint(w[:, k]), -limit, limit)
        missed = (w[:, k] - rounded[:, k]) / upper[:, k, k, None]
        if k + 1 < count:
            w[:, k + 1 :] -= upper[:, k, k + 1 :, None] * missed[:, None]
    back = np.empty_like(rounded)
    back[group, order] = rounded
    return back


def clipped_scale(weights: list[Array], scale: Array, shifts: list[int], diagonals: list[Array], limit: int) -> Array:
    """Factor (C,) >= 1 on s per output channel: at few bits it pays to clip the largest weights for finer steps.

    It minimises `sum_k H_kk (W s 2^-F - W_int)^2 / s^2` over all projections of the population together.
    """
    factors = np.linspace(1, 2, 21)
    errors = np.zeros((len(factors), scale.size))
    for w, shift, diagonal in zip(weights, shifts, diagonals, strict=True):
        groups, _, outputs = w.shape
        step = 2.0**shift / np.broadcast_to(scale, (groups * outputs,)).reshape(groups, 1, outputs)
        for i, factor in enumerate(factors):
            rounded = np.clip(np.rint(w * factor / step), -limit, limit) * step / factor
            lost = (diagonal[:, :, None] * (rounded - w) ** 2).sum(axis=1).ravel()
            errors[i] += lost if scale.size > 1 else lost.sum()
    return factors[errors.argmin(axis=0)]
