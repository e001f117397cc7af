"""Walks an ONNX graph in topological order and makes the graph. All refusals come in one message."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np

from snncc.errors import FileFormatError, SnnccWarning, UnsupportedLayerError
from snncc.frontend.builder import Builder, Refusal, Shape
from snncc.frontend.onnx.advice import ADVICE, NOTHING, UNKNOWN
from snncc.frontend.onnx.call import Call
from snncc.frontend.onnx.fold import Constants
from snncc.frontend.onnx.layers import READERS, read
from snncc.frontend.onnx.layout import orders
from snncc.frontend.onnx.load import library
from snncc.frontend.onnx.quantisers import CONSTANT, constant
from snncc.frontend.onnx.steps import with_levels
from snncc.frontend.onnx.values import Layouts, Value
from snncc.graph import Array, Graph, Input, Words

WORDS = Words(
    relu="Relu",
    shrinking="pads of 0",
    keeping="pads",
    one_position="GlobalAveragePool, or Flatten and Gemm",
)


def from_onnx(model: Any, name: str, sample_shape: Shape | None = None) -> Graph:
    """The graph of a sound ModelProto. `sample_shape`: of a sample, where the model leaves its height or width open.

    UnsupportedLayerError lists every node that cannot be converted, with the reason and what to write instead.
    """
    walk = _Walk(model, name, sample_shape)
    refusals = []
    for axes in orders(walk.source, walk.shape, walk.nodes):
        try:
            return walk.graph(axes)
        except UnsupportedLayerError as why:
            refusals.append(why)
    raise refusals[0]


def kind_of(node: Any) -> str:
    """A node's operator; with its domain where it is not ONNX's own."""
    return str(node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}")


class _Walk:
    def __init__(self, model: Any, name: str, sample_shape: Shape | None) -> None:
        self.onnx, self.model, self.name, self.sample_shape = library(), model, name, sample_shape
        self.known = Constants(model, name)
        self.output = self._output()
        self.nodes = self._needed(self.output)
        self.read = {name for node in self.nodes for name in node.input if name}
        source = self._input()
        self.source, self.shape = str(source.name), self._sample(source)
        self.known.declare(self.source, source.type.tensor_type.elem_type, (1, *self.shape))
        self.known.bounded(self.source)

    def graph(self, axes: tuple[int, ...]) -> Graph:
        """The graph of samples whose axes are read in this order."""
        self.build = Builder(self.name, WORDS)
        held = tuple(self.shape[axis] for axis in axes)
        node = self.build.add("input", Input(), (), held, name="input")
        whole = Value(node, held, tuple(int(a) for a in np.argsort(axes)), self.shape)
        self.values: dict[str, Value | None] = {self.source: whole}  # None: made by a refused node, its layout unknown
        for each in self.nodes:
            self._node(each)
        made = self.values.get(self.output)
        if made is None and not self.build.refused:
            raise UnsupportedLayerError(f"model {self.name!r}: its output does not depend on its input")
        if made is not None and not made.direct:
            self.build.refused.append(
                f"the model ends with a flatten of a channels-first map of shape {self.build.shapes[made.node]} "
                "(channels last): end with the map, or with Gemm"
            )
        end = made.node if made is not None else node
        with_levels(self.build)
        self._say_notes()
        return self.build.graph(end, None if axes == tuple(range(len(axes))) else axes)

    def _say_notes(self) -> None:
        """That some numbers are not rounded as in the model."""
        if self.build.notes and not self.build.refused:
            layers = ", ".join(map(repr, dict.fromkeys(self.build.notes)))
            warnings.warn(
                f"model {self.name!r}: the rounding of {layers} is left out: no layer here rounds numbers that may be "
                "negative (of more than 4 bits), or means",
                SnnccWarning,
                stacklevel=3,
            )

    # --- ends ----------------------------------------------------------------------------------------------

    def _output(self) -> str:
        """The one output that holds numbers; labels beside it are left to the host."""
        makers = {name: node for node in self.model.graph.node for name in node.output}
        kinds = self.onnx.TensorProto
        found = [
            value.name
            for value in self.model.graph.output
            if value.type.tensor_type.elem_type in (kinds.FLOAT, kinds.DOUBLE, kinds.FLOAT16, kinds.BFLOAT16)
            or (value.name in makers and kind_of(makers[value.name]) == "ai.onnx.ml.ZipMap")
        ]
        if len(found) != 1:
            raise UnsupportedLayerError(
                f"model {self.name!r} has {len(found)} outputs of real numbers "
                f"({', '.join(map(repr, found)) or 'none'}); snncc converts models with one: end it with the values "
                "that classify"
            )
        return str(found[0])

    def _needed(self, output: str) -> list[Any]:
        """The nodes that the output depends on, in topological order."""
        wanted, kept = {output}, []
        for node in reversed(self.model.graph.node):
            if wanted & set(node.output):
                wanted |= set(node.input)
                kept.append(node)
        return kept[::-1]

    def _input(self) -> Any:
        found = [v for v in self.model.graph.input if v.name in self.read and v.name not in self.known.stored]
        if len(found) != 1:
            raise UnsupportedLayerError(
                f"model {self.name!r} has {len(found)} inputs ({', '.join(repr(v.name) for v in found) or 'none'}); "
                "snncc converts models with one"
            )
        return found[0]

    def _sample(self, source: Any) -> Shape:
        """The input's shape without its batch, which must be open or 1."""
        kind = source.type.tensor_type
        if not source.type.HasField("tensor_type") or kind.elem_type in (0, 8):
            raise UnsupportedLayerError(f"input {source.name!r} is no tensor of numbers")
        dims = [d.dim_value if d.HasField("dim_value") else 0 for d in kind.shape.dim]
        given = self.sample_shape
        if given is not None and len(dims) == len(given) + 1:
            dims[1:] = [size if size > 0 else own for size, own in zip(dims[1:], given, strict=True)]
        if len(dims) < 2 or any(size < 1 for size in dims[1:]):
            raise UnsupportedLayerError(
                f"input {source.name!r} has the open shape {tuple(dims)}: export the model with a fixed one"
            )
        if dims[0] > 1:
            raise UnsupportedLayerError(
                f"input {source.name!r} has a fixed batch of {dims[0]}: export the model with a batch of 1, or an open "
                "one (dynamic_axes, dynamic_shapes)"
            )
        return tuple(dims[1:])

    # --- nodes ---------------------------------------------------------------------------------------------

    def _node(self, node: Any) -> None:
        kind = kind_of(node)
        self.known.infer(node)
        data = [name for name in node.input if name in self.values]
        if node.output[0] in self.known.values:
            return  # computed for another order of axes
        if (not data or kind in ("Shape", "Size")) and self.known.fold(node):
            return
        for name in node.input:
            if name and name not in self.values and self.known.value(name) is None:
                raise FileFormatError(f"{self.name}: {kind} node {node.name!r} reads {name!r}, which nothing makes")
        try:
            if kind in CONSTANT and not data:
                self.known.keep(node.output[0], constant(self._call(node, kind, ())))
                return
            self.values[node.output[0]] = self._read(node, kind)
        except Refusal as why:
            self.build.refused.append(f"{kind} node {node.name or node.output[0]!r}: {why}")
            self._stand_in(node, data)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise FileFormatError(
                f"{self.name}: {kind} node {node.name!r} is broken: {error}; export it again"
            ) from error
        for name in node.output[1:]:
            self.values[name] = None

    def _read(self, node: Any, kind: str) -> Value | None:
        shape = self.known.shape(node.output[0])
        if kind not in READERS and kind not in NOTHING:
            raise Refusal(ADVICE.get(kind, UNKNOWN))
        if any(name in self.values and self.values[name] is None for name in node.input):
            return None  # it reads what was refused
        if self.read & set(node.output[1:]):
            raise Refusal("its outputs beside the first are used; use the first alone")
        if shape is None:
            raise Refusal("its shape is not known before the data are; export the model with fixed shapes")
        if not shape or shape[0] != 1:
            raise Refusal(f"it makes a tensor of shape {shape}, whose first axis is not the batch")
        return read(self._call(node, kind, shape[1:]))

    def _call(self, node: Any, kind: str, shape: Shape) -> Call:
        return Call(
            kind,
            self.known.versions.get("", 1),
            self.known.attributes(node),
            tuple(self._argument(name) for name in node.input),
            shape,
            Layouts(self.build, layer_of(node)),
            tuple(self.known.steps.get(name) for name in node.input),
        )

    def _argument(self, name: str) -> Value | Array | None:
        return self.values[name] if name in self.values else self.known.value(name) if name else None

    def _stand_in(self, node: Any, data: list[str]) -> None:
        """What a refused node makes, laid out as what it reads, so that the nodes behind it are looked at too."""
        shape = self.known.shape(node.output[0])
        before = next((v for name in data if (v := self.values[name]) is not None), None)
        self.values[node.output[0]] = None
        if before is not None and before.direct and shape and shape[0] == 1 and len(shape) == len(before.shape) + 1:
            held = tuple(shape[1:][before.axes.index(axis)] for axis in range(len(before.axes)))
            made = self.build.add(layer_of(node), Input(), (), held)
            self.values[node.output[0]] = Value(made, held, before.axes, shape[1:])


def layer_of(node: Any) -> str:
    """What a layer is called: by its weights, as torch names them, or by its node without the operator."""
    for name in node.input[1:]:
        if name.endswith(".weight"):
            return str(name.removesuffix(".weight"))
    return re.sub(rf"/{node.op_type}(_\d+)?$", "", node.name).strip("/") or str(node.output[0])
