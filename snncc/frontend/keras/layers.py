"""One function per Keras layer: what it computes, as operations of the graph.

A function gets the layer, its input shapes (without batch) and its output shape, and returns the operations in
order of application; `Refusal` says why a layer cannot be converted and what to write instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from snncc import graph
from snncc.frontend.builder import Refusal, Shape, Step, steps
from snncc.frontend.keras.activations import ACTIVATIONS, OWN, activation
from snncc.frontend.keras.advice import ADVICE, TRAINING_ONLY, UNKNOWN
from snncc.frontend.keras.steps import Reader, bias, needed, weights
from snncc.frontend.keras.windows import WINDOWS
from snncc.graph import Array


def read(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    """The operations of one call of a layer."""
    kind = type(layer).__name__
    if type(layer).__module__.split(".")[0] not in OWN:
        raise Refusal(f"a class of {type(layer).__module__!r}, whose code is unknown; use Keras's own layers")
    if kind in TRAINING_ONLY:
        return []
    reader = READERS.get(kind)
    if reader is None:
        raise Refusal(ADVICE.get(kind, UNKNOWN))
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        raise Refusal("channels_first data; rebuild the model with data_format='channels_last'")
    return reader(layer, inputs, output)


def _dense(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    kernel, step = needed(layer, "kernel"), _step(layer)
    dense = graph.Dense(kernel if step is None else kernel * step, bias(layer), step)
    return steps(output, dense, activation(layer.activation))


def _step(layer: Any) -> Array | None:
    """What 1 of a quantised layer's integers stands for, per output: `model.quantize("int8")` stores its inverse."""
    mode = getattr(layer, "quantization_mode", None)
    if mode is None:
        return None
    scale = weights(layer, "kernel_scale")
    if mode not in ("int8", "int4") or scale is None or scale.shape != (layer.units,):
        raise Refusal(f"quantised as {layer.dtype_policy.name!r}; use model.quantize('int8'), or 'int4' with one scale "
                      "per output (Int4QuantizationConfig(block_size=None))")  # fmt: skip
    if layer.lora_enabled:
        raise Refusal("its LoRA weights are not merged; save the model and load it again")
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise Refusal("its scale is not positive: quantise it again")
    return 1 / scale


def _last_axis(layer: Any, inputs: Sequence[Shape]) -> None:
    axis = layer.axis if np.isscalar(layer.axis) else layer.axis[0]
    if axis not in (-1, len(inputs[0])):
        raise Refusal(f"axis={axis!r}; it must be the channel (last) axis")


def _batch_norm(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    _last_axis(layer, inputs)
    mean, variance = needed(layer, "moving_mean"), needed(layer, "moving_variance")
    gamma = weights(layer, "gamma") if layer.scale else None
    beta = weights(layer, "beta") if layer.center else None
    scale = (1.0 if gamma is None else gamma) / np.sqrt(variance + layer.epsilon)
    return steps(output, graph.Affine(scale, (0.0 if beta is None else beta) - mean * scale))


def _activation(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    return steps(output, activation(layer.activation))


def _softmax(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    _last_axis(layer, inputs)
    return steps(output, graph.Head("softmax"))


def _reshape(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    return steps(output, graph.Reshape())


def _concatenate(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    if layer.axis not in (-1, len(output)):
        raise Refusal(f"axis={layer.axis!r}; only the channel (last) axis can be concatenated")
    return steps(output, graph.Concatenate())


def _add(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    if len(inputs) < 2:
        raise Refusal("it adds a constant; use a bias or a Rescaling layer with an offset")
    if any(shape != output for shape in inputs):
        raise Refusal(f"it broadcasts {list(inputs)}; all inputs must have one shape")
    return steps(output, graph.Add())


def _average(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    share = graph.Affine(np.array(1 / len(inputs)), np.array(0.0))
    return [*_add(layer, inputs, output), *steps(output, share)]


def _rescaling(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    scale, offset = (_per_channel(np.asarray(v, np.float64), output) for v in (layer.scale, layer.offset))
    return steps(output, graph.Affine(*np.broadcast_arrays(scale, offset)))


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
    return steps(output, graph.Affine(np.asarray(scale), np.asarray(-mean * scale)))


READERS: dict[str, Reader] = (
    WINDOWS
    | ACTIVATIONS
    | {
        "Dense": _dense,
        "BatchNormalization": _batch_norm,
        "Activation": _activation,
        "Softmax": _softmax,
        "Flatten": _reshape,
        "Reshape": _reshape,
        "Concatenate": _concatenate,
        "Add": _add,
        "Average": _average,
        "Rescaling": _rescaling,
        "Normalization": _normalization,
    }
)
