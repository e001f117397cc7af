"""Layers with a window: convolutions, pools, padding; over maps, and over sequences as maps of one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from snncc import graph
from snncc.frontend.builder import Refusal, Shape, Step, steps
from snncc.frontend.keras.activations import activation
from snncc.frontend.keras.steps import Reader, bias, needed, pair
from snncc.graph import Array, Pads, Pair, same_pads, whole_kernel


def _rows(shape: Shape) -> Shape:
    """A sequence (L, C) as the map (1, L, C)."""
    return (1, *shape)[-3:]


def _taps(kernel: Array) -> Array:
    """The weights of a layer over steps, (k, C, ...), with one row."""
    return kernel.reshape((1, *kernel.shape)[-4:])


def _pads(layer: Any, shape: Shape, kernel: Pair, strides: Pair, dilation: Pair = (1, 1)) -> Pads:
    if layer.padding == "same":
        return same_pads(_rows(shape), kernel, strides, dilation)
    if layer.padding == "valid":
        return 0, 0, 0, 0
    if layer.padding == "causal":
        return 0, 0, (kernel[1] - 1) * dilation[1], 0
    raise Refusal(f"padding {layer.padding!r}; use 'same' or 'valid'")


def _conv(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    kernel = whole_kernel(_taps(needed(layer, "kernel")), int(layer.groups))
    strides, dilation = pair(layer.strides), pair(layer.dilation_rate)
    pads = _pads(layer, inputs[0], kernel.shape[:2], strides, dilation)
    conv = graph.Conv(kernel, bias(layer), strides, dilation, pads)
    return steps(output, conv, activation(layer.activation))


def _depthwise(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    name = "kernel" if getattr(layer, "kernel", None) is not None else "depthwise_kernel"
    kernel = _taps(needed(layer, name))
    strides, dilation = pair(layer.strides), pair(layer.dilation_rate)
    pads = _pads(layer, inputs[0], kernel.shape[:2], strides, dilation)
    conv = graph.Depthwise(kernel, bias(layer), strides, dilation, pads)
    return steps(output, conv, activation(layer.activation))


def _separable(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    kernel, pointwise = _taps(needed(layer, "depthwise_kernel")), _taps(needed(layer, "pointwise_kernel"))
    strides, dilation = pair(layer.strides), pair(layer.dilation_rate)
    pads = _pads(layer, inputs[0], kernel.shape[:2], strides, dilation)
    between = (*output[:-1], kernel.shape[2] * kernel.shape[3])
    depth = graph.Depthwise(kernel, None, strides, dilation, pads)
    point = graph.Conv(pointwise, bias(layer), (1, 1), (1, 1), (0, 0, 0, 0))
    return [(depth, between), *steps(output, point, activation(layer.activation))]


def _transposed(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    """The kernel turned around over a map with zeros between its elements."""
    strides, dilation = pair(layer.strides), pair(layer.dilation_rate)
    if dilation != (1, 1):
        raise Refusal(f"dilation {dilation}; use strides, or UpSampling2D and a dilated Conv2D")
    kernel = _taps(needed(layer, "kernel"))[::-1, ::-1].swapaxes(2, 3)
    before, made, channels = _rows(inputs[0]), _rows(output), inputs[0][-1]
    rows, columns = (_transposed_pads(before[a], made[a], kernel.shape[a], strides[a], layer.padding) for a in (0, 1))
    wide = ((before[0] - 1) * strides[0] + 1, (before[1] - 1) * strides[1] + 1, channels)[-len(output) :]
    spread = [] if strides == (1, 1) else [(graph.Spread(strides, repeat=False), wide)]
    conv = graph.Conv(kernel, bias(layer), (1, 1), (1, 1), (*rows, *columns))
    return [*spread, *steps(output, conv, activation(layer.activation))]


def _transposed_pads(size: int, made: int, kernel: int, stride: int, padding: str) -> Pair:
    """Zeros before and after an axis with stride - 1 zeros between its elements, of which a window makes `made`.

    It is the convolution that makes `size` of `made`, read backwards: what that pads is cut off here.
    """
    spread = (size - 1) * stride + 1
    cut = max(spread - 1 + kernel - made, 0) // 2 if padding == "same" else 0
    before = kernel - 1 - cut
    return before, made - 1 + kernel - spread - before


def _upsampling(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    kind = getattr(layer, "interpolation", "nearest")
    if kind != "nearest":
        raise Refusal(f"interpolation {kind!r}; use 'nearest', or Conv2DTranspose, and fine-tune")
    size = pair(layer.size if len(inputs[0]) == 3 else (layer.size,))
    return steps(output, graph.Spread(size, repeat=True))


def _average_pool(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    size, strides = pair(layer.pool_size), pair(layer.strides)
    return steps(output, graph.AveragePool(size, strides, _pads(layer, inputs[0], size, strides)))


def _max_pool(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    size, strides = pair(layer.pool_size), pair(layer.strides)
    return steps(output, graph.MaxPool(size, strides, _pads(layer, inputs[0], size, strides)))


def _global(pool: type[graph.AveragePool | graph.MaxPool]) -> Reader:
    """The reader of a pool over the whole map."""

    def reader(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
        height, width, channels = _rows(inputs[0])
        whole = pool((height, width), (height, width), (0, 0, 0, 0))
        return [(whole, (1, 1, channels)), (graph.Reshape(), output)]

    return reader


def _zero_padding(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    (top, bottom), (left, right) = layer.padding if len(inputs[0]) == 3 else ((0, 0), layer.padding)
    return steps(output, graph.Pad((int(top), int(bottom), int(left), int(right))))


WINDOWS: dict[str, Reader] = {
    "Conv1D": _conv,
    "Conv2D": _conv,
    "Conv1DTranspose": _transposed,
    "Conv2DTranspose": _transposed,
    "UpSampling1D": _upsampling,
    "UpSampling2D": _upsampling,
    "DepthwiseConv1D": _depthwise,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv1D": _separable,
    "SeparableConv2D": _separable,
    "AveragePooling1D": _average_pool,
    "AveragePooling2D": _average_pool,
    "MaxPooling1D": _max_pool,
    "MaxPooling2D": _max_pool,
    "GlobalAveragePooling1D": _global(graph.AveragePool),
    "GlobalAveragePooling2D": _global(graph.AveragePool),
    "GlobalMaxPooling1D": _global(graph.MaxPool),
    "GlobalMaxPooling2D": _global(graph.MaxPool),
    "ZeroPadding1D": _zero_padding,
    "ZeroPadding2D": _zero_padding,
}
"""Layers with a window, by their class in Keras."""
