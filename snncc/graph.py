"""The real-valued network between frontend and lowering. Data only; nothing here knows a library.

A graph is a list of nodes in topological order. Values are channels last: (H, W, C) or (N,), or (L, C), on which
windows act as on (1, L, C). Every window has explicit pads (top, bottom, left, right); training-only layers are gone;
a layer called twice is two nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Pair: TypeAlias = tuple[int, int]
Pads: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class Input:
    """The model's input, as a user would feed it."""


@dataclass(frozen=True)
class Conv:
    """`y = x * kernel + bias`: cross-correlation, kernel (KH, KW, C_in, C_out).

    `step`, here and below: the kernel is integers times it, one per output channel (C_out,) or () for all; None: it is
    not known to lie on such a grid.
    """

    kernel: Array
    bias: Array | None
    strides: Pair
    dilation: Pair
    pads: Pads
    step: Array | None = None


@dataclass(frozen=True)
class Depthwise:
    """Each channel alone: kernel (KH, KW, C, M), output channel c*M + m."""

    kernel: Array
    bias: Array | None
    strides: Pair
    dilation: Pair
    pads: Pads
    step: Array | None = None


@dataclass(frozen=True)
class Dense:
    """`y = x @ kernel + bias` on the last axis; kernel (C_in, C_out)."""

    kernel: Array
    bias: Array | None
    step: Array | None = None


@dataclass(frozen=True)
class Affine:
    """`y = x * scale + shift` per channel (batch normalisation, rescaling); arrays (C,) or ()."""

    scale: Array
    shift: Array


@dataclass(frozen=True)
class Relu:
    """`y = min(max(x, 0), max_value) - slope * max(-x, 0)`; slope (C,) or (), None for 0."""

    max_value: float | None = None
    slope: Array | None = None


@dataclass(frozen=True)
class ClipFloor:
    """`y = scale * clip(floor(x * levels / scale + start), 0, levels) / levels`; scale (C,) or ().

    A relu of so many levels: QCFS of Bu et al. 2022 (arXiv 2303.04347), and a relu whose values are rounded to a grid.
    """

    levels: int
    scale: Array
    start: float = 0.5


@dataclass(frozen=True)
class AveragePool:
    """Mean of the window's real elements: padding does not count."""

    size: Pair
    strides: Pair
    pads: Pads


@dataclass(frozen=True)
class MaxPool:
    """Largest of the window's real elements."""

    size: Pair
    strides: Pair
    pads: Pads


@dataclass(frozen=True)
class Add:
    """Elementwise sum of any number of inputs of one shape."""


@dataclass(frozen=True)
class Concatenate:
    """Inputs one after the other on the channel axis."""


@dataclass(frozen=True)
class Reshape:
    """The same elements in row-major order under the node's shape."""


@dataclass(frozen=True)
class Pad:
    """Zeros around an (H, W, C) map."""

    pads: Pads


@dataclass(frozen=True)
class Spread:
    """Element (i, j) at (i*s0, j*s1), zeros between; or, repeated, `y[i, j, c] = x[i // s0, j // s1, c]`."""

    strides: Pair
    repeat: bool


@dataclass(frozen=True)
class Head:
    """What the host applies to the readout: softmax, sigmoid (or nothing: linear)."""

    kind: str


Op: TypeAlias = (
    Input
    | Conv
    | Depthwise
    | Dense
    | Affine
    | Relu
    | ClipFloor
    | AveragePool
    | MaxPool
    | Add
    | Concatenate
    | Reshape
    | Pad
    | Spread
    | Head
)


@dataclass(frozen=True)
class Node:
    """One operation. `layer` is its layer's name in the model, `name` is unique and an identifier."""

    name: str
    layer: str
    op: Op
    inputs: tuple[str, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Words:
    """What a front end's users call things: lowering's refusals tell them the way out in these words."""

    relu: str = "relu"
    shrinking: str = "no padding"
    """A layer without padding, as in "use ..."."""
    keeping: str = "padding"
    """Padding that keeps a map's size."""
    one_position: str = "global average pooling, or a flatten and a dense layer"
    """Layers that make a vector of a map, as in "end with ..."."""


@dataclass(frozen=True)
class Rounded:
    """What `node` makes, the input after its gains and offsets, is rounded to integers times `step`, at most `top`."""

    node: str
    step: float
    top: int


@dataclass(frozen=True)
class Graph:
    """Nodes in topological order: the first is the input, the last makes the output."""

    name: str
    nodes: tuple[Node, ...]
    words: Words = Words()
    axes: tuple[int, ...] | None = None
    """The model's own axes of a sample in the order in which the graph reads them; None where it is the same."""
    rounded: Rounded | None = None
    """How the model rounds its input."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.nodes[0].shape

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of a sample as the model's users have it."""
        shape = self.input_shape
        return shape if self.axes is None else tuple(shape[self.axes.index(axis)] for axis in range(len(shape)))

    def channels_last(self, x: Array) -> Array:
        """A batch of samples as the graph reads it."""
        return x if self.axes is None else x.transpose(0, *(axis + 1 for axis in self.axes))


def same_pads(shape: tuple[int, ...], kernel: Pair, strides: Pair, dilation: Pair = (1, 1)) -> Pads:
    """TensorFlow's `same`: ceil(size/stride) outputs; what is odd goes to the bottom and the right."""
    pads: list[int] = []
    for size, k, s, d in zip(shape, kernel, strides, dilation, strict=False):
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        pads += [total // 2, total - total // 2]
    return pads[0], pads[1], pads[2], pads[3]


def window_counts(shape: tuple[int, ...], size: Pair, strides: Pair, pads: Pads, output: Pair) -> Array:
    """(OH, OW, 1): the number of real elements in each window of a padded map."""
    axes = []
    for axis in (0, 1):
        starts = np.arange(output[axis]) * strides[axis] - pads[2 * axis]
        axes.append(np.minimum(starts + size[axis], shape[axis]) - np.maximum(starts, 0))
    counts: Array = (axes[0][:, None] * axes[1][None, :])[:, :, None]
    return counts


def whole_kernel(kernel: Array, groups: int) -> Array:
    """A grouped kernel (KH, KW, C_in/groups, C_out) as a whole one, zero between the groups."""
    if groups == 1:
        return kernel
    height, width, inner, out = kernel.shape
    whole = np.zeros((height, width, inner * groups, out), kernel.dtype)
    for g in range(groups):
        columns = slice(g * out // groups, (g + 1) * out // groups)
        whole[:, :, g * inner : (g + 1) * inner, columns] = kernel[..., columns]
    return whole
