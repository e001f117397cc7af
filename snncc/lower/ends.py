"""What the host does: the gain and offset before the first layer, and the head after the last."""

from __future__ import annotations

import math

import numpy as np

from snncc import graph
from snncc.errors import UnsupportedLayerError
from snncc.graph import Graph
from snncc.ir import Array, Head
from snncc.lower.values import canonical


def input_scaling(network: Graph) -> tuple[Array, Array, int]:
    """(gain, offset, number of nodes) of the gains and offsets per channel right after the input.

    Not of one that levels alone read: their population takes it exactly, and the input keeps its own grid.
    """
    gain, offset = np.ones(()), np.zeros(())
    used = 1
    for node in network.nodes[1:]:
        readers = [other for other in network.nodes if network.nodes[used - 1].name in other.inputs]
        if not isinstance(node.op, graph.Affine) or readers != [node]:
            break
        if all(isinstance(other.op, graph.ClipFloor) for other in network.nodes if node.name in other.inputs):
            break
        gain, offset = gain * node.op.scale, offset * node.op.scale + node.op.shift
        used += 1
    return np.array(gain, np.float64), np.array(offset, np.float64), used


def input_shape(network: Graph, first: int, per_channel: bool) -> tuple[int, ...]:
    """Of the network's input: a map, or a vector where the model reads it as one. `first`: as in `head_of`.

    Steps (L, C) are a map of one row, unless they are reshaped before anything else and scaled by one number.
    """
    shape, name = network.input_shape, network.nodes[first - 1].name
    readers = [node for node in network.nodes if name in node.inputs]
    reshaped = all(isinstance(node.op, graph.Reshape) for node in readers)
    if len(shape) in (1, 3):
        return shape
    return (math.prod(shape),) if reshaped and not per_channel else canonical(shape)


def head_of(network: Graph, first: int) -> tuple[Head, int]:
    """(what the host applies, the last node before it); `first` is the first that is no part of the input's scaling.

    Trailing reshapes only name the output's shape; a final relu is the host's, like a softmax. UnsupportedLayerError
    where nothing is left, or where a softmax classifies more than one position.
    """
    nodes = network.nodes
    head: Head = "linear"
    last = len(nodes) - 1
    while last >= first:
        op = nodes[last].op
        if isinstance(op, graph.Head):
            head = "softmax" if op.kind == "softmax" else "sigmoid"
            if head == "softmax" and int(np.prod(nodes[last].shape[:-1])) > 1:
                raise UnsupportedLayerError(
                    f"layer {nodes[last].layer!r}: a softmax over {nodes[last].shape} classifies every position; "
                    f"snncc gives one class per image: end with {network.words.one_position}"
                )
        elif isinstance(op, graph.Relu) and head == "linear" and (op.max_value, op.slope) == (None, None):
            head = "relu"
        elif not isinstance(op, graph.Reshape):
            break
        last -= 1
    if last < first:
        raise UnsupportedLayerError(f"model {network.name!r} has no layer with weights: nothing to convert")
    return head, last
