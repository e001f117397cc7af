"""Walks a Keras model's calls in topological order and makes the graph. All refusals come in one message."""

from __future__ import annotations

from typing import Any

from snncc.errors import UnsupportedLayerError
from snncc.frontend.builder import Builder, Refusal, Shape
from snncc.frontend.keras.layers import read
from snncc.graph import Graph, Input, Words

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
        self.build = Builder(name, WORDS)

    def graph(self) -> Graph:
        model = self.model
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            raise UnsupportedLayerError(
                f"model {self.name!r} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; snncc converts "
                "models with one of each: "
                + (
                    "cut it where there is one tensor"
                    if len(model.inputs) != 1
                    else "keras.Model(model.input, model.outputs[0])"
                )
            )
        self.build.add("input", Input(), (), _shape(model.inputs[0]), name="input")
        return self.build.graph(self._call(model, ["input"]))

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
            steps = read(layer, [self.build.shapes[s] for s in sources], output)
        except Refusal as why:
            self.build.refused.append(f"{type(layer).__name__} layer {layer.name!r}: {why}")
            steps = [(Input(), output)]
        names = tuple(sources)
        for op, shape in steps:
            names = (self.build.add(layer.name, op, names, shape),)
        return names[0]


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
