"""One function per Keras layer: what it computes, as operations of the graph.

A function gets the layer, its input shapes (without batch) and its output shape, and returns the operations in
order of application; `Refusal` says why a layer cannot be converted and what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from snncc import graph
from snncc.graph import Array, Op, Pads, Pair, same_pads

Shape = tuple[int, ...]
Step = tuple[Op, Shape]
Reader = Callable[[Any, Sequence[Shape], Shape], list[Step]]


class Refusal(Exception):  # noqa: N818 (a verdict on a layer, gathered into one error)
    """Why a layer cannot be converted, and what to write instead."""


OWN = ("keras", "snncc")
"""Packages whose layers are known (ours: the Keras 2 layers that load.py stands in for)."""

FUNCTIONS = ("keras", "tensorflow", "jax", "torch")
"""Packages whose `relu` is the relu."""

TRAINING_ONLY = (
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "ActivityRegularization",
    "RandomFlip",
    "RandomRotation",
    "RandomZoom",
    "RandomTranslation",
    "RandomContrast",
    "RandomBrightness",
    "Identity",
)

ADVICE = {
    "LeakyReLU": "a spike train cannot be negative; train with ReLU",
    "PReLU": "a spike train cannot be negative; train with ReLU",
    "ELU": "a spike train cannot be negative; train with ReLU",
    "LSTM": "recurrent layers have no rate-coded form here; use convolutions over time",
    "GRU": "recurrent layers have no rate-coded form here; use convolutions over time",
    "SimpleRNN": "recurrent layers have no rate-coded form here; use convolutions over time",
    "Multiply": "a product of two spike trains has no rate-coded form; use Add or Concatenate",
    "LayerNormalization": "it depends on the sample; train with BatchNormalization",
    "GroupNormalization": "it depends on the sample; train with BatchNormalization",
    "Lambda": "its code is unknown; write it with the supported layers",
    "Conv2DTranspose": "transposed convolutions are not supported",
    "UpSampling2D": "upsampling is not supported",
    "Conv1D": "reshape the input to (steps, 1, channels) and use Conv2D with a (k, 1) kernel",
    "Conv3D": "only two-dimensional convolutions are supported",
    "Maximum": "use MaxPooling2D, Add or Concatenate",
    "Permute": "it would transpose the map; keep channels last throughout",
}


def read(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    """The operations of one call of a layer."""
    kind = type(layer).__name__
    if type(layer).__module__.split(".")[0] not in OWN:
        raise Refusal(f"a class of {type(layer).__module__!r}, whose code is unknown; use Keras's own layers")
    if kind in TRAINING_ONLY:
        return []
    reader = READERS.get(kind)
    if reader is None:
        raise Refusal(ADVICE.get(kind, "this kind of layer is not supported; see the table in the README"))
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        raise Refusal("channels_first data; rebuild the model with data_format='channels_last'")
    return reader(layer, inputs, output)


def activation(function: Any) -> list[Op]:
    """Operations of an activation, given as a Keras function (or, as Keras allows, as a ReLU layer)."""
    if type(function).__name__ == "ReLU" and type(function).__module__.split(".")[0] in OWN:
        return [op for op, _ in _relu(function, (), ())]
    name = getattr(function, "__name__", type(function).__name__)
    if str(getattr(function, "__module__", "")).split(".")[0] not in FUNCTIONS:
        raise Refusal(f"activation {name!r} is a function of its own, whose code is unknown; use Keras's relu")
    match name:
        case "linear":
            return []
        case "relu":
            return [graph.Relu()]
        case "relu6":
            return [graph.Relu(6.0)]
        case "softmax" | "sigmoid":
            return [graph.Head(name)]
    hint = "use relu inside the network; at its end softmax, sigmoid, relu or none (apply others on the host)"
    raise Refusal(f"activation {name!r}: {hint}")


def _with(shape: Shape, *ops: Op | list[Op]) -> list[Step]:
    flat = [op for part in ops for op in (part if isinstance(part, list) else [part])]
    return [(op, shape) for op in flat]


def _weights(layer: Any, name: str) -> Array | None:
    variable = getattr(layer, name, None)
    return None if variable is None else np.asarray(variable, np.float64)


def _kernel(layer: Any, name: str) -> Array:
    kernel = _weights(layer, name)
    if kernel is None:
        raise Refusal("it has no weights yet; build and train the model first")
    return kernel


def _bias(layer: Any) -> Array | None:
    return _weights(layer, "bias") if layer.use_bias else None


def _pair(value: Any) -> Pair:
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _pads(layer: Any, shape: Shape, kernel: Pair, strides: Pair, dilation: Pair = (1, 1)) -> Pads:
    if layer.padding == "same":
        return same_pads(shape, kernel, strides, dilation)
    if layer.padding == "valid":
        return 0, 0, 0, 0
    raise Refusal(f"padding {layer.padding!r}; use 'same' or 'valid'")


def _expand_groups(kernel: Array, groups: int) -> Array:
    """A grouped kernel (KH, KW, C_in/groups, C_out) as a whole one, zero between the groups."""
    if groups == 1:
        return kernel
    height, width, inner, out = kernel.shape
    whole = np.zeros((height, width, inner * groups, out), kernel.dtype)
    for g in range(groups):
        columns = slice(g * out // groups, (g + 1) * out // groups)
        whole[:, :, g * inner : (g + 1) * inner, columns] = kernel[..., columns]
    return whole


def _conv2d(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    kernel = _expand_groups(_kernel(layer, "kernel"), int(layer.groups))
    strides, dilation = _pair(layer.strides), _pair(layer.dilation_rate)
    pads = _pads(layer, inputs[0], kernel.shape[:2], strides, dilation)
    conv = graph.Conv(kernel, _bias(layer), strides, dilation, pads)
    return _with(output, conv, activation(layer.activation))


def _depthwise(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    kernel = _kernel(layer, "kernel" if getattr(layer, "kernel", None) is not None else "depthwise_kernel")
    strides, dilation = _pair(layer.strides), _pair(layer.dilation_rate)
    pads = _pads(layer, inputs[0], kernel.shape[:2], strides, dilation)
    conv = graph.Depthwise(kernel, _bias(layer), strides, dilation, pads)
    return _with(output, conv, activation(layer.activation))


def _separable(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    kernel, pointwise = _kernel(layer, "depthwise_kernel"), _kernel(layer, "pointwise_kernel")
    strides, dilation = _pair(layer.strides), _pair(layer.dilation_rate)
    pads = _pads(layer, inputs[0], kernel.shape[:2], strides, dilation)
    between = (*output[:2], kernel.shape[2] * kernel.shape[3])
    depth = graph.Depthwise(kernel, None, strides, dilation, pads)
    point = graph.Conv(pointwise, _bias(layer), (1, 1), (1, 1), (0, 0, 0, 0))
    return [(depth, between), *_with(output, point, activation(layer.activation))]


def _dense(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    dense = graph.Dense(_kernel(layer, "kernel"), _bias(layer))
    return _with(output, dense, activation(layer.activation))


def _average_pool(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    size, strides = _pair(layer.pool_size), _pair(layer.strides)
    return _with(output, graph.AveragePool(size, strides, _pads(layer, inputs[0], size, strides)))


def _max_pool(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    size, strides = _pair(layer.pool_size), _pair(layer.strides)
    return _with(output, graph.MaxPool(size, strides, _pads(layer, inputs[0], size, strides)))


def _global_average(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    size = (inputs[0][0], inputs[0][1])
    return [(graph.AveragePool(size, size, (0, 0, 0, 0)), (1, 1, inputs[0][2])), (graph.Reshape(), output)]


def _global_max(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    size = (inputs[0][0], inputs[0][1])
    return [(graph.MaxPool(size, size, (0, 0, 0, 0)), (1, 1, inputs[0][2])), (graph.Reshape(), output)]


def _last_axis(layer: Any, inputs: Sequence[Shape]) -> None:
    axis = layer.axis if np.isscalar(layer.axis) else layer.axis[0]
    if axis not in (-1, len(inputs[0])):
        raise Refusal(f"axis={axis!r}; it must be the channel (last) axis")


def _batch_norm(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    _last_axis(layer, inputs)
    mean, variance = _kernel(layer, "moving_mean"), _kernel(layer, "moving_variance")
    gamma = _weights(layer, "gamma") if layer.scale else None
    beta = _weights(layer, "beta") if layer.center else None
    scale = (1.0 if gamma is None else gamma) / np.sqrt(variance + layer.epsilon)
    return _with(output, graph.Affine(scale, (0.0 if beta is None else beta) - mean * scale))


def _activation(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    return _with(output, activation(layer.activation))


def _relu(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    if layer.negative_slope or layer.threshold:
        raise Refusal("negative_slope and threshold must be 0: a spike train cannot be negative")
    return _with(output, graph.Relu(None if layer.max_value is None else float(layer.max_value)))


def _softmax(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    _last_axis(layer, inputs)
    return _with(output, graph.Head("softmax"))


def _reshape(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    return _with(output, graph.Reshape())


def _zero_padding(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    (top, bottom), (left, right) = layer.padding
    return _with(output, graph.Pad((top, bottom, left, right)))


def _concatenate(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    if layer.axis not in (-1, len(output)):
        raise Refusal(f"axis={layer.axis!r}; only the channel (last) axis can be concatenated")
    return _with(output, graph.Concatenate())


def _add(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    if len(inputs) < 2:
        raise Refusal("it adds a constant; use a bias or a Rescaling layer with an offset")
    if any(shape != output for shape in inputs):
        raise Refusal(f"it broadcasts {list(inputs)}; all inputs must have one shape")
    return _with(output, graph.Add())


def _rescaling(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    scale, offset = (_per_channel(np.asarray(v, np.float64), output) for v in (layer.scale, layer.offset))
    return _with(output, graph.Affine(*np.broadcast_arrays(scale, offset)))


def _per_channel(values: Array, shape: Shape) -> Array:
    """One number as (), one per channel as (C,)."""
    if values.size not in (1, shape[-1]) or values.size != (values.shape or (1,))[-1]:
        raise Refusal(f"numbers of shape {values.shape}: give one, or one per channel (last axis)")
    return values.reshape(()) if values.size == 1 else values.reshape(-1)


def _normalization(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    if layer.invert:
        raise Refusal("invert=True")
    mean, variance = (_per_channel(np.asarray(v, np.float64), output) for v in (layer.mean, layer.variance))
    scale = 1.0 / np.maximum(np.sqrt(variance), 1e-7)
    return _with(output, graph.Affine(np.asarray(scale), np.asarray(-mean * scale)))


READERS: dict[str, Reader] = {
    "Conv2D": _conv2d,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "Dense": _dense,
    "AveragePooling2D": _average_pool,
    "MaxPooling2D": _max_pool,
    "GlobalAveragePooling2D": _global_average,
    "GlobalMaxPooling2D": _global_max,
    "BatchNormalization": _batch_norm,
    "Activation": _activation,
    "ReLU": _relu,
    "Softmax": _softmax,
    "Flatten": _reshape,
    "Reshape": _reshape,
    "ZeroPadding2D": _zero_padding,
    "Concatenate": _concatenate,
    "Add": _add,
    "Rescaling": _rescaling,
    "Normalization": _normalization,
}
