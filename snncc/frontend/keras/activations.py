"""Activations: of a layer of its own, and in a layer's `activation`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from snncc import graph
from snncc.frontend.builder import Refusal, Shape, Step, steps
from snncc.frontend.keras.steps import Reader, needed
from snncc.graph import Op

OWN = ("keras", "snncc")
"""Packages whose layers are known (ours: the Keras 2 layers that load.py stands in for)."""

FUNCTIONS = ("keras", "tensorflow", "jax", "torch")
"""Packages whose `relu` is the relu."""


CURVED = {
    "elu": ("its negative side is curved", "relu or leaky_relu"),
    "selu": ("its negative side is curved", "relu with BatchNormalization"),
    "celu": ("its negative side is curved", "relu or leaky_relu"),
    "hard_silu": ("it is a product of the input and its gate", "relu or relu6"),
    "silu": ("it is a product of the input and its gate", "relu or relu6"),
    "gelu": ("it is a product of the input and its gate", "relu"),
    "mish": ("it is a product of the input and its gate", "relu"),
    "glu": ("it is a product of the input and its gate", "relu"),
    "tanh": ("it is curved on both sides", "hard_tanh or relu"),
    "softsign": ("it is curved on both sides", "hard_tanh or relu"),
    "exponential": ("it is curved", "relu"),
}
"""Activations of Keras that are no relu: why not, and what comes nearest."""


def activation(function: Any) -> list[Op]:
    """Operations of an activation, given as a Keras function (or, as Keras allows, as a layer such as ReLU)."""
    reader = ACTIVATIONS.get(type(function).__name__)
    if reader and type(function).__module__.split(".")[0] in OWN:
        return [op for op, _ in reader(function, (), ())]
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
        case "leaky_relu":
            return [graph.Relu(None, np.array(0.2))]
        case "hard_sigmoid":  # relu6(x + 3) / 6
            return [_gain(1, 3), graph.Relu(6.0), _gain(1 / 6, 0)]
        case "hard_tanh":  # between -1 and 1
            return [_gain(1, 1), graph.Relu(2.0), _gain(1, -1)]
        case "softmax" | "sigmoid":
            return [graph.Head(name)]
    raise Refusal(f"activation {name!r}: {curved(name)}")


def curved(name: str) -> str:
    """What to write instead of an activation that is no relu."""
    reason, instead = CURVED.get(name.lower(), ("it is not linear above 0", "relu"))
    end = "at the end of the network softmax, sigmoid, relu or none, and others on the host"
    return f"{reason}; use {instead} in its place inside the network and fine-tune; {end}"


def _gain(scale: float, shift: float) -> graph.Affine:
    return graph.Affine(np.array(float(scale)), np.array(float(shift)))


def _relu(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    if layer.threshold:
        raise Refusal("its threshold must be 0: a spike train is linear above 0; use a bias before it and fine-tune")
    slope = np.array(float(layer.negative_slope)) if layer.negative_slope else None
    return steps(output, graph.Relu(None if layer.max_value is None else float(layer.max_value), slope))


def _leaky(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    return steps(output, graph.Relu(None, np.array(float(layer.negative_slope))))


def _prelu(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    alpha = needed(layer, "alpha")
    if alpha.size != alpha.shape[-1]:
        shared = list(range(1, alpha.ndim))
        raise Refusal(f"a slope for every position; use PReLU(shared_axes={shared}), one per channel, and fine-tune")
    return steps(output, graph.Relu(None, alpha.reshape(-1)))


def _qcfs(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    """Ours, of `snncc.training`; lambda is its weight `scale`."""
    scale = needed(layer, "scale")
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise Refusal("its scale is not positive: train it again")
    return steps(output, graph.ClipFloor(int(layer.levels), scale.reshape(()) if scale.size == 1 else scale))


ACTIVATIONS: dict[str, Reader] = {"ReLU": _relu, "LeakyReLU": _leaky, "PReLU": _prelu, "QCFS": _qcfs}
"""Layers that are an activation with parameters, by their class in Keras."""
