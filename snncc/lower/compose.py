"""Algebra of linear maps on (H, W, C): one linear layer after another is one linear layer.

Everything is a convolution here: a vector is a 1x1 map, a dense layer a 1x1 kernel, an identity or a batch
normalisation a depthwise 1x1 kernel, an average pool a depthwise kernel of 1/k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from snncc.errors import UnsupportedLayerError
from snncc.graph import Words
from snncc.ir import Array, Conv2D, DepthwiseConv2D, Pads, Pair, Source, View, window_output
from snncc.lower.grid import Grid
from snncc.lower.projections import RealPool, RealProjection

Map = tuple[int, int, int]


@dataclass(frozen=True)
class Kernel:
    """Weights (KH, KW, C_in, C_out), or depthwise (KH, KW, C, M) with output channel c*M + m; float64."""

    weights: Array
    depthwise: bool = False
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    grid: Grid | None = None

    def output(self, shape: Map) -> Map:
        """Shape of the map it makes from one of `shape`."""
        kh, kw, inner, outer = self.weights.shape
        t, b, left, r = self.pads
        return (
            window_output(shape[0], kh, self.strides[0], self.dilation[0], t, b),
            window_output(shape[1], kw, self.strides[1], self.dilation[1], left, r),
            inner * outer if self.depthwise else outer,
        )

    @property
    def pointwise(self) -> bool:
        """1x1 without stride or padding."""
        return self.weights.shape[:2] == (1, 1) and self.strides == (1, 1) and not any(self.pads)


@dataclass(frozen=True)
class Term:
    """A kernel that reads a view of non-negative populations or of the input. `shape` is the view's."""

    view: View
    shape: Map
    kernel: Kernel
    layer: str


@dataclass(frozen=True)
class Cost:
    """What a map takes: weights that are stored, and multiplications of one image."""

    weights: int = 0
    work: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.weights + other.weights, self.work + other.work)

    def within(self, other: Cost) -> bool:
        """Whether neither is larger."""
        return self.weights <= other.weights and self.work <= other.work


@dataclass(frozen=True)
class Linear:
    """Sum of terms plus a bias (C,) or (H, W, C): a tensor that no relu has made a population yet."""

    terms: tuple[Term, ...]
    bias: Array
    shape: Map
    layers: tuple[str, ...]
    nonnegative_sources: bool
    pool: RealPool | None = None
    """Its only term as an average pool without weights, where it is one."""

    @property
    def nonnegative(self) -> bool:
        """Provably: non-negative sources through non-negative weights and bias."""
        return (
            self.nonnegative_sources
            and bool((self.bias >= 0).all())
            and all((t.kernel.weights >= 0).all() for t in self.terms)
        )

    @property
    def cost(self) -> Cost:
        """Of all its terms."""
        size = sum(t.kernel.weights.size for t in self.terms)
        return Cost(0 if self.pool else size, size * self.shape[0] * self.shape[1])


def identity(channels: int, scale: Array | float = 1.0) -> Kernel:
    """`y = x * scale` per channel."""
    return Kernel(np.broadcast_to(np.asarray(scale, np.float64), (channels,)).reshape(1, 1, channels, 1), True)


def scaled(linear: Linear, scale: Array, shift: Array, layer: str) -> Linear:
    """`linear * scale + shift`, per output channel: folding a batch normalisation backwards."""
    scale = np.broadcast_to(scale, (linear.shape[2],))
    terms = tuple(replace(t, kernel=_scale_outputs(t.kernel, scale)) for t in linear.terms)
    return replace(linear, terms=terms, bias=linear.bias * scale + shift, layers=(*linear.layers, layer), pool=None)


def _scale_outputs(kernel: Kernel, scale: Array) -> Kernel:
    shaped = scale.reshape(kernel.weights.shape[2:]) if kernel.depthwise else scale
    grid = kernel.grid and kernel.grid.scaled(scale)
    return replace(kernel, weights=kernel.weights * shaped, grid=grid)


def then(linear: Linear, second: Kernel, bias: Array, layer: str, words: Words) -> Linear:
    """`second` after `linear`, as one linear map. UnsupportedLayerError where padding makes that impossible."""
    shape = second.output(linear.shape)
    terms = tuple(replace(t, kernel=_compose(t, second, linear.shape, shape, layer, words)) for t in linear.terms)
    carried = _carry_bias(linear, second)
    return Linear(terms, simplify_bias(carried + bias), shape, (*linear.layers, layer), linear.nonnegative_sources)


def composed_cost(linear: Linear, second: Kernel, layer: str, words: Words) -> Cost:
    """Cost of `then(linear, second, ...)`. UnsupportedLayerError where padding makes that impossible."""
    shape = second.output(linear.shape)
    windows = [(t.kernel, _window(t, second, linear.shape, shape, layer, words)) for t in linear.terms]
    size = sum(math.prod(_merged_shape(kernel, second, window.offsets)) for kernel, window in windows)
    return Cost(size, size * shape[0] * shape[1])


def _compose(term: Term, second: Kernel, middle: Map, shape: Map, layer: str, words: Words) -> Kernel:
    window = _window(term, second, middle, shape, layer, words)
    first = term.kernel
    weights = _merge_weights(first, second, window.offsets)
    alone = first.depthwise and first.pointwise and bool((first.weights == first.weights.flat[0]).all())
    grid = second.grid.scaled(first.weights.flat[0]) if alone and second.grid else None  # of one gain, the second's own
    return Kernel(weights, first.depthwise and second.depthwise, window.strides, window.dilation, window.pads, grid)


@dataclass(frozen=True)
class _Window:
    """Of a composition: where each pair of taps lands on each axis, and the geometry of the kernel they make."""

    offsets: list[Array]
    strides: Pair
    dilation: Pair
    pads: Pads


def _window(term: Term, second: Kernel, middle: Map, shape: Map, layer: str, words: Words) -> _Window:
    first = term.kernel
    offsets, strides, dilation, pads = [], [], [], []
    for axis in (0, 1):
        k1, s1, d1 = first.weights.shape[axis], first.strides[axis], first.dilation[axis]
        k2, s2, d2 = second.weights.shape[axis], second.strides[axis], second.dilation[axis]
        p1, p2 = first.pads[2 * axis : 2 * axis + 2], second.pads[2 * axis : 2 * axis + 2]
        if any(p2) and (any(p1) or (k1 - 1) * d1 >= s1 or middle[axis] * s1 < term.shape[axis]):
            raise UnsupportedLayerError(
                f"layer {layer!r} pads the output of the linear layer {term.layer!r}, which no {words.relu} follows: "
                f"at the border the two are not one convolution. Put a {words.relu} after {term.layer!r} or use "
                f"{words.shrinking}"
            )
        reach = np.arange(k2)[:, None] * d2 * s1 + np.arange(k1)[None, :] * d1
        step = math.gcd(*(int(v) for v in reach.ravel())) or 1
        extent = int(reach.max()) + 1
        before = p1[0] + p2[0] * s1
        after = max(0, (shape[axis] - 1) * s1 * s2 + extent - term.shape[axis] - before)
        if window_output(term.shape[axis], extent, s1 * s2, 1, before, after) != shape[axis]:
            raise UnsupportedLayerError(
                f"layer {layer!r} after the linear layer {term.layer!r} is not one convolution at the border: put a "
                f"{words.relu} after {term.layer!r}"
            )
        offsets.append(reach // step)
        strides.append(s1 * s2)
        dilation.append(step)
        pads += [before, after]
    return _Window(offsets, (strides[0], strides[1]), (dilation[0], dilation[1]), (pads[0], pads[1], pads[2], pads[3]))


def _merge_weights(first: Kernel, second: Kernel, offsets: list[Array]) -> Array:
    """Kernel of the composition: every pair of taps adds its product at the sum of their offsets."""
    a, b = first.weights, second.weights
    merged = np.zeros(_merged_shape(first, second, offsets))
    for j, m in np.ndindex(b.shape[:2]):
        for i, k in np.ndindex(a.shape[:2]):
            merged[offsets[0][j, i], offsets[1][m, k]] += _product(a[i, k], b[j, m], first.depthwise, second.depthwise)
    return merged


def _merged_shape(first: Kernel, second: Kernel, offsets: list[Array]) -> tuple[int, int, int, int]:
    """(KH, KW, C_in, C_out), or (KH, KW, C, M) of two depthwise kernels."""
    height, width = (int(o.max()) + 1 for o in offsets)
    inner, multiplier = first.weights.shape[2:]
    outer = second.weights.shape[3]
    if second.depthwise:
        outer *= multiplier if first.depthwise else second.weights.shape[2]
    return height, width, inner, outer


def _product(a: Array, b: Array, depthwise_a: bool, depthwise_b: bool) -> Array:
    """One tap after another: (C, C') matrices, or (C, M) where depthwise."""
    product: Array
    if depthwise_a and depthwise_b:
        product = (a[:, :, None] * b.reshape(*a.shape, -1)).reshape(len(a), -1)
    elif depthwise_a:
        product = np.einsum("cm,cmo->co", a, b.reshape(*a.shape, -1))
    elif depthwise_b:
        product = (a[:, :, None] * b[None]).reshape(len(a), -1)
    else:
        product = a @ b
    return product


def _carry_bias(linear: Linear, second: Kernel) -> Array:
    """What `second` makes of the first map's bias: per position where zero padding cuts it off."""
    if not linear.bias.any():
        return np.zeros(second.output(linear.shape)[2])
    maps = np.broadcast_to(linear.bias, linear.shape)[None]
    carried: Array = apply(second, np.ascontiguousarray(maps))[0]
    return carried


def apply(kernel: Kernel, maps: Array) -> Array:
    """The kernel on a batch (N, H, W, C), in float64."""
    kind = DepthwiseConv2D if kernel.depthwise else Conv2D
    projection = RealProjection(kind, "", Source(""), kernel.weights, kernel.strides, kernel.dilation, kernel.pads)
    shape: Map = maps.shape[1:]
    return projection.operator(shape, kernel.output(shape), np.float64)(maps)


def simplify_bias(bias: Array) -> Array:
    """(C,) where all positions agree to rounding, else (H, W, C)."""
    if bias.ndim == 1:
        return bias
    first = bias[bias.shape[0] // 2, bias.shape[1] // 2]
    return first.copy() if np.allclose(bias, first, rtol=1e-12, atol=1e-14) else bias


def total(linears: list[Linear], layer: str) -> Linear:
    """Sum of linear maps of one shape."""
    bias = sum((x.bias for x in linears[1:]), linears[0].bias)
    return Linear(
        tuple(term for x in linears for term in x.terms),
        simplify_bias(bias),
        linears[0].shape,
        (*dict.fromkeys(name for x in linears for name in x.layers), layer),
        all(x.nonnegative_sources for x in linears),
    )


def biased(linear: Linear, bias: Array | None) -> Linear:
    """The map with a bias (C,) more."""
    return linear if bias is None else replace(linear, bias=linear.bias + bias, pool=None)
