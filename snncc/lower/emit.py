"""Terms -> real projections: the plainest kind of the IR that computes the same."""

from __future__ import annotations

import numpy as np

from snncc.ir import Conv2D, Dense, DepthwiseConv2D, Identity
from snncc.lower.compose import Linear, Term
from snncc.lower.projections import RealProjection
from snncc.lower.values import reshaped


def emit_terms(linear: Linear) -> tuple[tuple[RealProjection, ...], tuple[int, ...]]:
    """The projections W' of a linear map, and the shape of its population.

    A 1x1 map is a vector where every term can be written as a dense layer or an identity.
    """
    vector = linear.shape[:2] == (1, 1) and all(map(_is_dense, linear.terms))
    names: list[str] = []
    projections = []
    for term in linear.terms:
        name, count = term.layer, 1
        while name in names:
            name, count = f"{term.layer}_{count}", count + 1
        names.append(name)
        projections.append(_vector(term, name) if vector else _map(term, name))
    return tuple(projections), linear.shape[2:] if vector else linear.shape


def _is_dense(term: Term) -> bool:
    """Whether one output position reads the whole view, each element with one weight."""
    kernel = term.kernel
    whole = kernel.weights.shape[:2] == term.shape[:2] and not any(kernel.pads)
    return whole and kernel.dilation == (1, 1) and (not kernel.depthwise or term.shape[:2] == (1, 1))


def _vector(term: Term, name: str) -> RealProjection:
    size = int(np.prod(term.shape))
    view = reshaped(term.view, term.shape, (size,))
    weights = term.kernel.weights
    if term.kernel.depthwise and weights.shape[3] == 1:
        return RealProjection(Identity, name, view, weights.reshape(size), grid=term.kernel.grid)
    if term.kernel.depthwise:  # one input feeds M outputs: a dense layer with a block diagonal
        multiplier = weights.shape[3]
        matrix = np.zeros((size, size * multiplier))
        for m in range(multiplier):
            matrix[np.arange(size), np.arange(size) * multiplier + m] = weights[0, 0, :, m]
        return RealProjection(Dense, name, view, matrix, grid=term.kernel.grid)
    return RealProjection(Dense, name, view, weights.reshape(size, -1), grid=term.kernel.grid)


def _map(term: Term, name: str) -> RealProjection:
    kernel = term.kernel
    if kernel.depthwise and kernel.pointwise and kernel.weights.shape[3] == 1:
        return RealProjection(Identity, name, term.view, kernel.weights.reshape(-1), grid=kernel.grid)
    kind = DepthwiseConv2D if kernel.depthwise else Conv2D
    window = kernel.strides, kernel.dilation, kernel.pads
    return RealProjection(kind, name, term.view, kernel.weights, *window, kernel.grid)
