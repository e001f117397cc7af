"""Walks a Keras model's calls in topological order and makes the graph. All refusals come in one message."""

from __future__ import annotations

import math
from typing import Any

from snncc.errors import UnsupportedLayerError
from snncc.frontend.keras.layers import read
from snncc.frontend.keras.steps import Refusal
from snncc.graph import Graph, Head, Input, Node, Reshape, Words
from snncc.names import LONGEST, LONGEST_LAYER, identifier, unique

Shape = tuple[int, ...]
WORDS = Words(
    relu="relu",
    shrinking="padding='valid'",
    keeping="'same' padding",
    one_position="GlobalAveragePooling2D or Flatten and Dense",
)


def from_keras(model: Any, sample_shape: Shape | None = None) -> Graph:
    """The graph of a Sequential or Functional Keras model.

    `sample_shape` builds a Sequential model that has no Input. UnsupportedLayerError lists every layer that
    cannot be converted, with the reason and what to write instead.
    """
    return _Walk(_functional(model, sample_shape), model.name).graph()


def _functional(model: Any, sample_shape: Shape | None) -> Any:
    """The Functional model inside: a Sequential keeps one."""
    kind = type(model).__name__
    if kind == "Sequential":
        if not model.built and sample_shape is not None:
            model.build((None, *sample_shape))
        inner = getattr(model, "_functional", None)
        if inner is None:
            raise UnsupportedLayerError(f"model {model.name!r} has no input shape: start it with keras.Input(...)")
        return inner
    if not hasattr(model, "inputs") or not getattr(model, "outputs", None):
        raise UnsupportedLayerError(
            f"model {getattr(model, 'name', model)!r} is a subclassed model, whose layers cannot be listed: "
            "rebuild it as a Sequential or Functional model"
        )
    return model


class _Walk:
    def __init__(self, model: Any, name: str) -> None:
        self.model, self.name = model, name
        self.nodes: list[Node] = []
        self.refused: list[str] = []
        self.names: set[str] = {"input"}  # in lower case: some file systems know no other
        self.values: dict[int, str] = {}  # id of a KerasTensor -> name of the node that makes it
        self.shapes: dict[str, Shape] = {}

    def graph(self) -> Graph:
        model = self.model
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            raise UnsupportedLayerError(
                f"model {self.name!r} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; "
                "snncc converts models with one of each"
            )
        self._node("input", Input(), (), _shape(model.inputs[0]), name="input")
        output = self._call(model, ["input"])
        self._check_heads(output)
        if self.refused:
            raise UnsupportedLayerError(
                f"model {self.name!r} cannot be converted:\n" + "\n".join(f"  - {line}" for line in self.refused)
            )
        return Graph(identifier(self.name, LONGEST), tuple(self._reachable(output)), WORDS)

    def _call(self, model: Any, arguments: list[str]) -> str:
        """Walk one call of a (nested) model; the name of the node that makes its output."""
        values = {id(tensor): name for tensor, name in zip(model.inputs, arguments, strict=True)}
        for node in _calls(model):
            layer = node.operation
            if len(node.output_tensors) != 1:
                raise UnsupportedLayerError(
                    f"layer {layer.name!r} has {len(node.output_tensors)} outputs; split it into layers with one each"
                )
            sources = [values[id(tensor)] for tensor in node.input_tensors]
            values[id(node.output_tensors[0])] = self._layer(layer, sources, _shape(node.output_tensors[0]))
        return values[id(model.outputs[0])]

    def _layer(self, layer: Any, sources: list[str], output: Shape) -> str:
        if type(layer).__name__ == "Sequential" or hasattr(layer, "_nodes_by_depth"):
            return self._call(_functional(layer, None), sources)
        try:
            steps = read(layer, [self.shapes[s] for s in sources], output)
        except Refusal as why:
            self.refused.append(f"{type(layer).__name__} layer {layer.name!r}: {why}")
            steps = [(Input(), output)]
        names = tuple(sources)
        for op, shape in steps:
            names = (self._node(layer.name, op, names, shape),)
        return names[0]

    def _node(self, layer: str, op: Any, inputs: tuple[str, ...], shape: Shape, name: str | None = None) -> str:
        own = name or unique(identifier(layer, LONGEST_LAYER), self.names)
        self.names.add(own.lower())
        self.nodes.append(Node(own, layer, op, inputs, shape))
        self.shapes[own] = shape
        if math.prod(shape) < 1:
            self.refused.append(f"layer {layer!r} makes an empty tensor of shape {shape}")
        return own

    def _check_heads(self, output: str) -> None:
        """softmax and sigmoid are read by the host: nothing but a reshape may follow them."""
        allowed = {output}
        for node in reversed(self.nodes):
            if isinstance(node.op, Reshape) and node.name in allowed:
                allowed.update(node.inputs)
            if isinstance(node.op, Head) and node.name not in allowed:
                self.refused.append(
                    f"layer {node.layer!r}: {node.op.kind} inside the network; it is supported at the end "
                    "only, use relu"
                )

    def _reachable(self, output: str) -> list[Node]:
        needed = {output}
        kept = []
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(node.inputs)
                kept.append(node)
        return kept[::-1]


def _calls(model: Any) -> list[Any]:
    """The calls of a functional model's layers, each after what it reads."""
    ordered: list[Any] = []
    seen: set[int] = set()
    inputs = {id(tensor) for tensor in model.inputs}
    stack: list[tuple[Any, bool]] = [(model.outputs[0], False)]
    while stack:
        tensor, done = stack.pop()
        history = tensor._keras_history
        node = history.operation._inbound_nodes[history.node_index]
        if done:
            ordered.append(node)
            continue
        if id(tensor) in inputs or id(node) in seen:
            continue
        seen.add(id(node))
        stack.append((tensor, True))
        stack.extend((source, False) for source in reversed(node.input_tensors))
    return ordered


def _shape(tensor: Any) -> Shape:
    shape = tuple(tensor.shape[1:])
    if any(size is None for size in shape):
        raise UnsupportedLayerError(
            f"tensor {tensor.name!r} has the open shape {shape}: give keras.Input a fixed height and width"
        )
    return tuple(int(size) for size in shape)
