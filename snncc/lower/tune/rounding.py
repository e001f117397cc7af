"""Real weights -> integer weights that give the drive that the float network wants, not the nearest integers.

For one projection with inputs X (counts) and weights W'': the pre-activations z wanted are those of the float
network, the inputs those of the network as already quantised. Two steps, both closed forms:

- `Ridge`: W* = W'' + (H + mu)^-1 X^T (z - X W''), regression towards W'' (H = X^T X, centred);
- `round_weights`: one input after the other is rounded, and the error made is handed to the inputs not yet
  rounded as H tells (optimal brain quantisation in a fixed order). Source: Frantar et al., arXiv 2210.17323.
"""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from snncc.ir import Array, Dense, DepthwiseConv2D, Identity
from snncc.lower.projections import ScaledProjection

PARTS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
"""Candidates for the ridge, as parts of the inputs' mean variance."""


def patches(projection: ScaledProjection, view: Array, images: Array, rows: Array, columns: Array) -> Array:
    """X (..., G, M, K): what each of M output positions reads of a view (..., N, H, W, C) or (..., N, C).

    G = 1; where every channel is alone, a group per channel.
    """
    if projection.kind is Dense:
        return np.asarray(view[..., None, images, :])
    if projection.kind is Identity:
        taken = view[..., images, :] if view.ndim < 4 else view[..., images, rows, columns, :]
        return np.asarray(np.moveaxis(taken, -1, -2)[..., None])
    (sy, sx), (dy, dx) = projection.strides, projection.dilation
    height, width, channels = projection.weights.shape[:3]
    top, bottom, left, right = projection.pads
    padded = np.pad(view, [(0, 0)] * (view.ndim - 3) + [(top, bottom), (left, right), (0, 0)])
    y = rows[:, None] * sy + np.arange(height) * dy
    x = columns[:, None] * sx + np.arange(width) * dx
    taken = padded[..., images[:, None, None], y[:, :, None], x[:, None, :], :]
    taken = taken.reshape(*view.shape[:-4], len(images), height * width, channels)
    if projection.kind is DepthwiseConv2D:
        return np.ascontiguousarray(np.moveaxis(taken, -1, -3))
    return np.asarray(taken.reshape(*view.shape[:-4], 1, len(images), -1))


def grouped(projection: ScaledProjection, weights: Array) -> Array:
    """Weights as (G, K, O), beside `patches`."""
    if projection.kind is Identity:
        return weights.reshape(-1, 1, 1)
    if projection.kind is DepthwiseConv2D:
        height, width, channels, multiplier = weights.shape
        return np.ascontiguousarray(weights.reshape(height * width, channels, multiplier).transpose(1, 0, 2))
    return weights.reshape(1, -1, weights.shape[-1])


def ungrouped(projection: ScaledProjection, weights: Array) -> Array:
    """(G, K, O) as the projection's own shape."""
    if projection.kind is DepthwiseConv2D:
        return np.ascontiguousarray(weights.transpose(1, 0, 2)).reshape(projection.weights.shape)
    return weights.reshape(projection.weights.shape)


def product(x: Array, weights: Array) -> Array:
    """What weights (G, K, O) make of X (..., G, M, K): (..., M, G*O)."""
    made = np.moveaxis(np.matmul(x, weights), -3, -2)  # (..., M, G, O)
    return np.asarray(made.reshape(*made.shape[:-2], -1))


def damped(h: Array, part: float) -> Array:
    """H with `part` of its mean diagonal added to the diagonal (1 where H is zero): positive definite."""
    diagonal = np.einsum("gkk->gk", h)
    extra = part * diagonal.mean(axis=1)
    extra = np.where(extra > 0, extra, 1.0)
    return np.asarray(h + extra[:, None, None] * np.eye(h.shape[1]))


class Ridge:
    """Least squares towards given weights: `fit(R)` = argmin ||X D - R||^2 + mu ||D||^2, X and R centred.

    mu minimises the generalised cross-validation score ||R - X D||^2 / (1 - df/M)^2 of the first fit (Golub, Heath,
    Wahba 1979), df the trace of the hat matrix.
    """

    def __init__(self, x: Array) -> None:
        mean = x.mean(axis=1, keepdims=True)
        self.x = np.asarray(x - mean, np.float32)
        self.h = np.matmul(self.x.transpose(0, 2, 1), self.x).astype(np.float64) / x.shape[1]
        with threadpool_limits(1, user_api="blas"):  # several threads of it wait for one another more than they work
            self.values, self.vectors = np.linalg.eigh(self.h)
        self.values = np.maximum(self.values, 0)
        self.mu: Array | None = None

    def fit(self, residual: Array) -> Array:
        """D (G, K, O) of R (M, G*O)."""
        groups, samples, _ = self.x.shape
        wanted = residual.reshape(samples, groups, -1).transpose(1, 0, 2)
        wanted = (wanted - wanted.mean(axis=1, keepdims=True)).astype(np.float32)
        projected = np.matmul(self.x.transpose(0, 2, 1), wanted).astype(np.float64) / samples
        rotated = np.matmul(self.vectors.transpose(0, 2, 1), projected)
        if self.mu is None:
            self.mu = self._choose(rotated, float(np.square(wanted, dtype=np.float64).sum() / samples), samples)
        return np.asarray(np.matmul(self.vectors, rotated / (self.values + self.mu)[:, :, None]))

    def _choose(self, rotated: Array, power: float, samples: int) -> Array:
        """mu (G, 1), one part of the mean variance for all groups."""
        mean = self.values.mean(axis=1, keepdims=True)
        mean = np.where(mean > 0, mean, 1.0)
        scores, choices = [], [part * mean for part in PARTS]
        for mu in choices:
            kept = self.values / (self.values + mu)
            gain = ((2 - kept)[:, :, None] * rotated**2 / (self.values + mu)[:, :, None]).sum()
            free = 1 - min(kept.sum(axis=1).max() / samples, 0.999)
            scores.append((power - gain) / free**2)
        return choices[int(np.argmin(scores))]


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
    return np.asarray(factors[errors.argmin(axis=0)])
