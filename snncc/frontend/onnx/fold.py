"""Shapes and constants: onnx's own inference, node by node, and its reference evaluator for what no data reach."""

from __future__ import annotations

from typing import Any

import numpy as np

from snncc.errors import FileFormatError
from snncc.frontend.onnx.load import elements, library
from snncc.frontend.onnx.rounding import Constant
from snncc.graph import Array

LARGEST, MOST = 2**25, 2**27
"""Elements of a tensor, and of all constants together that are computed."""
SMALL = 1024
"""Elements of a constant whose numbers shape inference may look at."""
_FOLDED = """
Abs Add And Cast CastLike Ceil Clip Concat Constant ConstantOfShape Div Equal Exp Expand Flatten Floor Gather Greater
Identity Less Log Max Min Mod Mul Neg Not Or Pad Pow Range Reciprocal ReduceMax ReduceMin ReduceProd ReduceSum Reshape
Round Shape Sign Size Slice Split Sqrt Squeeze Sub Tile Transpose Unsqueeze Where
"""
FOLDED = frozenset(_FOLDED.split())
"""What is evaluated where all that it reads is constant."""
MOVES = ("Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
"""What moves the elements of its first input."""
SHAPES = ("Shape", "Size")
"""What reads no more than a shape."""
SILENT = ("Scaler",)
"""What onnx infers no shape for, and keeps it."""


class Constants:
    """What is known of a model's tensors before any data: types and shapes of all, values of some."""

    def __init__(self, model: Any, where: str) -> None:
        self.onnx, self.where = library(), where
        self.opsets = list(model.opset_import)
        self.versions = {opset.domain or "": opset.version for opset in model.opset_import}
        self.stored = {tensor.name: tensor for tensor in model.graph.initializer}
        self.values: dict[str, Array] = {}
        self.steps: dict[str, Array] = {}  # of constants on a grid: integers times it, of the constant's shape
        self.types: dict[str, Any] = {}
        self.computed = 0

    def value(self, name: str) -> Array | None:
        """A constant by its name, or None for what is none; FileFormatError for one whose data are not its shape's."""
        if name not in self.values and name in self.stored:
            self._keep(name, self.array(self.stored[name]))
        return self.values.get(name)

    def array(self, tensor: Any) -> Array:
        """A tensor of the file as an array."""
        try:
            if elements(tensor.dims) > 2**31:
                raise ValueError(f"{elements(tensor.dims):,} elements")
            found: Array = self.onnx.numpy_helper.to_array(tensor)
        except Exception as error:
            raise FileFormatError(f"{self.where}: tensor {tensor.name!r} cannot be read: {error}") from error
        return found

    def declare(self, name: str, kind: int, shape: tuple[int, ...]) -> None:
        """The type of a tensor that data reach."""
        self.types[name] = self.onnx.helper.make_tensor_type_proto(kind, shape)

    def shape(self, name: str) -> tuple[int, ...] | None:
        """The whole shape of a tensor, where it is known."""
        kind = self.types.get(name)
        if kind is None or not kind.tensor_type.HasField("shape"):
            return None
        dims = kind.tensor_type.shape.dim
        return tuple(d.dim_value for d in dims) if all(d.HasField("dim_value") for d in dims) else None

    def bounded(self, name: str) -> None:
        """FileFormatError for a tensor of more elements than are ever computed, or of a negative size."""
        shape = self.shape(name)
        if shape is not None and (min(shape, default=0) < 0 or elements(shape) > LARGEST):
            raise FileFormatError(f"{self.where}: tensor {name!r} of shape {shape} is too large, or none")

    def infer(self, node: Any) -> None:
        """Types and shapes of a node's outputs; FileFormatError where they contradict each other."""
        domain = "" if node.domain == "ai.onnx" else node.domain
        same = node.op_type.endswith("Quant") or node.op_type == "ZipMap"  # onnx knows ZipMap of float, not of double
        if domain and same and node.input[0] in self.types:
            self.types[node.output[0]] = self.types[node.input[0]]
            return
        try:
            schema = self.onnx.defs.get_schema(node.op_type, self.versions.get(domain, 1), domain)
        except self.onnx.defs.SchemaError:
            return
        known = [name for name in node.input if name]
        if not all(name in self.types or self.value(name) is not None for name in known):
            return
        small = {name: self.onnx.numpy_helper.from_array(self.values[name], name)
                 for name in known if name in self.values and self.values[name].size <= SMALL}  # fmt: skip
        try:
            found = self.onnx.shape_inference.infer_node_outputs(
                schema, node, {name: self.types[name] for name in known}, small, opset_imports=self.opsets
            )
        except Exception as error:
            said = " ".join(str(error).split())[:300]
            raise FileFormatError(
                f"{self.where}: {node.op_type} node {node.name!r}: its shapes do not fit together: {said}"
            ) from error
        self.types |= found
        if node.op_type in SILENT and self.shape(node.input[0]) is not None:
            self.declare(node.output[0], self.onnx.TensorProto.FLOAT, self.shape(node.input[0]) or ())
        for name in found:
            self.bounded(name)

    def fold(self, node: Any) -> bool:
        """Evaluate a node that reads constants alone; whether that was done."""
        if node.domain not in ("", "ai.onnx") or node.op_type not in FOLDED:
            return False
        if any(self.shape(name) is None for name in node.output if name):
            return False
        inputs = {name: self._stand_in(name) if node.op_type in SHAPES else self.value(name)
                  for name in node.input if name}  # fmt: skip
        if any(value is None for value in inputs.values()):
            return False
        self.computed += sum(elements(self.shape(name) or ()) for name in node.output if name)
        if self.computed > MOST:
            raise FileFormatError(f"{self.where}: {node.op_type} node {node.name!r}: its constants are too large")
        grid = self.steps.get(node.input[0]) if node.op_type in MOVES else None
        try:
            with np.errstate(all="ignore"):
                made = self._evaluator(node).run(None, inputs)
                if grid is not None:
                    moved = {**inputs, node.input[0]: grid.astype(made[0].dtype)}
                    (self.steps[node.output[0]],) = self._evaluator(node).run(None, moved)
        except Exception as error:
            raise FileFormatError(
                f"{self.where}: {node.op_type} node {node.name!r} cannot be evaluated: {error}"
            ) from error
        for name, value in zip(node.output, made, strict=False):
            self._keep(name, np.asarray(value))
        return True

    def keep(self, name: str, found: Constant) -> None:
        """A constant that a quantiser made."""
        self._keep(name, found.values)
        if found.step is not None:
            self.steps[name] = found.step

    def _stand_in(self, name: str) -> Array | None:
        """Zeros of a tensor's shape that take no memory."""
        shape = self.shape(name)
        return None if shape is None else np.broadcast_to(np.float32(0), shape)

    def _evaluator(self, node: Any) -> Any:
        helper = self.onnx.helper
        ends = [[helper.make_value_info(name, self.types[name]) for name in names if name]
                for names in (node.input, node.output)]  # fmt: skip
        model = helper.make_model(helper.make_graph([node], "constant", *ends), opset_imports=self.opsets)
        return self.onnx.reference.ReferenceEvaluator(model)

    def _keep(self, name: str, value: Array) -> None:
        self.values[name] = value
        self.declare(name, self.onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)

    def attributes(self, node: Any) -> dict[str, Any]:
        """A node's attributes as Python's numbers and strings, tensors as arrays."""
        found = {}
        for attribute in node.attribute:
            value = self.onnx.helper.get_attribute_value(attribute)
            if isinstance(value, self.onnx.TensorProto):
                value = self.array(value)
            found[attribute.name] = value.decode(errors="replace") if isinstance(value, bytes) else value
        return found
