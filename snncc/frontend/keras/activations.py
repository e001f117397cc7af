"""Activations: of a layer of its own, and in a layer's `activation`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from snncc import graph
from snncc.frontend.keras.steps import Refusal, Shape, Step, steps
from snncc.graph import Op

OWN = ("keras", "snncc")
"""Packages whose layers are known (ours: the Keras 2 layers that load.py stands in for)."""

FUNCTIONS = ("keras", "tensorflow", "jax", "torch")
"""Packages whose `relu` is the relu."""


def activation(function: Any) -> list[Op]:
    """Operations of an activation, given as a Keras function (or, as Keras allows, as a ReLU layer)."""
    if type(function).__name__ == "ReLU" and type(function).__module__.split(".")[0] in OWN:
        return [op for op, _ in relu(function, (), ())]
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


def relu(layer: Any, inputs: Sequence[Shape], output: Shape) -> list[Step]:
    """A ReLU layer."""
    if layer.negative_slope or layer.threshold:
        raise Refusal("negative_slope and threshold must be 0: a spike train cannot be negative")
    return steps(output, graph.Relu(None if layer.max_value is None else float(layer.max_value)))
