"""What front ends share: a graph's nodes as they are met, and all that is refused in one message."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from snncc.errors import UnsupportedLayerError
from snncc.graph import Affine, ClipFloor, Graph, Head, MaxPool, Node, Op, Relu, Reshape, Rounded, Words
from snncc.names import LONGEST, LONGEST_LAYER, identifier, unique

Shape = tuple[int, ...]
Step = tuple[Op, Shape]


class Refusal(Exception):  # noqa: N818 (a verdict on a layer, gathered into one error)
    """Why a layer cannot be converted, and what to write instead."""


def steps(shape: Shape, *ops: Op | list[Op]) -> list[Step]:
    """Operations one after the other that all make this shape."""
    flat = [op for part in ops for op in (part if isinstance(part, list) else [part])]
    return [(op, shape) for op in flat]


class Builder:
    """Nodes in topological order, the first being the input; `shapes` of each, `refused` what a user is told."""

    def __init__(self, name: str, words: Words) -> None:
        self.name, self.words = name, words
        self.nodes: list[Node] = []
        self.shapes: dict[str, Shape] = {}
        self.refused: list[str] = []
        self.notes: list[str] = []  # layers whose rounding is left out
        self.rounded: Rounded | None = None
        self._names: set[str] = {"input"}  # in lower case: some file systems know no other

    def add(self, layer: str, op: Op, inputs: Sequence[str], shape: Shape, name: str | None = None) -> str:
        """One more node; its name, which is unique."""
        own = name or unique(identifier(layer, LONGEST_LAYER), self._names)
        self._names.add(own.lower())
        self.nodes.append(Node(own, layer, op, tuple(inputs), shape))
        self.shapes[own] = shape
        if math.prod(shape) < 1:
            self.refused.append(f"layer {layer!r} makes an empty tensor of shape {shape}")
        return own

    def made(self, name: str) -> Node:
        """A node by its name."""
        return next(node for node in self.nodes if node.name == name)

    def graph(self, output: str, axes: tuple[int, ...] | None = None) -> Graph:
        """The graph that makes `output`, of data in the order of `axes`; UnsupportedLayerError with all refusals."""
        self._check_heads(output)
        output = self._pools_first(output)
        if self.refused:
            raise UnsupportedLayerError(
                f"model {self.name!r} cannot be converted:\n" + "\n".join(f"  - {line}" for line in self.refused)
            )
        nodes = tuple(self._reachable(output))
        return Graph(identifier(self.name, LONGEST), nodes, self.words, axes, self.rounded)

    def _check_heads(self, output: str) -> None:
        """softmax and sigmoid are read by the host: nothing but a reshape may follow them."""
        allowed = {output}
        for node in reversed(self.nodes):
            if isinstance(node.op, Reshape) and node.name in allowed:
                allowed.update(node.inputs)
            if isinstance(node.op, Head) and node.name not in allowed:
                self.refused.append(
                    f"layer {node.layer!r}: {node.op.kind} inside the network; it is supported at the end "
                    f"only, use {self.words.relu}"
                )

    def _pools_first(self, output: str) -> str:
        """Max-pools and reshapes go before one gain and shift that they alone read: they then read an activation.

        `max(a*x + b) = a*max(x) + b`, a > 0. The node that makes the output then.
        """
        place = {node.name: i for i, node in enumerate(self.nodes)}
        for name in list(place):
            node = self.nodes[place[name]]
            gain = self.nodes[place[node.inputs[0]]] if isinstance(node.op, MaxPool | Reshape) else node
            op = gain.op
            if not isinstance(op, Affine) or np.size(op.scale) != 1 or np.size(op.shift) != 1 or not op.scale > 0:
                continue
            source = gain
            while isinstance(source.op, Affine | MaxPool | Reshape):
                source = self.nodes[place[source.inputs[0]]]
            alone = gain.name != output and sum(gain.name in other.inputs for other in self.nodes) == 1
            if not alone or gain is node or not isinstance(source.op, Relu | ClipFloor):
                continue
            first, second = place[gain.name], place[node.name]
            self.nodes = [
                replace(other, inputs=tuple(gain.name if own == node.name else own for own in other.inputs))
                for other in self.nodes
            ]
            self.nodes[first] = replace(node, inputs=gain.inputs)
            self.nodes[second] = replace(gain, inputs=(node.name,), shape=node.shape)
            place |= {node.name: first, gain.name: second}
            self.shapes[gain.name] = node.shape
            output = gain.name if output == node.name else output
        return output

    def _reachable(self, output: str) -> list[Node]:
        needed = {output}
        kept = []
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(node.inputs)
                kept.append(node)
        return kept[::-1]
